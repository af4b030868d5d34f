"""runner.control: which descriptors belong to which message, and what a refused client is told."""

from __future__ import annotations

import os
import socket
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from runner.control.connection import MAX_LINE_BYTES, MAX_NOTICES, Control, ControlError, ask
from runner.errors import ConfigError
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = b'{"jsonrpc":"2.0","method":"%b"}\n'


@pytest.fixture
def pair() -> Iterator[tuple[Control, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(WAIT_S)
    with closing(Control(ours)) as control, theirs:
        yield control, theirs


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def soon() -> float:
    return time.monotonic() + WAIT_S


def inode(descriptor: int) -> int:
    return os.fstat(descriptor).st_ino


def opened() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # how many is all that is wanted


@pytest.mark.parametrize("cut", [0, 1, 10, 31])
def test_descriptors_belong_to_the_message_that_they_came_with(
    pair: tuple[Control, socket.socket], pipe: tuple[int, int], cut: int
) -> None:
    """Though a read brings the lines before it, too, and perhaps a part of it only."""
    control, theirs = pair
    theirs.sendall(LINE % b"before" + LINE % b"too")
    line = LINE % b"with"
    socket.send_fds(theirs, [line[: cut or None]], list(pipe))
    theirs.sendall((line[cut:] if cut else b"") + LINE % b"after")

    found = {}
    for _ in range(4):
        method = control.receive(soon())["method"]
        taken = control.take_descriptors(2)
        found[method] = [inode(descriptor) for descriptor in taken]
        for descriptor in taken:
            os.close(descriptor)

    assert found == {"before": [], "too": [], "with": [inode(pipe[0])] * 2, "after": []}


def test_descriptors_that_a_message_did_not_take_are_closed_with_the_next_one_or_when_it_is_dealt_with(
    pair: tuple[Control, socket.socket], pipe: tuple[int, int]
) -> None:
    control, theirs = pair
    before = opened()
    for _ in range(3):
        socket.send_fds(theirs, [LINE % b"x"], list(pipe))

    control.receive(soon())
    control.receive(soon())
    assert opened() == before + 2
    control.drop_descriptors()
    assert opened() == before
    control.receive(soon())
    assert control.take_descriptors(1) == ()
    control.close()
    assert opened() == before - 1


def test_more_descriptors_than_a_message_may_have_end_the_connection(
    pair: tuple[Control, socket.socket], pipe: tuple[int, int]
) -> None:
    control, theirs = pair
    before = opened()
    for piece in (b"{", b'"json', b'rpc"'):
        socket.send_fds(theirs, [piece], list(pipe))

    with pytest.raises(ControlError, match="more descriptors than one message may have"):
        control.receive(soon())
    control.close()
    assert opened() == before - 1


def test_a_line_that_comes_in_many_pieces_is_cut_off_at_its_limit(pair: tuple[Control, socket.socket]) -> None:
    control, theirs = pair
    sent, told = 0, ""
    theirs.setblocking(False)  # noqa: FBT003  # its only parameter
    while "a line of more than" not in told:
        with suppress(BlockingIOError):  # the buffer is full, as a busy machine had no time to take from it
            sent += theirs.send(b"x" * 100_000)
        with pytest.raises(ControlError) as caught:  # it takes what is there, and then nothing more comes in time
            control.receive(time.monotonic() + 0.001)
        told = str(caught.value)

    assert sent <= MAX_LINE_BYTES + 300_000


def test_who_is_hung_up_on_before_it_asked_is_told_why(pair: tuple[Control, socket.socket]) -> None:
    control, theirs = pair
    refusal = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"full","data":{"kind":"ConfigError"}}}\n'
    theirs.sendall(refusal)
    theirs.close()

    with pytest.raises(ConfigError, match="full"):
        ask(control, "hello", {}, soon())


def test_notices_before_an_answer_have_an_end(pair: tuple[Control, socket.socket]) -> None:
    control, theirs = pair
    theirs.sendall(LINE % b"x" * (MAX_NOTICES + 1))
    heard: list[dict[str, object]] = []

    with pytest.raises(ControlError, match=f"got {MAX_NOTICES} notices"):
        ask(control, "hello", {}, soon(), notices=heard)
    assert len(heard) == MAX_NOTICES
