"""runner.channel: bytes in order, and every wait ends at its deadline."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

import pytest

from runner.wire.channel import READ_BYTES, Channel, End, received
from tests.wire.ends import LONG_S, SOON_S, Ends, after, meanwhile


def test_bytes_arrive_in_order_and_whole(pair: tuple[Channel, Ends]) -> None:
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


def test_receive_gives_what_is_there_and_does_not_wait_for_more(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    theirs.sendall(b"half a li")

    assert channel.receive(after(LONG_S)) == b"half a li"


def test_one_receive_takes_no_more_than_its_share(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    with meanwhile(lambda: theirs.sendall(b"x" * (READ_BYTES + 10))):
        parts = [channel.receive(after(LONG_S))]
        while sum(map(len, parts)) < READ_BYTES + 10:
            parts.append(channel.receive(after(LONG_S)))

    assert max(map(len, parts)) <= READ_BYTES


@pytest.mark.parametrize("seconds", [0.002, 0.005, SOON_S])
def test_a_silent_worker_is_waited_for_until_the_deadline(pair: tuple[Channel, Ends], seconds: float) -> None:
    channel, _ = pair
    deadline = after(seconds)

    with pytest.raises(TimeoutError):
        channel.receive(deadline)

    assert time.monotonic() >= deadline


@pytest.mark.parametrize("seconds", [0.002, 0.005, SOON_S])
def test_a_worker_that_does_not_read_is_waited_for_until_the_deadline(
    pair: tuple[Channel, Ends], seconds: float
) -> None:
    channel, _ = pair
    deadline = after(seconds)

    with pytest.raises(TimeoutError):
        channel.send(b"x" * 8_000_000, deadline)

    assert time.monotonic() >= deadline


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_a_deadline_that_has_passed_is_told_before_anything_is_sent_or_read(
    pair: tuple[Channel, Ends], seconds: float
) -> None:
    channel, theirs = pair
    theirs.sendall(b"x")

    with pytest.raises(TimeoutError):
        channel.receive(after(seconds))
    with pytest.raises(TimeoutError):
        channel.send(b"y", after(seconds))

    with pytest.raises(TimeoutError):
        channel.turn(b"z", after(seconds))

    assert not theirs.has_bytes()


def test_a_worker_that_trickles_cannot_move_the_deadline(pair: tuple[Channel, Ends]) -> None:
    """A wait begins anew with every byte; the clock decides."""
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


def test_a_worker_that_reads_byte_by_byte_cannot_move_the_deadline(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    enough = threading.Event()

    def sip() -> None:
        while not enough.wait(0.01):
            if theirs.has_bytes():  # none were sent where the deadline has passed before
                theirs.recv(1)

    deadline = after(SOON_S)
    with meanwhile(sip):
        try:
            with pytest.raises(TimeoutError):
                channel.send(b"x" * 8_000_000, deadline)
        finally:
            enough.set()

    assert time.monotonic() >= deadline


def test_a_worker_that_reads_slowly_gets_every_byte(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    sent = b"0123456789" * 100_000
    got = bytearray()

    def read_slowly() -> None:
        while len(got) < len(sent):
            got.extend(theirs.recv(4096))

    with meanwhile(read_slowly):
        channel.send(sent, after(LONG_S))

    assert got == sent


def test_a_worker_that_ended_is_the_end_of_the_stream_after_its_last_bytes(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    theirs.sendall(b"last words")
    theirs.close()

    assert channel.receive(after(LONG_S)) == b"last words"
    assert channel.receive(after(LONG_S)) == b""


def test_a_worker_that_ended_with_unread_bytes_is_the_end_of_the_stream_too(
    pair: tuple[Channel, Ends],
) -> None:
    channel, theirs = pair
    channel.send(b"never read", after(LONG_S))
    theirs.close()

    assert channel.receive(after(LONG_S)) == b""


def test_sending_to_a_worker_that_ended_is_a_connection_error(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    theirs.close()

    with pytest.raises(ConnectionError):
        channel.send(b"x", after(LONG_S))


def test_a_worker_that_ends_while_it_is_waited_for_ends_the_wait(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    with meanwhile(theirs.close):
        assert channel.receive(after(LONG_S)) == b""


def test_a_closed_channel_has_no_descriptor_and_the_worker_sees_the_end(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair

    channel.close()
    channel.close()

    assert channel.descriptors() == ()
    assert theirs.recv(1) == b""


def test_a_channel_that_has_moved_goes_on_elsewhere(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair

    with contextlib.closing(channel.detach()) as moved:
        channel.close()
        theirs.sendall(b"answer")
        assert moved.turn(b"x", after(LONG_S)) == b"answer"

    assert channel.descriptors() == ()


def test_what_is_no_pair_of_pipes_is_no_channel_and_is_closed() -> None:
    ours, theirs = socket.socketpair()
    reads, writes = os.pipe()

    with ours, theirs:
        assert received((reads, os.dup(ours.fileno()))) is None
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(reads)
    os.close(writes)
    assert received(()) is None


def test_a_wire_is_known_by_its_pipes_and_the_way_that_its_ends_go() -> None:
    (reads, theirs_writes), (theirs_reads, writes) = os.pipe(), os.pipe()
    with contextlib.closing(Channel(reads, writes)) as channel:
        info = os.fstat(reads)
        ends = channel.ends()
        again = channel.reopened()

        assert ends[0] == End(info.st_dev, info.st_ino, os.O_RDONLY)
        assert ends[1].way == os.O_WRONLY
        assert again.ends() == ends
        assert channel.descriptors() == ()
        again.close()
        for descriptor in (theirs_writes, theirs_reads):
            os.close(descriptor)


@pytest.mark.parametrize("kind", ["turned", "both read", "both write"])
def test_the_wrong_ends_of_pipes_are_no_wire(kind: str) -> None:
    (reads, writes), (others_reads, others_writes) = os.pipe(), os.pipe()
    given = {"turned": (writes, reads), "both read": (reads, others_reads), "both write": (writes, others_writes)}[kind]

    assert received(given) is None

    left = {reads, writes, others_reads, others_writes} - set(given)
    for descriptor in given:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    for descriptor in left:
        os.close(descriptor)


def test_flags_of_a_copy_that_somebody_kept_do_not_reach_a_wire_that_was_opened_again() -> None:
    (reads, theirs_writes), (theirs_reads, writes) = os.pipe(), os.pipe()
    kept = [os.dup(reads), os.dup(writes)]

    with contextlib.closing(Channel(reads, writes).reopened()) as channel:
        for copy in kept:
            os.set_blocking(copy, True)

        assert [os.get_blocking(descriptor) for descriptor in channel.descriptors()] == [False, False]
        os.write(theirs_writes, b"x")
        assert channel.turn(b"y", after(LONG_S)) == b"x"
        assert os.read(theirs_reads, 10) == b"y"
    for descriptor in (*kept, theirs_writes, theirs_reads):
        os.close(descriptor)


def test_a_wait_that_takes_long_calls_its_alarm_once_and_goes_on(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    calls: list[float] = []

    def alarm() -> None:
        calls.append(time.monotonic())
        theirs.sendall(b"x")

    channel.alarm_at, channel.alarm = after(SOON_S), alarm

    assert channel.receive(after(LONG_S)) == b"x"
    with pytest.raises(TimeoutError):
        channel.receive(after(2 * SOON_S))
    assert len(calls) == 1


def test_an_alarm_that_comes_after_the_deadline_or_the_answer_is_none(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    calls: list[float] = []
    channel.alarm_at, channel.alarm = after(LONG_S), lambda: calls.append(0.0)

    theirs.sendall(b"x")
    assert channel.receive(after(2 * LONG_S)) == b"x"
    with pytest.raises(TimeoutError):
        channel.receive(after(SOON_S))

    assert calls == []


def test_a_deadline_that_has_passed_ends_a_wait_whatever_the_alarm(pair: tuple[Channel, Ends]) -> None:
    channel, theirs = pair
    theirs.sendall(b"x")
    channel.alarm_at = 0.0

    with pytest.raises(TimeoutError):
        channel.receive(time.monotonic())
