from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from runner.worker.stderr import COPIED_LINES, HARMLESS_LINE, KEPT_LINES, LONGEST_LINE, Drain, Tail
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

PID = 4312


@pytest.fixture
def pipe() -> Iterator[tuple[Tail, int]]:
    """A tail and the descriptor that its worker would write to."""
    read, write = os.pipe()
    tail = Tail(read, PID, lines_per_s=5)
    yield tail, write
    tail.close()
    os.close(write)


def test_the_last_lines_are_kept_and_an_unfinished_one_counts(pipe: tuple[Tail, int]) -> None:
    tail, write = pipe
    os.write(write, b"".join(b"line %d\n" % number for number in range(100)) + b"unfinished")

    lines = tail.lines()

    assert len(lines) == KEPT_LINES
    assert lines[-2:] == ("line 99", "unfinished")


def test_an_endless_line_is_cut_and_bytes_that_are_not_text_are_shown(pipe: tuple[Tail, int]) -> None:
    tail, write = pipe
    os.write(write, b"\xff" + b"x" * 5000)

    (line,) = tail.lines()

    assert line.startswith("\ufffdx")
    assert len(line) == LONGEST_LINE


def test_lines_are_logged_with_the_pid_and_a_flood_is_counted(
    pipe: tuple[Tail, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    tail, write = pipe
    os.write(write, b"noise\n" * 1000)

    tail.pump()
    tail.close()

    logged = [message for message in caplog.messages if message == f"worker {PID}: noise"]
    # The second may turn in the middle of the flood.
    assert 5 <= len(logged) <= 10
    assert any("more lines on stderr, not logged" in message for message in caplog.messages)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_harmless_line_of_mono_itself_is_left_out(pipe: tuple[Tail, int], step: int) -> None:
    """mono 6.12 prints it for each DllImport of an assembly that a script loaded from bytes."""
    tail, write = pipe
    written = (
        HARMLESS_LINE + b"\n\nmine\n" + HARMLESS_LINE + b"\n\n\n" + HARMLESS_LINE + b"\n" + HARMLESS_LINE + b", too\n"
    )
    for at in range(0, len(written), step):
        os.write(write, written[at : at + step])
        tail.pump()

    assert tail.lines() == ("mine", "", HARMLESS_LINE.decode() + ", too")
    assert tail.count() == 3


def test_a_closed_tail_keeps_its_lines(pipe: tuple[Tail, int]) -> None:
    tail, write = pipe
    os.write(write, b"last words\n")
    tail.pump()

    tail.close()

    assert tail.lines() == ("last words",)
    assert not tail.pump()


def test_the_drain_reads_and_reports_once_that_a_process_ended() -> None:
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; print('bye', file=sys.stderr); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stderr=write,
    )
    os.close(write)
    tail = Tail(read, process.pid, lines_per_s=5)
    ended = threading.Event()
    told: list[int] = []

    def on_exit() -> None:
        told.append(1)
        ended.set()

    pidfd = os.pidfd_open(process.pid)

    with Drain() as drain:
        drain.add(tail, pidfd, on_exit)
        until(lambda: tail.lines() == ("bye",), "the drain has read")
        assert not told
        process.communicate(timeout=WAIT_S)
        assert ended.wait(WAIT_S)
        drain.remove(tail, pidfd)

    assert told == [1]
    assert tail.fd == -1


def test_a_step_that_is_added_while_the_drain_ends_is_done(pipe: tuple[Tail, int]) -> None:
    """A pipe used to stay open when a worker was removed while the thread registered another one."""
    tail, _ = pipe
    pidfd = os.pidfd_open(os.getpid())
    is_busy = threading.Event()

    with Drain() as drain:
        drain.add(tail, pidfd, lambda: None)

        def take_long() -> None:
            is_busy.set()
            until(lambda: drain._ends, "the drain is told to end")

        drain._do(take_long)
        assert is_busy.wait(WAIT_S)
        drain.remove(tail, pidfd)

    assert tail.fd == -1


def test_a_drain_ends_while_a_grandchild_holds_a_pipe_open() -> None:
    read, write = os.pipe()
    tail = Tail(read, os.getpid(), lines_per_s=5)
    pidfd = os.pidfd_open(os.getpid())

    with Drain() as drain:
        drain.add(tail, pidfd, lambda: None)
        drain.remove(tail, pidfd)

    os.close(write)
    assert tail.fd == -1


def test_what_is_written_meanwhile_is_copied_to_each_who_asked_for_it(pipe: tuple[Tail, int]) -> None:
    tail, write = pipe
    os.write(write, b"before\n")
    with tail.copied() as outer:
        os.write(write, b"first\n")
        with tail.copied() as inner:
            os.write(write, b"second\n")
        os.write(write, b"third\n" * (COPIED_LINES + 5))
    os.write(write, b"after\n")
    tail.pump()

    assert inner == ["second"]
    assert outer[:3] == ["first", "second", "third"]
    assert len(outer) == COPIED_LINES
