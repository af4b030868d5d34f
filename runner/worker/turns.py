"""One session over one channel: a line out, events in, within a deadline and a number of bytes.

Must not know what an exec or a load is.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NoReturn

from runner.errors import ExecTimeout, ProtocolViolation, WorkerDied, WorkerError, WorkerGone
from runner.wire.session import Session, State

from .outcome import LINES_OF_AN_EXEC

if TYPE_CHECKING:
    from runner.wire.channel import Channel
    from runner.wire.events import Event

WITHIN = "in a script that ran within it: "
LAST_WORDS_S = 0.5  # what a process wrote before it ended is in the pipe already


class Turns:
    """
    The turns of one conversation.

    Attributes:
        heard: Bytes of this exec or load, but for its first turn.
        most_heard: How many these may be.
        lost: What took the worker in an exec within the one that runs; None for nothing.
    """

    def __init__(self, channel: Channel, session: Session) -> None:
        self._channel = channel
        self._session = session
        self.heard = 0
        self.lost: BaseException | None = None
        self.most_heard = session.max_line_bytes * LINES_OF_AN_EXEC

    def turn(self, line: bytes, deadline: float, *, is_first: bool = False) -> list[Event]:
        """
        Send a line, unless it is empty, and return what comes next; nothing while that is not a whole line.

        Raises:
            WorkerGone: Nobody took the first line.
            WorkerError: The worker is lost.
        """
        try:
            data = self._channel.turn(line, deadline) if line else self._channel.receive(deadline)
        except OSError as error:
            return self.left_unanswered(error, is_first=is_first)
        self.heard += len(data)
        if self.heard > self.most_heard:
            raise ProtocolViolation(
                f"expected at most {self.most_heard} bytes in one exec", step=self._session.state.name
            )
        return self._session.receive(data) if data else self.ended()

    def next(self, line: bytes, deadline: float) -> Event:
        """The next event, when a turn has only one."""
        events = self.turn(line, deadline, is_first=True)
        while not events:
            events = self.turn(b"", deadline)
        return events[0]

    def end_as_inner(self, lost: BaseException) -> NoReturn:
        """End an exec: the worker was lost in one that ran within it."""
        if not isinstance(lost, WorkerError):
            raise WorkerDied("a script that ran within it was interrupted") from lost
        # Not as WorkerGone: this one has begun, and must not be run again.
        kind = WorkerDied if isinstance(lost, WorkerGone) else type(lost)
        raise kind(WITHIN + str(lost).removeprefix(WITHIN), step=lost.step) from lost

    def ended(self) -> NoReturn:
        """The stream has ended."""
        step = self._session.state.name
        self._session.end()
        raise WorkerDied("the process ended" + " while it loaded a script" * (step == State.LOADING.name), step=step)

    def left_unanswered(self, error: OSError, *, is_first: bool) -> list[Event]:
        """The last words of a worker that did not take a line; without any, an error."""
        if isinstance(error, TimeoutError):
            raise ExecTimeout("it was not done in time") from error
        # It may have written something before it ended, for example that it is exiting.
        if events := self._last_words():
            return events
        raise (WorkerGone if is_first else WorkerDied)("the process has ended") from error

    def _last_words(self) -> list[Event]:
        with contextlib.suppress(TimeoutError, OSError):
            return self._session.receive(self._channel.receive(time.monotonic() + LAST_WORDS_S))
        return []
