"""runner.channel: bytes in order, and every wait ends at its deadline."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from runner.channel import READ_BYTES, RECORD_BYTES, SLACK_S, Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

SOON_S = 0.1
LONG_S = 60.0
"""A deadline that is never reached; a wait that ignored its own would reach the limit of the test run."""


class CountingSocket(socket.socket):
    """A socket that notes the names of the system calls it is asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked: list[str] = []

    def send(self, *args: Any) -> int:
        self.asked.append("send")
        return super().send(*args)

    def recv(self, *args: Any) -> bytes:
        self.asked.append("recv")
        return super().recv(*args)

    def setsockopt(self, *args: Any) -> None:
        self.asked.append("setsockopt")
        super().setsockopt(*args)


@pytest.fixture
def pair() -> Generator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


@contextlib.contextmanager
def meanwhile(work: Callable[[], None]) -> Generator[None]:
    """Runs ``work`` on a thread of its own, which has ended when the block has."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join(LONG_S)
    assert not thread.is_alive()


def after(seconds: float) -> float:
    return time.monotonic() + seconds


def test_bytes_arrive_in_order_and_whole(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    sent = bytes(range(256)) * 40_000  # far more than the buffers of the socket hold
    got = bytearray()

    def echo() -> None:
        while len(got) < len(sent):
            got.extend(theirs.recv(1000))
        theirs.sendall(bytes(got))

    back = bytearray()
    with meanwhile(echo):
        channel.send(sent, after(LONG_S))
        while len(back) < len(sent):
            back += channel.receive(after(LONG_S))

    assert got == sent
    assert back == sent


def test_receive_gives_what_is_there_and_does_not_wait_for_more(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    theirs.sendall(b"half a li")

    assert channel.receive(after(LONG_S)) == b"half a li"


def test_one_receive_takes_no_more_than_its_share(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    with meanwhile(lambda: theirs.sendall(b"x" * (READ_BYTES + 10))):
        parts = [channel.receive(after(LONG_S))]
        while sum(map(len, parts)) < READ_BYTES + 10:
            parts.append(channel.receive(after(LONG_S)))

    assert max(map(len, parts)) <= READ_BYTES


# Shorter than the slack, about the slack, and longer: for a deadline within the slack no timer was set at all, so the
# first wait of a channel never ended.
@pytest.mark.parametrize("seconds", [SLACK_S / 2, SLACK_S, SOON_S])
def test_a_silent_worker_is_waited_for_until_the_deadline(pair: tuple[Channel, socket.socket], seconds: float) -> None:
    channel, _ = pair
    deadline = after(seconds)

    with pytest.raises(TimeoutError):
        channel.receive(deadline)

    assert time.monotonic() >= deadline


@pytest.mark.parametrize("seconds", [SLACK_S / 2, SLACK_S, SOON_S])
def test_a_worker_that_does_not_read_is_waited_for_until_the_deadline(
    pair: tuple[Channel, socket.socket], seconds: float
) -> None:
    channel, _ = pair
    deadline = after(seconds)

    with pytest.raises(TimeoutError):
        channel.send(b"x" * 8_000_000, deadline)

    assert time.monotonic() >= deadline


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_a_deadline_that_has_passed_is_told_before_anything_is_sent_or_read(
    pair: tuple[Channel, socket.socket], seconds: float
) -> None:
    channel, theirs = pair
    theirs.sendall(b"x")

    with pytest.raises(TimeoutError):
        channel.receive(after(seconds))
    with pytest.raises(TimeoutError):
        channel.send(b"y", after(seconds))

    theirs.settimeout(0)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)


def test_the_deadline_of_an_earlier_wait_does_not_shorten_a_later_one(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    with pytest.raises(TimeoutError):
        channel.receive(after(SLACK_S))
    later = threading.Event()

    def speak_when_the_old_timer_is_over() -> None:
        later.wait(10 * SLACK_S)
        theirs.sendall(b"x")

    with meanwhile(speak_when_the_old_timer_is_over):
        assert channel.receive(after(LONG_S)) == b"x"


def test_a_worker_that_trickles_cannot_move_the_deadline(pair: tuple[Channel, socket.socket]) -> None:
    """SO_RCVTIMEO starts again with every byte; the clock decides."""
    channel, theirs = pair
    enough = threading.Event()

    def trickle() -> None:
        while not enough.wait(0.01):
            theirs.sendall(b"x")

    def read_for_ever(deadline: float) -> None:
        while channel.receive(deadline):
            pass

    deadline = after(SOON_S)
    with meanwhile(trickle):
        try:
            with pytest.raises(TimeoutError):
                read_for_ever(deadline)
        finally:
            enough.set()

    assert time.monotonic() >= deadline


def test_a_worker_that_reads_byte_by_byte_cannot_move_the_deadline(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    enough = threading.Event()

    def sip() -> None:
        while not enough.wait(0.01):
            theirs.recv(1)

    deadline = after(SOON_S)
    with meanwhile(sip):
        try:
            with pytest.raises(TimeoutError):
                channel.send(b"x" * 8_000_000, deadline)
        finally:
            enough.set()

    assert time.monotonic() >= deadline


def test_a_worker_that_reads_slowly_gets_every_byte(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    sent = b"0123456789" * 100_000
    got = bytearray()

    def read_slowly() -> None:
        while len(got) < len(sent):
            got.extend(theirs.recv(4096))

    with meanwhile(read_slowly):
        channel.send(sent, after(LONG_S))

    assert got == sent


def test_a_worker_that_ended_is_the_end_of_the_stream_after_its_last_bytes(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    theirs.sendall(b"last words")
    theirs.close()

    assert channel.receive(after(LONG_S)) == b"last words"
    assert channel.receive(after(LONG_S)) == b""


def test_a_worker_that_ended_with_unread_bytes_is_the_end_of_the_stream_too(
    pair: tuple[Channel, socket.socket],
) -> None:
    channel, theirs = pair
    channel.send(b"never read", after(LONG_S))
    theirs.close()

    assert channel.receive(after(LONG_S)) == b""


def test_sending_to_a_worker_that_ended_is_a_connection_error(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    theirs.close()

    with pytest.raises(ConnectionError):
        channel.send(b"x", after(LONG_S))


def test_a_worker_that_ends_while_it_is_waited_for_ends_the_wait(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    with meanwhile(lambda: theirs.shutdown(socket.SHUT_RDWR)):
        assert channel.receive(after(LONG_S)) == b""


def test_a_closed_channel_has_no_descriptor_and_the_worker_sees_the_end(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair

    channel.close()
    channel.close()

    assert channel.fileno() == -1
    assert theirs.recv(1) == b""


def test_an_ordinary_turn_costs_one_write_and_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.channel.time", SimpleNamespace(monotonic=lambda: 1000.0))
    ours, theirs = socket.socketpair()
    counting = CountingSocket(fileno=ours.detach())
    channel = Channel(counting)
    turns = 50

    with theirs, contextlib.closing(channel):
        for turn in range(turns):
            remaining_s = LONG_S - SLACK_S * turn / turns
            theirs.sendall(b"answer")
            assert channel.turn(b"x", 1000.0 + remaining_s) == b"answer"
            assert theirs.recv(READ_BYTES) == b"x"

    assert counting.asked == ["setsockopt", "send", "setsockopt", "recv"] + ["send", "recv"] * (turns - 1)


@pytest.fixture
def records() -> Generator[tuple[Channel, socket.socket]]:
    """As a worker has it, with the timers set by a turn before."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = Channel(ours)
    theirs.sendall(b"first")
    assert channel.turn(b"x", after(LONG_S)) == b"first"
    assert theirs.recv(READ_BYTES) == b"x"
    yield channel, theirs
    channel.close()
    theirs.close()


