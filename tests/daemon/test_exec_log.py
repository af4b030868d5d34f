"""daemon.exec_log: a line for each exec, and a file that fails holds up nobody."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from runner.control.connection import Control
from runner.control.counters import Counters
from runner.daemon.borrower import Client
from runner.daemon.counting import MOST_LINES, Counting
from runner.daemon.exec_log import writing
from runner.errors import ConfigError
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _the_last_lines_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.daemon.exec_log.END_S", WAIT_S)


@pytest.fixture
def client() -> Iterator[Client]:
    ours, theirs = socket.socketpair()
    yield Client(Control(ours), 4312, 2, is_trusted=True)
    ours.close()
    theirs.close()


def joined(counting: Counting, client: Client) -> Counters:
    counters = Counters()
    counting.join(client, (os.dup(counters.descriptor),))
    return counters


def test_what_a_client_leaves_is_in_the_file_with_its_process_also_after_its_end(
    client: Client, tmp_path: Path
) -> None:
    file, counting = tmp_path / "execs.jsonl", Counting(lambda _path: True)
    with writing(file, counting):
        counters = joined(counting, client)
        counters.write(b'{"outcome":"true","client":1}')
        counting.take([client])
        until(lambda: file.stat().st_size > 0, "it is written")
        file.rename(tmp_path / "moved")
        counters.write(b'{"outcome":"false"}')
        counting.leave(client)
    moved, lines = (tmp_path / "moved").read_text("utf-8"), file.read_text("utf-8")

    assert json.loads(moved) == {"client": 4312, "outcome": "true"}
    assert lines == '{"client":4312,"outcome":"false"}\n'


def test_what_is_no_object_of_json_is_left_out(client: Client, tmp_path: Path) -> None:
    file, counting = tmp_path / "execs.jsonl", Counting(lambda _path: True)
    with writing(file, counting):
        counters = joined(counting, client)
        for line in (b"garbage", b"[1]", b"\xff", b"[" * 4000, b'{"a":"\\u001b[31m"}', b""):
            counters.write(line)
        counting.leave(client)

    assert file.read_text("utf-8") == '{"client":4312,"a":"\\u001b[31m"}\n'


def test_what_cannot_be_written_is_said_and_the_counting_goes_on(
    client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counting = Counting(lambda _path: True)
    with writing(tmp_path / "execs.jsonl", counting):
        counters = joined(counting, client)
        (tmp_path / "execs.jsonl").unlink()
        (tmp_path / "execs.jsonl").mkdir()
        counters.write(b'{"outcome":"true"}')
        counting.leave(client)

    assert f"exec_log {tmp_path}/execs.jsonl: failed (1 until now): " in caplog.text


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=f"^exec_log {tmp_path}/no/execs.jsonl: No such file or directory"),
        writing(tmp_path / "no" / "execs.jsonl", Counting(lambda _path: True)),
    ):
        pass


def test_of_lines_that_nobody_writes_the_oldest_are_dropped_and_counted(client: Client) -> None:
    counting = Counting(lambda _path: True)
    counting.keep_lines()
    counters = joined(counting, client)
    for _ in range(MOST_LINES // 1000 + 2):
        for number in range(1000):
            counters.write(b"%09d" % number)
        counting.take([client])

    lines, lost = counting.lines()

    assert len(lines) == MOST_LINES
    assert lost == ((MOST_LINES // 1000 + 2) * 1000 - MOST_LINES) * 9
    counting.leave(client)
