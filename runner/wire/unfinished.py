"""
An exec or a load that its caller no longer waits for, followed to its end so that the worker can serve again.

Its questions are refused, except for an assembly that it loads by name. Its edits and log texts are dropped, because
the message that they were for has been answered. Must not know who owns the worker. Standard library only: a process of
Kamailio hands such a worker to its daemon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.errors import ExecTimeout, ProtocolViolation, WorkerDied

from .events import Done, Exiting, Failed, Loaded, Question
from .session import Session, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from .channel import Channel

LONGEST_REST = 64 * 1024
"""Characters of lines that were sent or received in part. A worker in the middle of a longer line is ended instead."""

REFUSAL = "the exec was not done in time, so nobody answers"
STATES = {state.value: state for state in (State.IDLE, State.LOADING, State.RUNNING, State.ASKED)}


@dataclass(frozen=True, slots=True)
class Unfinished:
    """
    Where a conversation stands in the middle of an exec or a load, for whoever goes on with it.

    Attributes:
        state: LOADING, RUNNING or ASKED; IDLE when it has ended and its result came too late.
        request: The number of the load or exec.
        question: The number of the open question, where there is one.
        heard: The beginning of a line from the worker.
        unsent: The end of our line that the worker has not taken.
    """

    state: State
    request: int
    question: int
    heard: str
    unsent: str

    def as_json(self) -> dict[str, Any]:
        """All of it, for another process; ``from_json`` is the way back."""
        numbers = {"request": self.request, "question": self.question}
        return {"state": self.state.value, "heard": self.heard, "unsent": self.unsent, **numbers}

    @classmethod
    def from_json(cls, known: Any) -> Unfinished:
        """
        What another process sent.

        Raises:
            ValueError: It has another shape.
        """
        match known:
            case {
                "state": str(state),
                "request": int(request),
                "question": int(question),
                "heard": str(heard),
                "unsent": str(unsent),
            } if state in STATES and heard.isascii() and unsent.isascii() and len(heard + unsent) <= LONGEST_REST:
                return cls(STATES[state], request, question, heard, unsent)
        raise ValueError(f"expected an unfinished exec or load, got {known!r:.80}")


def hear_out(
    channel: Channel, session: Session, deadline: float, answer: Callable[[Question], bytes], most: int
) -> Done | Failed | Loaded | Exiting:
    """
    How the exec or load ends.

    Args:
        channel: To the worker.
        session: LOADING, RUNNING or ASKED.
        deadline: On ``time.monotonic``.
        answer: The line that answers a question; empty when nobody waits for it any more.
        most: Bytes that the worker may say until then.

    Raises:
        ExecTimeout: It has not ended at the deadline.
        WorkerDied, ProtocolViolation: The worker has ended, or breaks the protocol.
    """
    line, channel.unsent = channel.unsent, b""
    if not line and session.state is State.ASKED:
        line = session.refuse(REFUSAL)
    while True:
        data = _turn(channel, session, line, deadline)
        most -= len(data)
        if most < 0:
            raise ProtocolViolation("it said more than one exec may", step=session.state.name)
        events = session.receive(data)
        line = b""
        for event in events:
            if isinstance(event, Done | Failed | Loaded | Exiting):
                return event
            if isinstance(event, Question):
                line = answer(event)


def _turn(channel: Channel, session: Session, line: bytes, deadline: float) -> bytes:
    try:
        data = channel.turn(line, deadline) if line else channel.receive(deadline)
    except TimeoutError as error:
        raise ExecTimeout("it did not end", step=session.state.name) from error
    except OSError as error:
        raise WorkerDied("the process has ended", step=session.state.name) from error
    if not data:
        session.end()
        raise WorkerDied("the process ended", step=session.state.name)
    return data
