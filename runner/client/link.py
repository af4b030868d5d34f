"""A client's connection to its daemon: made when it is needed, lost without a fuss, and made again after a pause.

Standard library only, as a child of Kamailio imports it; no threads. Must not know workers or scripts.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

from runner.backoff import Backoff
from runner.control.connection import PROTOCOL, Control, ControlError, OtherEndGone, ask
from runner.control.messages import HelloAnswer, HelloRequest, Message, Refuse, Report, Swap
from runner.control.outcomes import NO_DAEMON
from runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .tally import Tally

log = logging.getLogger("runner.link")

NOTICE_S = 0.02  # what the daemon need not answer is not waited for; a daemon that hangs has a full socket
# Nobody listens: that is seen in microseconds and may be tried often. A daemon that hangs costs a wait each time.
REFUSED_PAUSE_S = 0.1
# A daemon that is restarted is away for 1.5 s, and for up to 25 s on a machine with six times the work that it can do.
# A process that fails at once meanwhile takes the calls of those that have a worker, as all read the same socket.
RESTART_S = 30.0
RETRY_S = 0.02
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 8.0

SHARE_FOR_WAITING = 0.9  # of an answer's time, the daemon may wait for a worker; the rest is for its way

NOTICES: dict[str, type[Refuse | Swap]] = {Refuse.method: Refuse, Swap.method: Swap}
A = TypeVar("A", bound=Message)


def daemon_s(deadline: float) -> float:
    """How long the daemon may take for an answer that is wanted by then."""
    return max(0.0, deadline - time.monotonic()) * SHARE_FOR_WAITING


class Link:
    """
    The connection of one process to its daemon. Whatever goes wrong ends it, and the next one is made after a pause.

    Args:
        socket_path: The daemon's control socket.
        held: The report of the worker that this process holds, for a daemon that does not know of it; None for none.
        hear: What to do with a notice of the daemon.
        tally: Its counters are shared with each daemon.

    Attributes:
        tally: As given.
        control: None while there is no connection.
        outage: Why there is none, for people; empty while there is one, and before the first.
        backoff: When to try again.
    """

    __slots__ = ("_hear", "_held", "_restart_until", "_socket_path", "backoff", "control", "outage", "tally")

    def __init__(
        self,
        socket_path: str,
        held: Callable[[], Report | None],
        hear: Callable[[Refuse | Swap], None],
        tally: Tally,
    ) -> None:
        self.control: Control | None = None
        self.outage = ""
        self.tally = tally
        self._socket_path = socket_path
        self._held = held
        self._hear = hear
        self.backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        self._restart_until = 0.0

    def is_pausing(self) -> bool:
        """Whether it is too early to connect again."""
        return bool(self.outage) and self.backoff.is_waiting()

    def may_be_restart(self) -> bool:
        """Whether nobody listens and has not for long, so that it is worth waiting for the next daemon."""
        return time.monotonic() < self._restart_until

    def await_daemon(self, deadline: float, *, is_patient: bool) -> HelloAnswer | None:
        """As ``connect``; None in a pause. If patient again and again while the daemon may be being restarted."""
        while (is_patient and self.may_be_restart()) or not self.is_pausing():
            # At its end the time must not make one that is away one that hangs.
            answer = self.connect(max(deadline, time.monotonic() + NOTICE_S))
            if answer is not None or not is_patient or not self.may_be_restart():
                return answer
            if time.monotonic() + RETRY_S >= deadline:
                return None
            time.sleep(RETRY_S)
        return None

    def connect(self, deadline: float) -> HelloAnswer | None:
        """Connect and say hello; None when there is no daemon, or it has no place for this process."""
        try:
            self.control = Control.connect(self._socket_path, deadline)
            counters = self.tally.counters.descriptor
            hello = HelloRequest(protocol=PROTOCOL, have=self._held(), counters=counters >= 0)
            beside = (counters,) if counters >= 0 else ()
            answer = self._answer(self.control, hello, HelloAnswer, deadline, beside)
        except (ControlError, RunnerError) as error:
            # A daemon that refuses this process, for example because it has clients enough, is no better than none.
            self._lose(error)
            return None
        if self.outage:
            log.warning("the daemon at %s answers again", self._socket_path)
        self.outage, self._restart_until = "", 0.0
        self.backoff.reset()
        return answer

    def listen(self, deadline: float) -> bool:
        """Hear the notices that are there, without waiting; False when the connection was lost."""
        control = self.control
        while control is not None and control.has_news() and time.monotonic() < deadline:
            try:
                self._take(control.receive(time.monotonic() + NOTICE_S))
                control.drop_descriptors()
            except ControlError as error:
                self._lose(error)
                return False
        return True

    def ask(self, request: Message, answer: type[A], deadline: float) -> A | None:
        """
        One request and its answer, and before it the notices that came; None when there is no daemon to ask.

        Descriptors beside the answer are there until ``Control.drop_descriptors``.

        Raises:
            RunnerError: The daemon refused.
        """
        if self.control is None:
            return None
        began = time.monotonic()
        try:
            return self._answer(self.control, request, answer, deadline)
        except ControlError as error:
            self._lose(error)
            return None
        finally:
            self.tally.queue_s += time.monotonic() - began

    def tell(self, notice: Message, descriptors: Sequence[int] = ()) -> None:
        """Send what needs no answer. Not waited for: what is not taken at once means a daemon in trouble."""
        if self.control is None:
            return
        said = {"method": notice.method, "params": notice.as_json()}
        try:
            self.control.send(said, time.monotonic() + NOTICE_S, descriptors)
        except ControlError as error:
            self._lose(error)

    def close(self) -> None:
        """Close the connection, where there is one, without a word."""
        if self.control is not None:
            self.control.close()
            self.control = None

    def _answer(
        self, control: Control, request: Message, answer: type[A], deadline: float, beside: Sequence[int] = ()
    ) -> A:
        notices: list[dict[str, Any]] = []
        said = ask(control, request.method, request.as_json(), deadline, notices=notices, descriptors=beside)
        for notice in notices:
            self._take(notice)
        return answer.read(said)

    def _take(self, said: dict[str, Any]) -> None:
        """
        Hear one notice.

        Raises:
            ControlError: It is none of this protocol.
        """
        kind = NOTICES.get(str(said.get("method")))
        if kind is None or "id" in said:
            raise ControlError(f"expected a notice of this protocol, got {said!r:.80}")
        self._hear(kind.read(said.get("params")))

    def _lose(self, error: ControlError | RunnerError) -> None:
        self.close()
        why = str(error).removeprefix(f"{self._socket_path}: ")
        outage = f"{NO_DAEMON} {self._socket_path}: {why}"
        if not isinstance(error, OtherEndGone):
            self._restart_until = 0.0  # one is there, and of no use
            self.backoff.fail()
        else:
            self.backoff.pause(REFUSED_PAUSE_S)
            if not self.outage:
                self._restart_until = time.monotonic() + RESTART_S
        if not self.outage:
            self.tally.note_outage()
            then = "its worker goes on" if self._held() else "no script runs until app-mono serve answers"
            log.error("%s; %s", outage, then)
        self.outage = outage
