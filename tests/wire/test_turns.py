"""runner.wire.channel: one turn, which is a line there and what comes back."""

from __future__ import annotations

import os
import select
import time
from types import SimpleNamespace

import pytest

from runner.wire.channel import READ_BYTES, Channel
from tests.programs import until
from tests.wire.ends import LONG_S, SOON_S, Ends, after, meanwhile


class CountedCalls:
    """What a channel asks the kernel for, by name."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def write(self, descriptor: int, data: bytes) -> int:
        self.asked.append("write")
        return os.write(descriptor, data)

    def read(self, descriptor: int, count: int) -> bytes:
        self.asked.append("read")
        return os.read(descriptor, count)

    def poll(self) -> SimpleNamespace:
        poll = select.poll()

        def wait(timeout_ms: float) -> list[tuple[int, int]]:
            self.asked.append("poll")
            return poll.poll(timeout_ms)

        return SimpleNamespace(register=poll.register, poll=wait)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> CountedCalls:
    counted = CountedCalls()
    names = {
        name: getattr(os, name)
        for name in ("fstat", "set_blocking", "close", "O_RDONLY", "O_WRONLY", "O_ACCMODE", "O_NONBLOCK")
    }
    monkeypatch.setattr("runner.wire.channel.os", SimpleNamespace(write=counted.write, read=counted.read, **names))
    monkeypatch.setattr(
        "runner.wire.channel.select", SimpleNamespace(poll=counted.poll, POLLIN=select.POLLIN, POLLOUT=select.POLLOUT)
    )
    return counted


def test_an_ordinary_turn_costs_one_write_and_one_read(calls: CountedCalls, pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    turns = 50

    for _ in range(turns):
        theirs.sendall(b"answer")
        assert channel.turn(b"x", after(LONG_S)) == b"answer"
        assert theirs.recv(READ_BYTES) == b"x"

    assert calls.asked == ["write", "read"] * turns


def test_a_turn_whose_answer_is_not_there_yet_waits_once(calls: CountedCalls, pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair

    def answer() -> None:
        assert theirs.recv(READ_BYTES) == b"x"
        until(lambda: "poll" in calls.asked, "it waits")
        theirs.sendall(b"answer")

    with meanwhile(answer):
        assert channel.turn(b"x", after(LONG_S)) == b"answer"

    assert calls.asked == ["write", "read", "poll", "read"]


@pytest.mark.parametrize("length", [1, 4096, 65537, 9_000_000])
def test_a_turn_of_any_length_arrives_whole(pair: tuple[Channel, Ends], length: int) -> None:
    channel, theirs = pair
    sent = bytes(range(251)) * (length // 251) + bytes(length % 251)
    got = bytearray()

    def answer() -> None:
        while len(got) < length:
            got.extend(theirs.recv(READ_BYTES))
        theirs.sendall(b"all of it")

    with meanwhile(answer):
        assert channel.turn(sent, after(LONG_S)) == b"all of it"

    assert got == sent


@pytest.mark.parametrize("seconds", [0.002, SOON_S])
def test_a_turn_without_an_answer_ends_at_its_deadline(pair: tuple[Channel, Ends], seconds: float) -> None:
    channel, theirs = pair
    deadline = after(seconds)

    with pytest.raises(TimeoutError):
        channel.turn(b"x", deadline)

    assert time.monotonic() >= deadline
    assert (channel.unsent or theirs.recv(READ_BYTES)) == b"x"  # it may pass before anything is sent


def test_a_turn_that_nobody_takes_ends_at_its_deadline(pair: tuple[Channel, Ends]) -> None:
    channel, _ = pair
    deadline = after(SOON_S)

    with pytest.raises(TimeoutError):
        channel.turn(b"x" * 8_000_000, deadline)

    assert time.monotonic() >= deadline


def test_a_turn_with_a_worker_that_ended_before_it_is_a_connection_error(
    pair: tuple[Channel, Ends],
) -> None:
    channel, theirs = pair
    theirs.close()

    with pytest.raises(ConnectionError):
        channel.turn(b"x", after(LONG_S))


def test_a_turn_with_a_worker_that_ends_in_it_gives_nothing(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair

    def take_and_end() -> None:
        assert theirs.recv(READ_BYTES) == b"x"
        theirs.close()

    with meanwhile(take_and_end):
        assert channel.turn(b"x", after(LONG_S)) == b""


def test_a_script_that_asks_for_ever_and_is_answered_at_once_meets_its_deadline(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    deadline = after(SOON_S)

    def take_turns() -> None:
        while True:
            theirs.sendall(b"and?")
            channel.turn(b"x", deadline)
            theirs.recv(1)

    with pytest.raises(TimeoutError):
        take_turns()
    assert time.monotonic() >= deadline
