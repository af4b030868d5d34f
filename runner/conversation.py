"""One conversation with one worker, as its caller holds it: ready, load, exec, and the answers in between.

Stands on a session (what may be said) and a channel (bytes, deadlines). Must not know processes, pools or leases: an
owner of workers and a child of Kamailio that borrows one talk alike.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from . import wire
from .calls import CALLS
from .errors import (
    CallRefused,
    ExecTimeout,
    HostFault,
    ProtocolViolation,
    ScriptError,
    ScriptInvalid,
    WorkerDied,
    WorkerGone,
)
from .foresight import EMPTY
from .placement import Placement
from .session import Done, Event, Exiting, Failed, Loaded, Notice, Question, Ready, Session, State

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from .calls import Foreseen, Host
    from .channel import Channel
    from .content import Generation
    from .foresight import Plan

log = logging.getLogger("runner.conversation")

NS_PER_S = 1_000_000_000
SHARE_AHEAD = 4  # of a line's longest length; values that need more are asked for
NO_EDITS: frozenset[tuple[str, str]] = frozenset()
RESULTS = frozenset({str, int, bool, type(None)})
LAST_WORDS_S = 0.5  # what a process said before it ended is in the socket already
TOLD_CALLS = 5


@dataclass(slots=True)
class ExecOutcome:
    """
    What one exec did.

    Attributes:
        code: The exit code; None while it runs or when it had none.
        calls: Questions that the host answered, notices that it took, and values sent ahead that the script used.
        edits: Calls among them that may have changed the message.
        loaded: Assemblies that the script loaded by name itself: simple name to path.
        asked: The questions, call and arguments.
        used: Which of the values sent ahead the script used, as bits.
        spent: Filled when it is a dict, in nanoseconds: ``encode`` the first line, all ``turns`` after it, of which the
            bridge needs ``decode`` until Main begins and ``script`` in Main.
        refused: The first edit that the host had called certain and refused; empty for none.
    """

    code: int | None = None
    calls: int = 0
    edits: int = 0
    loaded: Mapping[str, str] = field(default_factory=dict)
    asked: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    used: int = 0
    refused: str = ""
    spent: dict[str, int] | None = None

    def told(self) -> str:
        """What was done until now, for the log of an exec that came to no end: no texts, and no values sent ahead."""
        last = [
            f"{call} {args[0]!a:.80}" if CALLS[call].has_target else call for call, args in self.asked[-TOLD_CALLS:]
        ]
        asked = f"; it asked last: {', '.join(last)}" if last else ""
        return f"{self.calls} calls were answered, {self.edits} edits stand{asked}"


def call_id(host: Host) -> str | None:
    """The Call-ID of the message, to say whose exec it was; None where a host has none, or fails."""
    with contextlib.suppress(Exception):  # a host that fails here must not hide why the worker was lost
        return host.get_s("$ci")
    return None


class Conversation:
    """
    One worker's wire. Used by one caller at a time.

    Every method that speaks raises a ``WorkerError`` when the worker is lost; ending it is its owner's part.

    Attributes:
        pid: The process at the other end.
        execs: Execs begun.
        loads: Assemblies loaded into the process; mono never frees them.
        loaded: Script path to the generation of it that is loaded.
        bound: Simple name of a helper assembly to the hash of the content that the process has bound to it.
        last_used: When the last exec or load ended, on ``time.monotonic``.
        worn: One of ``session.WORN`` when the process should run no further exec; else empty.
    """

    def __init__(self, channel: Channel, session: Session, pid: int, *, is_placed: bool = True) -> None:
        self.pid = pid
        self.execs = 0
        self.loads = 0
        self.loaded: dict[str, Generation] = {}
        self.bound: dict[str, str] = {}
        self.worn = ""
        self.last_used = time.monotonic()
        self._channel = channel
        self._session = session
        self._events: list[Event] = []
        self._plans: dict[str, Plan] = {}
        self._placement = Placement(pid, is_wanted=is_placed)

    def __repr__(self) -> str:
        return f"<Conversation {self.pid} {self.state.value}, {self.execs} execs, {self.loads} loads>"

    @property
    def state(self) -> State:
        """The state of its session."""
        return self._session.state

    @property
    def can_go_on(self) -> bool:
        """False after the end of the stream, after ``exiting`` and after a violation."""
        state = self._session.state
        return state is not State.CLOSED and state is not State.BROKEN

    def await_ready(self, deadline: float) -> str:
        """Wait for the first line of a new worker; gives the version of its runtime."""
        event = self._next(deadline)
        if not isinstance(event, Ready):
            raise ProtocolViolation(f"expected ready, got {event}")
        return event.runtime

    def load(self, generation: Generation, deadline: float) -> tuple[str, ...]:
        """
        Load one generation, or learn what it lacks.

        Returns:
            The simple names of assemblies it needs and was not given; empty when it is loaded.

        Raises:
            ScriptInvalid: It cannot be run. The worker is as before.
            WorkerError: The worker is lost.
        """
        self._say(self._session.load(generation.load_params()), deadline, is_first=True)
        self.loads += 1
        event = self._next(deadline)
        self.last_used = time.monotonic()
        # Whatever the result is, the helpers before the first trouble are bound already.
        binds = {name: helper.hash for name, helper in generation.helpers.items() if helper is not None}
        self.loads += len(binds.keys() - self.bound.keys())
        self.bound.update(binds)
        match event:
            case Loaded(needs):
                if not needs:
                    self.loaded[generation.path] = generation
                    self._plans.pop(generation.id, None)
                return needs
            case Failed(message=message, detail=detail):
                raise ScriptInvalid(message, detail)
            case Exiting(code):
                raise WorkerGone(f"the process ended by itself with code {code}")
            case _:
                raise ProtocolViolation(f"expected the result of a load, got {event}")

    def exec(
        self,
        generation: Generation,
        param: str | None,
        host: Host,
        deadline: float,
        *,
        fresh: bool = False,
        outcome: ExecOutcome | None = None,
    ) -> ExecOutcome:
        """
        Run Main of a loaded generation and let ``host`` answer its calls.

        Args:
            generation: The generation; what is learned of it is kept there.
            param: Main's one argument; None for none.
            host: Answers the calls.
            deadline: End of all waits, on ``time.monotonic``.
            fresh: Give the script's own assembly new statics first.
            outcome: Filled while the exec runs, so that it tells what was done also when an error ends it.

        Returns:
            The outcome, with its exit code; also when the script ended the process itself: then ``can_go_on`` is False.

        Raises:
            ScriptError: The script threw; edits made before stand. The worker is as before.
            WorkerGone: The process had ended before the exec reached it: nothing ran.
            WorkerError: The worker is lost; edits received until then stand.
            HostFault: The host refused an edit that it had called certain. The worker is as before.
        """
        self.execs += 1
        self.loads += fresh
        outcome = outcome or ExecOutcome()
        spent = outcome.spent
        began = time.monotonic()
        foreseen = cast("Foreseen", host) if hasattr(host, "depends_on") else None
        plan = generation.foresight.plan if foreseen else EMPTY
        ahead, edits, is_new = "", NO_EDITS, False
        if plan is not EMPTY:
            values, certain = plan.read(host)
            is_new = self._plans.get(generation.id) is not plan
            ahead = wire.values_ahead(plan.told if is_new else None, values, certain)
            if len(ahead) <= self._session.max_line_bytes // SHARE_AHEAD:
                edits = plan.all_edits if certain == plan.all_bits else plan.edits_of(certain)
            else:
                ahead, is_new = "", False
        if spent is not None:
            ahead += wire.PROFILED
        line = self._session.exec(generation.id, param, fresh=fresh, ahead=ahead, certain=edits)
        if spent is not None:
            spent["encode"] = round((time.monotonic() - began) * NS_PER_S)
        if self._placement.is_wanted:
            self._placement.begin()
        try:
            self._say(line, deadline, is_first=True)
            if is_new:
                self._plans[generation.id] = plan
            while outcome.code is None:
                self._take_turn(outcome, host, deadline)
        finally:
            self.last_used = ended = time.monotonic()
            if self._placement.is_wanted:
                self._placement.end(ended - began)
        if spent is not None:
            spent["turns"] = round((ended - began) * NS_PER_S) - spent["encode"]
        if foreseen and (outcome.asked or outcome.used + 1 != 1 << len(plan.reads)):
            generation.foresight.learn(foreseen, plan, outcome.used, outcome.asked)
        if outcome.refused:
            raise HostFault(f"the host refused {outcome.refused}, which it had called certain")
        return outcome

    def hand_over(self) -> socket.socket:
        """The socket, for whoever goes on with the conversation; here it has ended."""
        self._placement.free()
        self._session.end()
        return self._channel.detach()

    def passed_on(self, channel: Channel) -> Conversation:
        """The same conversation, idle, over another channel, with all that is known of the worker."""
        going_on = Conversation(channel, self._session.passed_on(), self.pid, is_placed=self._placement.is_wanted)
        going_on.execs, going_on.loads = self.execs, self.loads
        going_on.loaded, going_on.bound = self.loaded, self.bound
        going_on.worn = self.worn
        return going_on

    def end(self) -> None:
        """Nothing more will be said: the state is CLOSED and the channel closed; the worker sees the hang-up."""
        self._session.end()
        self._channel.close()

    def _take_turn(self, outcome: ExecOutcome, host: Host, deadline: float) -> None:
        """What the worker said in one turn, in order, up to the exec's end."""
        for event in self._receive(deadline):
            if type(event) is Notice:
                outcome.calls += 1
                call, args = event.call, event.args
                try:
                    result = getattr(host, CALLS[call].method)(*args)
                except Exception as error:  # noqa: BLE001 - a host's fault must not tear the conversation
                    result = self._failed(call, error)
                if call != "Core.Log":  # an edit that was called certain; the script has gone on
                    outcome.edits += 1
                    if result != 0:
                        outcome.refused = outcome.refused or f"{call}{args!r:.200}"
            elif type(event) is Done:
                outcome.code, outcome.loaded, outcome.used = event.code, event.loaded, event.used
                outcome.calls += event.used.bit_count()
                self.worn = event.worn or self.worn
                if outcome.spent is not None and event.spent:
                    outcome.spent["decode"], outcome.spent["script"] = event.spent
                return
            elif type(event) is Question:
                outcome.calls += 1
                outcome.edits += CALLS[event.call].is_edit
                outcome.asked.append((event.call, event.args))
                self._reply(host, event.call, event.args, deadline)
            else:
                self._take_end(event, outcome)
                return

    def _take_end(self, event: Event, outcome: ExecOutcome) -> None:
        match event:
            case Exiting(code, during_exec=True):
                outcome.code = code
                log.info("worker %d: the script ended the process with code %d", self.pid, code)
            case Exiting(code):
                raise WorkerGone(f"the process ended by itself with code {code} before the exec reached it")
            case Failed(wire.SCRIPT_CANNOT_RUN, message, detail):
                raise ScriptInvalid(message, detail)
            case Failed(_, message, detail, worn):
                self.worn = worn or self.worn
                raise ScriptError(message, detail)
            case _:
                raise ProtocolViolation(f"expected a step of an exec, got {event}")

    def _reply(self, host: Host, call: str, args: tuple[object, ...], deadline: float) -> None:
        refusal = ""
        try:
            result = getattr(host, CALLS[call].method)(*args)
            if type(result) not in RESULTS:
                raise TypeError(f"expected str, int or None, got {type(result).__name__}")  # noqa: TRY301 - its fault too
        except Exception as error:  # noqa: BLE001 - a host's fault must not tear the conversation
            self._failed(call, error)
            refusal = str(error) if isinstance(error, CallRefused) else f"the host failed: {error}"
        # Another thread of the script may have ended the process meanwhile; the call was made all the same.
        if self._session.state is State.ASKED:
            self._say(self._session.refuse(refusal) if refusal else self._session.answer(result), deadline)

    def _failed(self, call: str, error: Exception) -> object:
        """A call that the host did not answer: the script gets its error value."""
        if not isinstance(error, CallRefused):
            log.error("worker %d: the host failed at %s", self.pid, call, exc_info=error)
        return None

    def _say(self, line: bytes, deadline: float, *, is_first: bool = False) -> None:
        try:
            self._channel.send(line, deadline)
        except TimeoutError as error:
            raise ExecTimeout("it was not done in time") from error
        except OSError as error:
            # It may have said something before it went, for one that it is exiting; that is read next.
            if not self._heard():
                raise (WorkerGone if is_first else WorkerDied)("the process has ended") from error

    def _heard(self) -> bool:
        with contextlib.suppress(TimeoutError, OSError):
            self._events += self._session.receive(self._channel.receive(time.monotonic() + LAST_WORDS_S))
        return bool(self._events)

    def _next(self, deadline: float) -> Event:
        """The next event, where a turn has one only."""
        event, *self._events = self._receive(deadline)
        return event

    def _receive(self, deadline: float) -> list[Event]:
        """What comes next: at least one event."""
        events, self._events = self._events, []
        while not events:
            try:
                data = self._channel.receive(deadline)
            except TimeoutError as error:
                raise ExecTimeout("it was not done in time") from error
            if not data:
                step = self._session.state.name
                self._session.end()
                raise WorkerDied("the process ended", step=step)
            events = self._session.receive(data)
        return events
