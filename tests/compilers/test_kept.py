"""runner.compilers.kept: what was compiled, on disk by content, while nobody else may have changed it."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

import pytest

from runner import mcs
from runner.compilers.kept import BLOCK_BYTES, Kept

if TYPE_CHECKING:
    from pathlib import Path

MOST = 4 * BLOCK_BYTES


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return mcs.cache_directory() / "things"


@pytest.fixture
def kept(directory: Path) -> Kept:
    return Kept(lambda: directory, MOST)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_what_is_kept_is_there_for_another_program_and_nothing_else_is(kept: Kept, directory: Path) -> None:
    assert kept.read("a") is None
    kept.write("a", b"one\ntwo")
    kept.write("b", b"")

    assert [Kept(lambda: directory, MOST).read(key) for key in ("a", "b", "c")] == [b"one\ntwo", b"", None]


@pytest.mark.parametrize("content", [b"", b"other", b"0" * 64 + b"\nmade", b"\xff" * 100])
def test_content_that_was_changed_is_refused_until_it_is_written_again(
    kept: Kept, directory: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    kept.write("a", b"made")
    (directory / "a").write_bytes(content)

    assert [kept.read("a"), kept.read("a")] == [None, None]
    assert warnings(caplog) == [f"{directory / 'a'} is not used: its content is not what was written"]
    kept.write("a", b"made")
    assert kept.read("a") == b"made"


def test_a_file_that_others_may_change_is_refused_and_replaced(
    kept: Kept, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept.write("a", b"made")
    (directory / "a").chmod(0o666)

    assert kept.read("a") is None
    assert "has mode 0666, so others may change it" in warnings(caplog)[0]
    kept.write("a", b"made")
    assert kept.read("a") == b"made"
    assert (directory / "a").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_others_may_write_to_is_not_used(
    kept: Kept, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept.write("a", b"made")
    directory.chmod(0o777)

    assert kept.read("a") is None
    kept.write("b", b"made")

    assert not (directory / "b").exists()
    assert "what was compiled is not kept: the cache is not used: " in warnings(caplog)[-1]


def test_where_nothing_can_be_written_one_warning_says_so(
    kept: Kept, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory.parent.mkdir(parents=True)
    directory.write_text("not a directory", "ascii")

    for _ in range(3):
        kept.write("a", b"made")

    assert len(warnings(caplog)) == 1
    assert f"{directory}: what was compiled is not kept: " in warnings(caplog)[0]


def test_the_oldest_go_when_all_together_take_too_much(kept: Kept, directory: Path) -> None:
    for number, key in enumerate("abcd"):
        kept.write(key, b"x")
        os.utime(directory / key, (number + 1, number + 1))
    assert kept.read("a") == b"x"  # used, so it is no longer the oldest

    kept.write("e", b"x")

    assert {path.name for path in directory.iterdir()} == {"a", "c", "d", "e"}
    kept.write("large", b"x" * (MOST + 1))
    assert {path.name for path in directory.iterdir()} == {"large"}


def test_threads_that_write_and_read_the_same_never_see_a_part_of_it(kept: Kept) -> None:
    wrong = []
    content = b"x" * MOST

    def use() -> None:
        for _ in range(50):
            kept.write("a", content)
            if kept.read("a") not in {content, None}:
                wrong.append(1)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert kept.read("a") == content