@pytest.mark.parametrize("length", [1, RECORD_BYTES, RECORD_BYTES + 1, 9_000_000])
def test_a_turn_of_any_length_arrives_whole_in_records_that_fit_into_one_read(
    records: tuple[Channel, socket.socket], length: int
) -> None:
    channel, theirs = records
    sent = bytes(range(251)) * (length // 251) + bytes(length % 251)
    got = bytearray()
    longest = 0

    def answer() -> None:
        nonlocal longest
        while len(got) < length:
            record = theirs.recv(READ_BYTES)
            longest = max(longest, len(record))
            got.extend(record)
        theirs.sendall(b"all of it")

    with meanwhile(answer):
        assert channel.turn(sent, after(LONG_S)) == b"all of it"

    assert got == sent
    assert longest <= RECORD_BYTES


@pytest.mark.parametrize("seconds", [SLACK_S / 2, SOON_S])
def test_a_turn_without_an_answer_ends_at_its_deadline(records: tuple[Channel, socket.socket], seconds: float) -> None:
    channel, theirs = records
    for _ in range(2):  # the second time the timers are right already
        deadline = after(seconds)

        with pytest.raises(TimeoutError):
            channel.turn(b"x", deadline)

        assert time.monotonic() >= deadline
        assert theirs.recv(READ_BYTES) == b"x"


def test_a_turn_that_nobody_takes_ends_at_its_deadline(records: tuple[Channel, socket.socket]) -> None:
    channel, _ = records
    for _ in range(2):
        deadline = after(SOON_S)

        with pytest.raises(TimeoutError):
            channel.turn(b"x" * 8_000_000, deadline)

        assert time.monotonic() >= deadline


def test_a_turn_with_a_worker_that_ended_before_it_is_a_connection_error(
    records: tuple[Channel, socket.socket],
) -> None:
    channel, theirs = records
    theirs.close()

    with pytest.raises(ConnectionError):
        channel.turn(b"x", after(LONG_S))


def test_a_turn_with_a_worker_that_ends_in_it_gives_nothing(records: tuple[Channel, socket.socket]) -> None:
    channel, theirs = records

    def take_and_end() -> None:
        assert theirs.recv(READ_BYTES) == b"x"
        theirs.close()

    with meanwhile(take_and_end):
        assert channel.turn(b"x", after(LONG_S)) == b""
