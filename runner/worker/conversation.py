"""One conversation with one worker, as its caller holds it: ready, load, exec, and the answers in between.

Stands on a session (what may be said) and a channel (bytes, deadlines). Must not know processes, pools or leases: an
owner of workers and a child of Kamailio that borrows one talk alike.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, cast

from runner.calls import FIND
from runner.errors import (
    EntryMissing,
    HostFault,
    ProtocolViolation,
    RunnerError,
    ScriptError,
    ScriptInvalid,
    WorkerDied,
    WorkerGone,
)
from runner.lane.lane import LONG_S
from runner.scripts.foresight import EMPTY
from runner.wire import messages
from runner.wire.events import Done, Edits, Event, Exiting, Failed, Loaded, Notice, Question, Ready
from runner.wire.session import Session, State
from runner.wire.unfinished import LONGEST_REST, REFUSAL, STATES, Unfinished, hear_out

from . import host_calls
from .holdings import Holdings
from .lanes import Lanes
from .outcome import LOOK_EVERY, ExecOutcome, in_time
from .placement import ALWAYS, Placement
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.calls import Foreseen, Host
    from runner.scripts.foresight import Plan
    from runner.scripts.generation import Generation, Helper
    from runner.wire.channel import Channel

log = logging.getLogger("runner.conversation")


class Conversation:
    """
    The talk with one worker. Used by one caller at a time; while its host answers a question, it may run another exec.

    Every method that sends raises a ``WorkerError`` when the worker is lost; its owner ends it.

    Attributes:
        pid: The process at the other end.
        session: What may be said now.
        holdings: What the process has done and holds.
        find_helper: Finds an assembly beside the running script by its simple name, until a deadline; returns None when
            there is none. Set by whoever knows the script's files. It may raise a ``RunnerError``.
        lanes: The short ways for what is loaded.
    """

    __slots__ = ("_channel", "_placement", "_turns", "find_helper", "holdings", "lanes", "pid", "session")

    def __init__(
        self, channel: Channel, session: Session, pid: int, follows: int = ALWAYS, holdings: Holdings | None = None
    ) -> None:
        self.pid = pid
        self.holdings = Holdings() if holdings is None else holdings
        self.find_helper: Callable[[Generation, str, float], Helper | None] = lambda *_: None
        self._channel = channel
        self.session = session
        self._turns = Turns(channel, session)
        self._placement = Placement(pid, follows)
        self.lanes = Lanes(session, channel, self._placement, self.holdings)

    def __repr__(self) -> str:
        return f"<Conversation {self.pid} {self.state.value}, {self.holdings.execs} execs, {self.holdings.loads} loads>"

    @property
    def state(self) -> State:
        """The state of its session."""
        return self.session.state

    @property
    def can_go_on(self) -> bool:
        """False after the end of the stream, after ``exiting`` and after a violation."""
        state = self.session.state
        return state is not State.CLOSED and state is not State.BROKEN

    @property
    def can_nest(self) -> bool:
        """Whether another exec may run within the one that has asked."""
        return self.session.can_nest and self._turns.lost is None and "within" in self.holdings.can

    def await_ready(self, deadline: float) -> str:
        """Wait for the first line of a new worker; returns the version of its runtime."""
        event = self._turns.next(b"", deadline)
        if not isinstance(event, Ready):
            raise ProtocolViolation(f"expected ready, got {event}")
        self.holdings.can = event.can
        return event.runtime

    def load(self, generation: Generation, deadline: float) -> tuple[str, ...]:
        """
        Load one generation, or learn what it is missing.

        Returns:
            The simple names of assemblies it needs and was not given; empty when it is loaded.

        Raises:
            ScriptInvalid: It cannot be run. The worker is unchanged, or was ended by the script: see ``can_go_on``.
            WorkerError: The worker is lost.
        """
        line = self.session.load(generation.load_params())
        # Compiling is worth a CPU of its own: on that of their last caller, workers made it wait, and one another.
        self._placement.free()
        self.holdings.loads += 1
        self._turns.heard = 0
        event = self._turns.next(line, deadline)
        self.holdings.bind(generation)
        match event:
            case Loaded(needs, entries):
                if not needs:
                    self._note(generation, entries)
                return needs
            case Failed(message=message, detail=detail):
                raise ScriptInvalid(message, detail)
            case Exiting(code, ends_request=True):
                raise ScriptInvalid(f"{generation.path}: the script ended the process with code {code} at its load")
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
        entry: str | None = None,
        outcome: ExecOutcome | None = None,
        heard: bytes | BaseException | None = None,
    ) -> ExecOutcome:
        """
        Run Main of a loaded generation, or another of its methods, and let ``host`` answer its calls.

        Args:
            generation: The generation. What is learned about it is kept there.
            param: The one argument of Main or of the entry; None for none.
            host: Answers the calls.
            deadline: End of all waits, on ``time.monotonic``.
            fresh: Give the script's own assembly new statics first.
            entry: The method; None is Main.
            outcome: Filled while the exec runs, so that it is complete also when an error ends the exec.
            heard: What became of it in its lane: the bytes that came, or what was raised there; None: nothing was sent.

        Returns:
            The outcome, with its exit code. After a script that ended the process itself ``can_go_on`` is False.

        Raises:
            EntryMissing: It has no such method; nothing ran.
            ScriptError: The script threw. Edits before that stand; the worker is unchanged.
            WorkerGone: The process had ended before the exec reached it; nothing ran.
            WorkerError: The worker is lost. Edits received until then stand.
            HostFault: The host refused an edit that it had declared certain. The worker is unchanged.
        """
        outcome = outcome or ExecOutcome()
        if isinstance(heard, BaseException):
            raise heard
        lane = self.lanes.by_build.get((generation.id, entry))
        if heard is None and lane is not None and not fresh and outcome.profile is None:
            if (done := lane.exec(generation, param, host, deadline, outcome)) is True:
                return outcome
            heard = None if done is False else done
        holdings, session, placement = self.holdings, self.session, self._placement
        foresight = generation.foresight if entry is None else generation.foresight_of(entry)
        is_foreseen = hasattr(host, "depends_on") and "values" in holdings.can
        plan, first = foresight.plan if is_foreseen else EMPTY, b""
        self._turns.heard = 0
        if lane is not None and heard is not None:
            plan = lane.plan  # which it was sent with
        else:
            holdings.execs += 1
            if fresh:
                holdings.loads += 1
            first = self.lanes.first_line(
                generation, param, host, plan, outcome,
                foresight=foresight, is_foreseen=is_foreseen, fresh=fresh, entry=entry,
            )  # fmt: skip
            if placement.left:
                placement.left -= 1
            elif placement.is_wanted:
                placement.follow()
        began = time.monotonic()
        try:
            try:
                data = heard or (self._channel.turn(first, deadline) if first else self._channel.receive(deadline))
            except OSError as error:
                events = self._turns.left_unanswered(error, is_first=True)
            else:
                events = session.receive(data) if data else self._turns.ended()
            while (line := self._take(events, generation, plan, host, outcome, deadline=deadline)) is not None:
                events = self._turns.turn(line, deadline)
        finally:
            holdings.last_used = ended = time.monotonic()
            if placement.is_wanted and ended - began >= LONG_S:
                placement.free()
            if outcome.dropped:
                host_calls.write_log(self.pid, host, outcome.dropped_texts(), ExecOutcome())
        if is_foreseen and (outcome.asked or outcome.used != plan.all_used):
            foresight.learn(cast("Foreseen", host), plan, outcome.used, outcome.asked or ())
        if outcome.refused:
            raise HostFault(outcome.refusal())
        return outcome

    @contextlib.contextmanager
    def within(self) -> Iterator[None]:
        """
        Around an ``exec`` by a host that answers a question meanwhile, where ``can_nest``: in the same process.

        Whatever that script throws, the exec that has asked goes on. A worker that is lost is lost for both, and the
        other ends with the same reason as soon as its host has answered.
        """
        turns = self._turns
        heard = turns.heard
        try:
            yield
        except BaseException as error:
            if not (isinstance(error, RunnerError) and error.worker_survives):
                turns.lost = error
            raise
        finally:
            turns.heard = heard

    def _take(
        self,
        events: list[Event],
        generation: Generation,
        plan: Plan,
        host: Host,
        outcome: ExecOutcome,
        *,
        deadline: float,
    ) -> bytes | None:
        """Process events in order; returns the next line, empty to keep listening, None when it is over."""
        line = b""
        for event in events if len(events) <= LOOK_EVERY else in_time(events, deadline):
            if type(event) is Done:
                code, outcome.used, times, worn, edits, exited = event
                if edits:
                    host_calls.edit(self.pid, host, plan, edits, outcome, deadline=deadline)
                outcome.code = code
                if exited:
                    outcome.has_ended_routing = True
                self.holdings.ran[generation.path] = generation.id
                if worn:
                    self.holdings.retire_reason = worn
                if times and outcome.profile is not None:
                    outcome.profile.done(times)
            elif type(event) is Question:
                line = self._answer(host, event, outcome, generation, deadline)
            elif type(event) is Edits:
                host_calls.edit(self.pid, host, plan, event.edits, outcome, deadline=deadline)
            elif type(event) is Notice:
                host_calls.write_log(self.pid, host, event, outcome)
            else:
                self._take_end(event, generation, outcome)
        return line if outcome.code is None else None

    def unfinished(self) -> Unfinished | None:
        """Where an exec or load stands that was not done in time; None when nobody can continue it."""
        if self.session.depth or self._turns.lost is not None:
            return None
        state, request, question, heard = self.session.where()
        # What is not ASCII is no line of the wire: such a worker is ended, as any that breaks the protocol.
        if state.value not in STATES or not heard.isascii() or len(heard) + len(self._channel.unsent) > LONGEST_REST:
            return None
        return Unfinished(state, request, question, heard.decode("ascii"), self._channel.unsent.decode("ascii"))

    def finish(self, generation: Generation, deadline: float) -> None:
        """
        Follow an exec or a load that was not done in time to its end; then the conversation is idle again.

        Args:
            generation: What runs, or is loaded.
            deadline: When to give up, on ``time.monotonic``.

        Raises:
            WorkerError: The worker is lost.
        """
        self._placement.free()

        def answer(question: Question) -> bytes:
            # Without its helper a static constructor would fail for the rest of the worker's life.
            if question.call == FIND.name:
                return self._find(generation, question.args[0], deadline)
            return self.session.refuse(REFUSAL) if self.state is State.ASKED else b""

        holdings = self.holdings
        if self.state is State.IDLE:
            holdings.ran[generation.path] = generation.id
            return
        match hear_out(self._channel, self.session, deadline, answer, self._turns.most_heard):
            case Loaded(needs, entries):
                holdings.bind(generation)
                if not needs:
                    self._note(generation, entries)
            case Exiting(code):
                raise WorkerDied(f"the script ended the process with code {code}")
            case Done(worn=worn) | Failed(worn=worn):
                if holdings.has(generation):
                    holdings.ran[generation.path] = generation.id
                holdings.retire_reason = worn or holdings.retire_reason
                holdings.last_used = time.monotonic()

    def hand_over(self) -> Channel:
        """The channel, for whoever continues the conversation; this one has ended."""
        self._placement.free()
        self.session.end()
        return self._channel.detach()

    def resumed(self, channel: Channel, unfinished: Unfinished | None = None) -> Conversation:
        """The same conversation over another channel, with all that is known; idle unless unfinished."""
        longest = self.session.max_line_bytes
        if unfinished is None:
            session = Session(longest, State.IDLE)
        else:
            state, request, question = unfinished.state, unfinished.request, unfinished.question
            session = Session.resumed(longest, state, request, question, unfinished.heard.encode())
            channel.unsent = unfinished.unsent.encode()
        resumed = Conversation(channel, session, self.pid, self._placement.every, self.holdings)
        resumed.find_helper = self.find_helper
        return resumed

    def end(self) -> None:
        """End the talk: the state is CLOSED and the channel is closed. The worker sees the hang-up."""
        self.session.end()
        self._channel.close()

    def _note(self, generation: Generation, entries: tuple[str, ...]) -> None:
        """The generation is loaded, and the worker has no plan for it yet."""
        generation.learn_entries(entries)
        self.lanes.forget(self.holdings.add(generation))

    def _take_end(self, event: Event, generation: Generation, outcome: ExecOutcome) -> None:
        """The end of an exec without a result."""
        if type(event) is Failed and event.code == messages.NO_SUCH_ENTRY:
            raise EntryMissing(event.message) if generation.entries is None else generation.lacks(None)
        if type(event) is Failed:
            self.holdings.ran[generation.path] = generation.id
        match event:
            case Exiting(code, ends_request) if ends_request or outcome.code is not None:
                outcome.code, outcome.has_exited = code if outcome.code is None else outcome.code, True
                log.info("worker %d: the script ended the process with code %d", self.pid, code)
            case Exiting(code):
                if outcome.calls or outcome.has_looked:  # it has begun, and must not run again
                    raise WorkerDied("the process ended meanwhile, not by this exec")
                raise WorkerGone(f"the process ended by itself with code {code}, not in this exec")
            case Failed(messages.SCRIPT_CANNOT_RUN, message, detail):
                raise ScriptInvalid(message, detail)
            case Failed(_, message, detail, worn):
                self.holdings.retire_reason = worn or self.holdings.retire_reason
                raise ScriptError(message, detail)
            case _:
                raise ProtocolViolation(f"expected a step of an exec, got {event}")

    def _find(self, generation: Generation, name: str, deadline: float) -> bytes:
        """The line that says which copy holds an assembly beside the running script."""
        helper = None
        try:
            helper = self.find_helper(generation, name, deadline)
        except RunnerError as error:
            log.warning("worker %d: %s", self.pid, error)
        if self.session.state is not State.ASKED:
            return b""
        if helper is None:
            return self.session.answer(None)
        self.holdings.bind_helper(name, helper)
        return self.session.answer(helper.hash)

    def _answer(
        self, host: Host, question: Question, outcome: ExecOutcome, generation: Generation, deadline: float
    ) -> bytes:
        """The line that answers a question; empty when nobody waits for it any longer."""
        if question.call == FIND.name:
            outcome.has_looked = True
            return self._find(generation, question.args[0], deadline)
        result, refusal = host_calls.ask(self.pid, host, question, outcome)
        if self._turns.lost is not None:
            self._turns.end_as_inner(self._turns.lost)
        # Another thread of the script may have ended the process meanwhile; the call was made nevertheless.
        if self.session.state is not State.ASKED:
            return b""
        return self.session.refuse(refusal) if refusal else self.session.answer(result)
