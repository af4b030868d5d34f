"""control.counters: what a client counts is there for its daemon, once, whoever of both ends when."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.control import counters
from runner.control.counters import (
    BOUNDS_S,
    COUNTS,
    LINES_AT,
    LINES_BYTES,
    LONGEST_LINE,
    ROWS,
    Counters,
    SharedCounters,
    quantile,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client() -> Counters:
    return Counters()


@pytest.fixture
def daemon(client: Counters) -> Iterator[SharedCounters]:
    shared = SharedCounters(os.dup(client.descriptor))
    yield shared
    shared.close()


def taken(daemon: SharedCounters) -> dict[tuple[str, str], int]:
    """What is new in the first number, by script and build."""
    return {(new.script, new.build): new.counts[0] for new in daemon.take()}


def test_each_count_is_taken_once(client: Counters, daemon: SharedCounters) -> None:
    client.row("/x.exe", "b1")[0] += 2
    first = taken(daemon)
    client.row("/x.exe", "b1")[0] += 1
    client.row("/y.exe", "b2")[0] += 5

    assert first == {("/x.exe", "b1"): 2}
    assert taken(daemon) == {("/x.exe", "b1"): 1, ("/y.exe", "b2"): 5}
    assert taken(daemon) == {}


def test_the_next_daemon_goes_on_where_the_one_before_stopped(client: Counters, daemon: SharedCounters) -> None:
    client.row("/x.exe", "b1")[0] += 2
    taken(daemon)
    client.row("/x.exe", "b1")[0] += 3

    after = SharedCounters(os.dup(client.descriptor))

    assert taken(after) == {("/x.exe", "b1"): 3}
    after.close()


def test_what_a_client_counted_outlives_it(client: Counters, daemon: SharedCounters) -> None:
    child = os.fork()
    if not child:
        client.row("/x.exe", "b1")[0] += 7
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)

    assert taken(daemon) == {("/x.exe", "b1"): 7}


def test_a_row_is_used_again_for_another_build_once_its_counts_were_taken(
    client: Counters, daemon: SharedCounters
) -> None:
    found: dict[tuple[str, str], int] = {}
    for number in range(3 * ROWS):
        client.row("/x.exe", f"b{number}")[0] += 1
        found |= taken(daemon)

    assert found == {("/x.exe", f"b{number}"): 1 for number in range(3 * ROWS)}


def test_without_a_daemon_what_finds_no_row_is_counted_as_no_script(client: Counters, daemon: SharedCounters) -> None:
    for number in range(ROWS + 10):
        client.row("/x.exe", f"b{number}")[0] += 1

    found = taken(daemon)

    assert len(found) == ROWS
    assert sum(found.values()) == ROWS + 10
    assert found["", ""] == 11  # its own row is one of them


def test_a_build_that_is_in_use_keeps_its_row(client: Counters, daemon: SharedCounters) -> None:
    for number in range(3 * ROWS):
        client.row("/used.exe", "b")[0] += 1
        client.row("/x.exe", f"b{number}")
        found = taken(daemon)
        assert found == {("/used.exe", "b"): 1}, number


def test_a_name_that_is_too_long_is_cut_off_and_its_counts_are_not(client: Counters, daemon: SharedCounters) -> None:
    client.row("/" + "x" * 4000 + ".exe", "b")[0] += 4
    client.row("/\udcff.exe", "b")[0] += 1

    assert sorted(taken(daemon).values()) == [1, 4]


def test_a_file_that_could_shrink_or_block_is_refused() -> None:
    pipe, end = os.pipe()
    os.close(end)
    open_ended = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    os.ftruncate(open_ended, counters.SIZE)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names are enough

    for descriptor in (pipe, open_ended, os.open(__file__, os.O_RDONLY)):
        with pytest.raises(ValueError, match="expected a sealed file of"):
            SharedCounters(descriptor)

    assert len(os.listdir("/proc/self/fd")) == before - 2  # noqa: PTH208 - each of them was closed


@given(st.binary(min_size=8, max_size=3000), st.integers(0, counters.SIZE - 3000))
def test_whatever_a_client_writes_there_gives_numbers_and_names(data: bytes, at: int) -> None:
    client = Counters()
    os.pwrite(client.descriptor, (2**64 - 1).to_bytes(8, "little"), 0)
    os.pwrite(client.descriptor, data, at)
    daemon = SharedCounters(os.dup(client.descriptor))

    found = list(daemon.take())

    daemon.close()
    assert all(len(new.counts) == COUNTS and min(new.counts) >= 0 for new in found)


def test_without_such_a_file_it_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_file(*_: object) -> int:
        raise OSError("no memory")

    monkeypatch.setattr(os, "memfd_create", no_file)
    client = Counters()
    client.row("/x.exe", "b")[0] += 1

    assert client.descriptor == -1
    assert client.row("/x.exe", "b")[0] == 1


@pytest.mark.parametrize(
    ("spread", "share", "found"),
    [
        ({}, 0.5, 0.0),
        ({0: 10}, 0.5, 0.00005),
        ({1: 10}, 0.5, 0.000175),
        ({0: 5, 3: 5}, 0.5, 0.0001),
        ({0: 5, 3: 5}, 0.9, 0.0009),
        ({len(BOUNDS_S): 3}, 0.5, BOUNDS_S[-1]),
    ],
)
def test_a_quantile_is_that_of_prometheus(spread: dict[int, int], share: float, found: float) -> None:
    times = [spread.get(number, 0) for number in range(len(BOUNDS_S) + 1)]

    assert quantile(times, share) == pytest.approx(found)


def test_lines_come_in_their_order_and_once(client: Counters, daemon: SharedCounters) -> None:
    for number in range(3):
        client.write(b"line %d" % number)

    assert daemon.lines() == ([b"line 0", b"line 1", b"line 2"], 0)
    client.write(b"line 3")
    assert daemon.lines() == ([b"line 3"], 0)
    assert daemon.lines() == ([], 0)


@given(st.lists(st.integers(0, LONGEST_LINE + 10), max_size=60))
def test_lines_of_any_length_come_whole_while_they_are_taken_in_time(lengths: list[int]) -> None:
    client = Counters()
    daemon = SharedCounters(os.dup(client.descriptor))
    client._words[1] = client._words[2] = LINES_BYTES - 5000  # the end of the room is near
    written, found = [], []
    for number, length in enumerate(lengths):
        line = b"%d" % (number % 10) * length
        client.write(line)
        written += [line] if length < LONGEST_LINE else []
        if number % 7 == 0:
            found += daemon.lines()[0]
    lines, lost = daemon.lines()

    daemon.close()
    assert (found + lines, lost) == (written, 0)


def test_of_lines_that_nobody_took_the_last_ones_are_there_and_the_loss_is_said(
    client: Counters, daemon: SharedCounters
) -> None:
    written = [b"%05d " % number + b"x" * 1000 for number in range(1000)]
    for line in written:
        client.write(line)

    lines, lost = daemon.lines()

    assert lines == written[-len(lines) :]
    assert LINES_BYTES - 2000 < sum(len(line) + 1 for line in lines) <= LINES_BYTES
    assert lost == sum(len(line) + 1 for line in written) - LINES_BYTES


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=200))
def test_whatever_a_client_says_of_its_lines_gives_lines(written: int, taken: int, data: bytes) -> None:
    client = Counters()
    client._memory[LINES_AT : LINES_AT + len(data)] = data
    client._words[1], client._words[2] = written, taken
    daemon = SharedCounters(os.dup(client.descriptor))

    lines, lost = daemon.lines()

    daemon.close()
    assert sum(map(len, lines)) <= LINES_BYTES
    assert lost >= 0
