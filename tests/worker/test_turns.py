"""runner.worker.turns: one session over one channel, within a deadline and a number of bytes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from runner.errors import ExecTimeout, ProtocolViolation, WorkerDied, WorkerError, WorkerGone
from runner.wire.channel import Channel
from runner.wire.events import Done
from runner.wire.session import Session, State
from runner.worker.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 4096
RESULT = b'{"jsonrpc":"2.0","id":1,"result":{"code":7,"used":0,"edits":[]}}\n'


class Wire:
    """A session in the middle of an exec, its turns, and the worker's ends of the wire."""

    def __init__(self) -> None:
        self.reads, our_writes = os.pipe()
        our_reads, self.writes = os.pipe()
        self.channel, self.session = Channel(our_reads, our_writes), Session(LIMIT, State.IDLE)
        self.turns = Turns(self.channel, self.session)
        self.line = self.session.exec("6f", None)

    def hang_up(self) -> None:
        for descriptor in (self.reads, self.writes):
            os.close(descriptor)
        self.reads = self.writes = -1


@pytest.fixture
def wire() -> Iterator[Wire]:
    one = Wire()
    yield one
    one.channel.close()
    if one.reads >= 0:
        one.hang_up()


def soon() -> float:
    return time.monotonic() + 30.0


def test_a_turn_is_a_line_there_and_what_comes_back(wire: Wire) -> None:
    os.write(wire.writes, RESULT[:20])

    assert wire.turns.turn(wire.line, soon()) == []
    os.write(wire.writes, RESULT[20:])

    assert wire.turns.next(b"", soon()) == Done(7)
    assert os.read(wire.reads, LIMIT) == wire.line
    assert wire.turns.heard == len(RESULT)


def test_who_says_more_than_one_exec_may_breaks_the_protocol(wire: Wire) -> None:
    wire.turns.heard = wire.turns.most_heard
    os.write(wire.writes, RESULT)

    with pytest.raises(ProtocolViolation, match=f"expected at most {4 * LIMIT} bytes in one exec"):
        wire.turns.turn(wire.line, soon())


def test_what_does_not_come_in_time_is_a_timeout(wire: Wire) -> None:
    with pytest.raises(ExecTimeout):
        wire.turns.turn(wire.line, time.monotonic() + 0.01)


def test_a_process_that_has_ended_is_gone_before_the_first_line_and_died_after_it(wire: Wire) -> None:
    wire.hang_up()

    with pytest.raises(WorkerGone):
        wire.turns.turn(wire.line, soon(), is_first=True)
    with pytest.raises(WorkerDied):
        wire.turns.turn(b"", soon())
    assert wire.session.state is State.CLOSED


@pytest.mark.parametrize(
    ("lost", "kind", "text"),
    [
        (ExecTimeout("it was late"), ExecTimeout, "in a script that ran within it: it was late"),
        (WorkerGone("it had ended"), WorkerDied, "in a script that ran within it: it had ended"),
        (ExecTimeout("in a script that ran within it: x"), ExecTimeout, "in a script that ran within it: x"),
        (KeyboardInterrupt(), WorkerDied, "a script that ran within it was interrupted"),
    ],
    ids=range(4),
)
def test_what_was_lost_in_an_exec_within_it_is_said_once(
    wire: Wire, lost: BaseException, kind: type[WorkerError], text: str
) -> None:
    """Never as WorkerGone: whoever gets that runs the script again."""
    with pytest.raises(kind) as caught:
        wire.turns.end_as_inner(lost)

    assert (type(caught.value), str(caught.value)) == (kind, text)


def test_the_last_words_of_a_process_that_took_no_line_count(wire: Wire) -> None:
    os.close(wire.reads)
    os.write(wire.writes, RESULT)
    os.close(wire.writes)
    wire.reads = -1

    assert wire.turns.turn(wire.line, soon(), is_first=True) == [Done(7)]
