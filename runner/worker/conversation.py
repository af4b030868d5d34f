"""One conversation with one worker, as its caller holds it: ready, load, exec, and the answers in between.

Stands on a session (what may be said) and a channel (bytes, deadlines). Must not know processes, pools or leases: an
owner of workers and a child of Kamailio that borrows one talk alike.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, NoReturn, cast

from runner.calls import CALLS, FIND
from runner.errors import (
    CallRefused,
    ExecTimeout,
    HostFault,
    ProtocolViolation,
    RunnerError,
    ScriptError,
    ScriptInvalid,
    WorkerDied,
    WorkerGone,
)
from runner.scripts.foresight import EMPTY
from runner.wire import messages
from runner.wire.events import Done, Edits, Event, Exiting, Failed, Loaded, Notice, Question, Ready
from runner.wire.session import Session, State
from runner.wire.unfinished import LONGEST_REST, REFUSAL, STATES, Unfinished, hear_out

from .holdings import Holdings
from .outcome import (
    LINES_OF_AN_EXEC,
    LOOK_EVERY,
    MAX_EDITS,
    MAX_KEPT_QUESTIONS,
    MAX_TEXT_CHARACTERS,
    MAX_TEXTS,
    ExecOutcome,
    in_time,
)
from .placement import ALWAYS, LONG_S, Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runner.calls import Foreseen, Host
    from runner.scripts.foresight import Plan
    from runner.scripts.generation import Generation, Helper
    from runner.wire.channel import Channel

__all__ = ["Conversation", "ExecOutcome", "call_id"]

log = logging.getLogger("runner.conversation")

NS_PER_S = 1_000_000_000
SHARE_AHEAD = 4  # of a line's longest length; values that need more are asked for
RESULTS = frozenset({str, int, bool, type(None)})
LAST_WORDS_S = 0.5  # what a process said before it ended is in the pipe already


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
        holdings: What the process has done and holds.
        find_helper: Finds an assembly beside the running script that it loads by its simple name, until a deadline;
            None: there is none. Whoever knows the script's files sets it; it may raise a ``RunnerError``.
    """

    def __init__(
        self, channel: Channel, session: Session, pid: int, follows: int = ALWAYS, holdings: Holdings | None = None
    ) -> None:
        self.pid = pid
        self.holdings = Holdings() if holdings is None else holdings
        self.find_helper: Callable[[Generation, str, float], Helper | None] = _find_nothing
        self._channel = channel
        self._session = session
        self._longest_ahead = session.max_line_bytes // SHARE_AHEAD
        self._heard = 0  # bytes of this exec or load, but for its first turn
        self._most_heard = session.max_line_bytes * LINES_OF_AN_EXEC
        self._plans: dict[str, Plan] = {}
        self._placement = Placement(pid, follows)

    def __repr__(self) -> str:
        return f"<Conversation {self.pid} {self.state.value}, {self.holdings.execs} execs, {self.holdings.loads} loads>"

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
        event = self._next(b"", deadline)
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
        line = self._session.load(generation.load_params())
        self.holdings.loads += 1
        self._heard = 0
        event = self._next(line, deadline)
        self.holdings.bind(generation)
        match event:
            case Loaded(needs):
                if not needs:
                    self._note(generation)
                return needs
            case Failed(message=message, detail=detail):
                raise ScriptInvalid(message, detail)
            case Exiting(code):
                raise WorkerGone(f"the process ended by itself with code {code}")
            case _:
                raise ProtocolViolation(f"expected the result of a load, got {event}")

    def exec(  # noqa: PLR0915 - each call that it made instead would cost every exec a microsecond
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
        holdings = self.holdings
        holdings.execs += 1
        self._heard = 0
        if fresh:
            holdings.loads += 1
        outcome = outcome or ExecOutcome()
        spent, session, placement = outcome.spent, self._session, self._placement
        began = 0.0 if spent is None else time.monotonic()
        is_foreseen = hasattr(host, "depends_on")
        plan = generation.foresight.plan if is_foreseen else EMPTY
        ahead, certain, is_new = "", 0, False
        if plan is not EMPTY:
            ahead, certain = plan.ahead(host)
            is_new = self._plans.get(generation.id) is not plan
            if is_new:
                ahead = messages.told(plan.told) + ahead
            if len(ahead) > self._longest_ahead:
                ahead, certain, is_new = "", 0, False
        if spent is not None:
            ahead += messages.PROFILED
        line = session.exec(generation.id, param, fresh=fresh, ahead=ahead, certain=certain, takes=plan.takes)
        if spent is not None:
            spent["encode"] = round((time.monotonic() - began) * NS_PER_S)
        started = 0.0
        if placement.is_wanted:
            started = time.monotonic()
            if placement.left:
                placement.left -= 1
            else:
                placement.follow()
        try:
            try:
                data = self._channel.turn(line, deadline)
            except OSError as error:
                events = self._left_unanswered(error, is_first=True)
            else:
                events = session.receive(data) if data else self._ended()
            if is_new:
                self._plans[generation.id] = plan
            while True:
                line = b""
                for event in events if len(events) <= LOOK_EVERY else in_time(events, deadline):
                    if type(event) is Done or type(event) is Edits:
                        edits: Iterable[Any] = event.edits
                        if len(event.edits) + outcome.certain > LOOK_EVERY:
                            outcome.bound_edits(len(event.edits))
                            edits = in_time(event.edits, deadline)
                        for number, value in edits:
                            method, target = plan.methods[number]
                            try:
                                edit = getattr(host, method)
                                result = edit(value) if target is None else edit(target, value)
                            except Exception as error:  # noqa: BLE001 - a host's fault must not tear the conversation
                                result = self._failed(plan.edits[number][0], error)
                            if result != 0:  # it was called certain; the script has gone on
                                outcome.refused = outcome.refused or plan.told_edit(number, value)
                            outcome.certain += 1
                        if type(event) is Done:
                            outcome.code, outcome.used, times, worn, _ = event
                            holdings.ran[generation.path] = generation.id
                            if worn:
                                holdings.retire_reason = worn
                            if spent is not None and times:
                                spent["decode"], spent["script"] = times
                    elif type(event) is Question:
                        line = self._answer(host, event, outcome, generation, deadline)
                    elif type(event) is Notice:
                        self._log(host, event, outcome)
                    else:
                        if type(event) is Failed:
                            holdings.ran[generation.path] = generation.id
                        self._take_end(event, outcome)
                if outcome.code is not None:
                    break
                events = self._turn(line, deadline)
        finally:
            holdings.last_used = ended = time.monotonic()
            if placement.is_wanted and ended - started >= LONG_S:
                placement.free()
            if outcome.dropped:
                self._log(host, outcome.dropped_texts(), ExecOutcome())
        if spent is not None:
            spent["turns"] = round((ended - began) * NS_PER_S) - spent["encode"]
        if is_foreseen and (outcome.asked or outcome.used != plan.all_used):
            generation.foresight.learn(cast("Foreseen", host), plan, outcome.used, outcome.asked or ())
        if outcome.refused:
            raise HostFault(f"the host refused {outcome.refused}, which it had called certain")
        return outcome

    def unfinished(self) -> Unfinished | None:
        """Where an exec or load stands that was not done in time, for ``passed_on``; None: nobody can go on with it."""
        state, request, question, heard = self._session.where()
        if state.value not in STATES or len(heard) + len(self._channel.unsent) > LONGEST_REST:
            return None
        return Unfinished(state, request, question, heard.decode("ascii"), self._channel.unsent.decode("ascii"))

    def finish(self, generation: Generation, deadline: float) -> None:
        """
        Hear an exec or a load to its end that was not done in time; then the conversation is idle again.

        Args:
            generation: What runs, or is loaded.
            deadline: The end of all patience, on ``time.monotonic``.

        Raises:
            WorkerError: The worker is lost.
        """
        self._placement.free()

        def answer(question: Question) -> bytes:
            # Without its helper a static constructor would fail, for as long as the worker lives.
            if question.call == FIND.name:
                return self._find(generation, question.args[0], deadline)
            return self._session.refuse(REFUSAL) if self.state is State.ASKED else b""

        holdings = self.holdings
        if self.state is State.IDLE:
            holdings.ran[generation.path] = generation.id
            return
        match hear_out(self._channel, self._session, deadline, answer, self._most_heard):
            case Loaded(needs):
                holdings.bind(generation)
                if not needs:
                    self._note(generation)
            case Exiting(code):
                raise WorkerDied(f"the script ended the process with code {code}")
            case Done(worn=worn) | Failed(worn=worn):
                if holdings.has(generation):
                    holdings.ran[generation.path] = generation.id
                holdings.retire_reason = worn or holdings.retire_reason
                holdings.last_used = time.monotonic()

    def hand_over(self) -> Channel:
        """The channel, for whoever goes on with the conversation; here it has ended."""
        self._placement.free()
        self._session.end()
        return self._channel.moved()

    def passed_on(self, channel: Channel, unfinished: Unfinished | None = None) -> Conversation:
        """The same conversation over another channel, with all that is known of the worker; idle, unless unfinished."""
        session = self._session.passed_on()
        if unfinished is not None:
            state, request, question = unfinished.state, unfinished.request, unfinished.question
            session = Session.resumed(session.max_line_bytes, state, request, question, unfinished.heard.encode())
            channel.unsent = unfinished.unsent.encode()
        going_on = Conversation(channel, session, self.pid, self._placement.every, self.holdings)
        going_on.find_helper = self.find_helper
        return going_on

    def end(self) -> None:
        """Nothing more will be said: the state is CLOSED and the channel closed; the worker sees the hang-up."""
        self._session.end()
        self._channel.close()

    def _note(self, generation: Generation) -> None:
        """It is loaded, and the worker has no plan of it."""
        for replaced in self.holdings.add(generation):
            self._plans.pop(replaced, None)

    def _take_end(self, event: Event, outcome: ExecOutcome) -> None:
        match event:
            case Exiting(code, during_exec=True):
                outcome.code, outcome.has_exited = code, True
                log.info("worker %d: the script ended the process with code %d", self.pid, code)
            case Exiting(code):
                raise WorkerGone(f"the process ended by itself with code {code} before the exec reached it")
            case Failed(messages.SCRIPT_CANNOT_RUN, message, detail):
                raise ScriptInvalid(message, detail)
            case Failed(_, message, detail, worn):
                self.holdings.retire_reason = worn or self.holdings.retire_reason
                raise ScriptError(message, detail)
            case _:
                raise ProtocolViolation(f"expected a step of an exec, got {event}")

    def _find(self, generation: Generation, name: str, deadline: float) -> bytes:
        """The line that answers which copy holds an assembly beside the running script."""
        helper = None
        try:
            helper = self.find_helper(generation, name, deadline)
        except RunnerError as error:
            log.warning("worker %d: %s", self.pid, error)
        if self._session.state is not State.ASKED:
            return b""
        if helper is None:
            return self._session.answer(None)
        self.holdings.bound[name] = helper.hash
        self.holdings.loads += 1
        return self._session.answer(helper.hash)

    def _answer(
        self, host: Host, question: Question, outcome: ExecOutcome, generation: Generation, deadline: float
    ) -> bytes:
        """The line that answers a question; empty when nobody waits for it any more."""
        call, args = question.call, question.args
        if call == FIND.name:
            return self._find(generation, args[0], deadline)
        outcome.answered += 1
        if CALLS[call].is_edit:
            if outcome.edited + outcome.certain >= MAX_EDITS:
                outcome.bound_edits(1)
            outcome.edited += 1
        outcome.asked = asked = outcome.asked or []
        if len(asked) == MAX_KEPT_QUESTIONS:
            del asked[: MAX_KEPT_QUESTIONS // 2]
        asked.append((call, args))
        refusal = ""
        try:
            result = getattr(host, CALLS[call].method)(*args)
            if type(result) not in RESULTS:
                raise TypeError(f"expected str, int or None, got {type(result).__name__}")  # noqa: TRY301 - its fault too
        except Exception as error:  # noqa: BLE001 - a host's fault must not tear the conversation
            self._failed(call, error)
            refusal = str(error) if isinstance(error, CallRefused) else f"the host failed: {error}"
        # Another thread of the script may have ended the process meanwhile; the call was made all the same.
        if self._session.state is not State.ASKED:
            return b""
        return self._session.refuse(refusal) if refusal else self._session.answer(result)

    def _log(self, host: Host, notice: Notice, outcome: ExecOutcome) -> None:
        length = len(notice.args[1])
        if outcome.dropped or outcome.logs == MAX_TEXTS or outcome.characters + length > MAX_TEXT_CHARACTERS:
            outcome.dropped += 1
            return
        outcome.logs += 1
        outcome.characters += length
        try:
            host.log(*notice.args)
        except Exception as error:  # noqa: BLE001 - a host's fault must not tear the conversation
            self._failed(notice.call, error)

    def _failed(self, call: str, error: Exception) -> object:
        """A call that the host did not answer: the script gets its error value."""
        if not isinstance(error, CallRefused):
            log.error("worker %d: the host failed at %s", self.pid, call, exc_info=error)
        return None

    def _turn(self, line: bytes, deadline: float, *, is_first: bool = False) -> list[Event]:
        """Say one line, where there is one, and hear what comes next; nothing where that is no whole line yet."""
        try:
            data = self._channel.turn(line, deadline) if line else self._channel.receive(deadline)
        except OSError as error:
            return self._left_unanswered(error, is_first=is_first)
        self._heard += len(data)
        if self._heard > self._most_heard:
            raise ProtocolViolation(
                f"expected at most {self._most_heard} bytes in one exec", step=self._session.state.name
            )
        return self._session.receive(data) if data else self._ended()

    def _ended(self) -> NoReturn:
        step = self._session.state.name
        self._session.end()
        raise WorkerDied("the process ended", step=step)

    def _left_unanswered(self, error: OSError, *, is_first: bool) -> list[Event]:
        """The last words of a worker that did not take a line; else an error."""
        if isinstance(error, TimeoutError):
            raise ExecTimeout("it was not done in time") from error
        # It may have said something before it went, for one that it is exiting.
        if events := self._last_words():
            return events
        raise (WorkerGone if is_first else WorkerDied)("the process has ended") from error

    def _last_words(self) -> list[Event]:
        with contextlib.suppress(TimeoutError, OSError):
            return self._session.receive(self._channel.receive(time.monotonic() + LAST_WORDS_S))
        return []

    def _next(self, line: bytes, deadline: float) -> Event:
        """The next event, where a turn has one only."""
        events = self._turn(line, deadline, is_first=True)
        while not events:
            events = self._turn(b"", deadline)
        return events[0]


def _find_nothing(_generation: Generation, _name: str, _deadline: float) -> Helper | None:
    return None
