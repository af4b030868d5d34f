"""runner.scripts.current: files that are broken, half written, deleted or refused."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptInvalid, ScriptNotFound
from runner.scripts.files import MAX_FILE_BYTES
from tests.scripts.builds import Builds, Clock, Make, Meanwhile, content, later

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("make_bad", "message"),
    [
        (lambda data: data[: len(data) // 2], r"is not complete: section \.\w+ ends at byte \d+, the file has \d+"),
        (lambda _: b"", "is not complete: its headers end after 0 bytes"),
        (lambda data: data[:100], "is not complete"),
        (lambda _: b"#!/bin/sh\n", "is not a .NET assembly: expected b'MZ' at its start, got b'#!/bin/s'"),
        (lambda data: data.replace(b"PE\0\0", b"XX\0\0"), "is not a .NET assembly"),
    ],
)
def test_a_broken_file_is_refused_by_name_when_nothing_else_can_serve(
    make: Make, script: Path, builds: Builds, make_bad: Callable[[bytes], bytes], message: str
) -> None:
    script.write_bytes(make_bad(builds["a"]))

    with pytest.raises(ScriptInvalid, match=message) as caught:
        make().current(str(script))

    assert str(script) in str(caught.value)


def test_no_cut_of_an_assembly_passes_for_a_whole_one(builds: Builds) -> None:
    from runner.scripts.files import check_assembly  # noqa: PLC0415  # the one test of it

    data = builds["a"]
    check_assembly("x", data)

    for length in range(0, len(data), 7):
        with pytest.raises(ScriptInvalid):
            check_assembly("x", data[:length])


def test_a_broken_file_leaves_the_last_good_generation_serving_and_says_so_once(
    make: Make, script: Path, builds: Builds, caplog: pytest.LogCaptureFixture
) -> None:
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)
    script.write_bytes(builds["b"][:700])

    served = [scripts.current(str(script)) for _ in range(3)]

    assert served == [good] * 3
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "is not complete" in caplog.text
    script.write_bytes(builds["b"])
    assert content(scripts, scripts.current(str(script))) == builds["b"]


def test_a_config_that_is_half_written_leaves_the_last_good_generation_serving(make: Make, script: Path) -> None:
    config = Path(f"{script}.config")
    config.write_text("<configuration></configuration>")
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)

    config.write_text("<configuration>")

    assert scripts.current(str(script)) is good


def test_a_rejected_generation_is_not_given_out_until_its_content_changes(
    make: Make, script: Path, builds: Builds, caplog: pytest.LogCaptureFixture
) -> None:
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)
    script.write_bytes(builds["b"])
    bad = scripts.current(str(script))

    assert scripts.reject(bad, ScriptInvalid("no Main")) is good
    assert scripts.current(str(script)) is good
    assert scripts.current(str(script)) is good

    assert caplog.text.count("no Main") == 1
    Path(f"{script}.config").write_text("<configuration/>")
    assert scripts.current(str(script)).id not in {good.id, bad.id}


def test_a_rejection_is_raised_again_when_there_is_no_good_generation(make: Make, script: Path) -> None:
    scripts = make()
    generation = scripts.current(str(script))

    for _ in range(2):
        with pytest.raises(ScriptInvalid, match="no Main"):
            scripts.reject(generation, ScriptInvalid("no Main"))
        with pytest.raises(ScriptInvalid, match="no Main"):
            scripts.current(str(script))


def test_a_build_that_is_whole_as_soon_as_its_half_was_read_is_served(make: Make, script: Path, builds: Builds) -> None:
    """Bug: the thread that had read waited for a CPU, and then called the half too old to be still in the making."""
    stat = Meanwhile()
    scripts = make(stat=stat, clock_ns=later)
    scripts.accept(scripts.current(str(script)))
    script.write_bytes(builds["b"][:700])
    stat.plan(at=2, of=int, work=lambda: script.write_bytes(builds["b"]))

    assert content(scripts, scripts.current(str(script))) == builds["b"]


def test_an_older_look_that_ends_late_does_not_take_the_place_of_a_newer_one(
    make: Make, script: Path, builds: Builds
) -> None:
    """Bug: the build before the newest one was served while the next one was half written."""
    stat = Meanwhile()
    scripts = make(stat=stat)

    def newer() -> None:
        script.write_bytes(builds["b"])
        scripts.current(str(script))

    stat.plan(at=3, of=str, work=newer)  # when the first look sees that the file stood still while it was read
    assert content(scripts, scripts.current(str(script))) == builds["a"]
    script.write_bytes(builds["a"][:700])

    assert content(scripts, scripts.current(str(script))) == builds["b"]


def test_a_deleted_script_serves_for_its_grace_and_no_longer(make: Make, script: Path, clock: Clock) -> None:
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)
    script.unlink()

    assert scripts.current(str(script)) is good
    clock.now += 4.9
    assert scripts.current(str(script)) is good
    clock.now += 0.2
    with pytest.raises(ScriptNotFound, match="no such file"):
        scripts.current(str(script))


def test_a_helper_that_is_deleted_and_written_again_is_never_seen_missing(
    make: Make, script: Path, builds: Builds, clock: Clock
) -> None:
    helper = script.parent / "H.dll"
    helper.write_bytes(builds["h"])
    scripts = make()
    good = scripts.extend(scripts.current(str(script)), ("H",))
    scripts.accept(good)

    helper.unlink()
    assert scripts.current(str(script)) is good
    helper.write_bytes(builds["i"])
    assert scripts.current(str(script)).id != good.id
    helper.unlink()
    scripts.current(str(script))
    clock.now += 6

    assert scripts.current(str(script)).helpers == {"H": None}


def test_a_script_that_never_was_is_not_found(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound, match=r"none\.exe: there is no such file"):
        make().current(str(tmp_path / "none.exe"))


def test_anything_but_a_regular_file_is_refused_unopened(make: Make, tmp_path: Path) -> None:
    fifo, link, plug = tmp_path / "fifo", tmp_path / "loop", tmp_path / "plug"
    os.mkfifo(fifo)
    link.symlink_to(link)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(plug))
        for path, message in (
            (tmp_path, "got a directory"),
            (fifo, "got a FIFO"),
            (plug, "got a socket"),
            (Path("/dev/null"), "got a device"),
            (link, "symbolic links"),
            (Path("x\0y"), "null "),
        ):
            with pytest.raises(ScriptInvalid, match=message):
                make().current(str(path))


def test_a_script_over_the_size_limit_is_refused_unread(make: Make, script: Path) -> None:
    os.truncate(script, MAX_FILE_BYTES + 1)

    with pytest.raises(ScriptInvalid, match="more than the"):
        make().current(str(script))
