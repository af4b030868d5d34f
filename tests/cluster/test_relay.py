"""runner.cluster.relay: one wire that leads over messages."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest

from runner.cluster import relay as relays
from runner.cluster.messages import DATA, Back
from runner.cluster.relay import GAP, HUNG_UP, NOT_SENT, Relay
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.control.messages import Message

MOST = 1000


class Side:
    """A relay and the pipes of whoever talks over it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        theirs, self.writes = os.pipe2(os.O_NONBLOCK)
        self.reads, into = os.pipe2(os.O_NONBLOCK)
        self.sent: list[bytes] = []
        self.is_connected = True
        self.heard: list[Message] = []
        self.reasons: list[str] = []
        self.relay = Relay(
            loop, theirs, into, most_bytes=MOST, send=self.send, hear=self.heard.append, lost=self.reasons.append
        )
        self.relay.begin()

    def send(self, frame: bytes) -> bool:
        if self.is_connected:
            self.sent.append(frame)
        return self.is_connected

    def close(self) -> None:
        self.relay.close()
        for descriptor in (self.reads, self.writes):
            os.close(descriptor)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def sides(loop: asyncio.AbstractEventLoop) -> Iterator[tuple[Side, Side]]:
    both = Side(loop), Side(loop)
    yield both
    for side in both:
        side.close()


def until(loop: asyncio.AbstractEventLoop, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        loop.run_until_complete(asyncio.sleep(0))


def test_bytes_of_any_length_arrive_in_order_and_in_messages_that_the_server_takes(
    loop: asyncio.AbstractEventLoop, sides: tuple[Side, Side]
) -> None:
    here, there = sides
    line = os.urandom(20_000)

    os.write(here.writes, line)
    until(loop, lambda: sum(map(len, here.sent)) >= len(line))
    for frame in here.sent:
        there.relay.take(frame)

    assert os.read(there.reads, 2 * len(line)) == line
    assert max(map(len, here.sent)) <= MOST


def test_a_line_for_a_reader_that_is_slow_waits_and_arrives(
    loop: asyncio.AbstractEventLoop, sides: tuple[Side, Side]
) -> None:
    line, read = os.urandom(300_000), b""

    sides[0].relay.take(DATA + bytes(4) + line)  # more than a pipe holds
    while len(read) < len(line):
        until(loop, lambda: _is_readable(sides[0].reads))
        read += os.read(sides[0].reads, len(line))

    assert read == line


def test_after_a_message_that_was_lost_nothing_is_believed(sides: tuple[Side, Side]) -> None:
    here, there = sides
    frames = [here.relay.framed(DATA, b"one\n"), here.relay.framed(DATA, b"two\n"), here.relay.framed(DATA, b"three\n")]

    there.relay.take(frames[0])
    there.relay.take(frames[2])

    assert there.reasons == [GAP]
    assert os.read(there.reads, 100) == b"one\n"


def test_a_message_that_comes_twice_ends_the_lease(sides: tuple[Side, Side]) -> None:
    frame = sides[0].relay.framed(DATA, b"exec\n")

    sides[1].relay.take(frame)
    sides[1].relay.take(frame)

    assert sides[1].reasons == [GAP]
    assert os.read(sides[1].reads, 100) == b"exec\n"


def test_what_has_not_come_by_the_second_time_that_both_compare_is_lost(sides: tuple[Side, Side]) -> None:
    here, there = sides
    here.relay.framed(DATA, b"lost\n")

    there.relay.compare(here.relay.sent)
    assert not there.reasons  # it may be on its way
    there.relay.compare(here.relay.sent)

    assert there.reasons == [GAP]


def test_what_comes_between_two_such_times_was_late(sides: tuple[Side, Side]) -> None:
    here, there = sides
    frame = here.relay.framed(DATA, b"late\n")

    there.relay.compare(here.relay.sent)
    there.relay.take(frame)
    there.relay.compare(here.relay.sent)

    assert not there.reasons


def test_what_is_held_back_follows_as_soon_as_it_may(sides: tuple[Side, Side]) -> None:
    here, there = sides
    there.relay.hold()
    there.relay.take(here.relay.framed(DATA, b"load\n"))
    assert not _is_readable(there.reads)

    there.relay.go_on()

    assert os.read(there.reads, 100) == b"load\n"


def test_what_is_said_comes_beside_the_bytes(sides: tuple[Side, Side]) -> None:
    here, there = sides

    here.relay.say(Back(reason="it ends"))
    there.relay.take(here.sent[0])

    assert there.heard == [Back(reason="it ends")]
    there.relay.take(here.relay.framed(b"S", b"nonsense"))
    assert "not understood" in there.reasons[0]


def test_a_client_waits_from_its_line_until_the_answer(
    loop: asyncio.AbstractEventLoop, sides: tuple[Side, Side]
) -> None:
    here, there = sides
    assert not here.relay.waits_since

    os.write(here.writes, b"exec\n")
    until(loop, lambda: here.sent)
    assert here.relay.waits_since

    here.relay.take(there.relay.framed(DATA, b"result\n"))
    assert not here.relay.waits_since


def test_without_a_connection_nothing_is_sent_and_nobody_waits(
    loop: asyncio.AbstractEventLoop, sides: tuple[Side, Side]
) -> None:
    here, _ = sides
    here.is_connected = False

    os.write(here.writes, b"exec\n")
    until(loop, lambda: here.reasons)

    assert here.reasons == [NOT_SENT]
    assert not here.relay.waits_since


def test_while_it_pauses_it_takes_nothing(loop: asyncio.AbstractEventLoop, sides: tuple[Side, Side]) -> None:
    here, _ = sides
    here.relay.pause()
    os.write(here.writes, b"exec\n")
    loop.run_until_complete(asyncio.sleep(0.01))
    assert not here.sent

    here.relay.resume()
    until(loop, lambda: here.sent)


def test_a_hang_up_is_seen_on_both_pipes(loop: asyncio.AbstractEventLoop, sides: tuple[Side, Side]) -> None:
    for side, end in zip(sides, ("writes", "reads"), strict=True):
        os.close(getattr(side, end))
        setattr(side, end, os.dup(0))
    sides[1].relay.take(sides[0].relay.framed(DATA, b"exec\n"))

    until(loop, lambda: all(side.reasons for side in sides))

    assert [side.reasons[0] for side in sides] == [HUNG_UP, HUNG_UP]


def test_more_than_a_reader_may_leave_unread_ends_it(monkeypatch: pytest.MonkeyPatch, sides: tuple[Side, Side]) -> None:
    monkeypatch.setattr(relays, "MOST_WAITING", 100_000)
    here, there = sides

    for _ in range(40):
        there.relay.take(here.relay.framed(DATA, bytes(10_000)))

    assert "nobody reads" in there.reasons[0]


def _is_readable(descriptor: int) -> bool:
    import select  # noqa: PLC0415 - for this alone

    return bool(select.select([descriptor], [], [], 0)[0])
