"""A client's side of a lease: one process that borrows a worker from the daemon and speaks with it directly.

Standard library only, as a child of Kamailio imports it; no threads. The daemon is asked when there is a reason: no
worker yet, a script that changed, a worker that is to be swapped. Must not know Kamailio.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.control import answers
from runner.control.connection import PROTOCOL, Control, ControlError, ask
from runner.errors import (
    ExecTimeout,
    HostFault,
    PoolExhausted,
    RunnerError,
    ScriptError,
    ScriptInvalid,
    WorkerError,
    WorkerGone,
)
from runner.scripts.generation import Generation, Helper
from runner.scripts.poison import LONGEST_CALL_ID, refuse_message
from runner.scripts.stamps import Stamps
from runner.wire.channel import ENDS, received
from runner.wire.session import Session, State
from runner.worker.conversation import Conversation
from runner.worker.holdings import Holdings
from runner.worker.host_calls import call_id
from runner.worker.outcome import ExecOutcome
from runner.worker.placement import SELDOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.calls import Host
    from runner.scripts.foresight import Foresight

log = logging.getLogger("runner.lease")

LISTEN_S = 0.01  # under load, news may wait so long: each look is a system call, and none is urgent
NOTICE_S = 0.02  # what the daemon need not answer is not waited for; a daemon that hangs has a full socket
SHARE_FOR_WAITING = 0.9  # of an answer's time, the daemon may wait for a worker; the rest is for its way
SHARE_OF_KNOWN = 0.25  # the daemon may need 0.2 s for a file that is being written (reload.PATIENCE_S)
SWAP_S = 0.05  # asking for a better worker, while there is one that works
SWAP_PAUSE_S = 1.0  # after the daemon had no better one
REPORT_S = 5.0
# Nobody listens: that is seen in microseconds and may be tried often. A daemon that hangs costs a wait each time.
REFUSED_BACK_OFF_S = 0.1
FIRST_BACK_OFF_S = 0.25
LONGEST_BACK_OFF_S = 8.0
LOAD_TRIES = 16
MOST_SCRIPTS = 1024  # that are known at one time; one that was forgotten is asked for again
LEARNED_GENERATIONS = 64  # of the builds told of last, what was learned is kept


@dataclass(slots=True)
class _Script:
    """What the daemon told of a script, and when that has to be asked again."""

    generation: Generation
    stamps: Stamps | None

    def is_current(self) -> bool:
        return self.stamps is not None and self.stamps.hold()


@dataclass(slots=True)
class _Held:
    """
    The worker that this process holds.

    ``keep`` False: others wait for one, so it goes back after each exec. ``is_ours`` False: it is another daemon's than
    the one that is connected, whose copies it cannot load.
    """

    conversation: Conversation
    keep: bool
    fresh: bool
    most_execs: float
    most_loads: float
    is_ours: bool = True

    def report(self) -> dict[str, Any]:
        holdings = self.conversation.holdings
        return {
            "pid": self.conversation.pid,
            "execs": holdings.execs,
            "loads": holdings.loads,
            "loaded": {path: generation.id for path, generation in holdings.loaded.items()},
            "bound": holdings.bound,
            "ran": holdings.ran,
            "worn": holdings.retire_reason,
        }

    def is_first_run(self, generation: Generation) -> bool:
        """Whether the worker has not run it before, so that it may be slow."""
        return not self.fresh and not self.conversation.holdings.has_run(generation)

    def is_worn(self) -> bool:
        holdings = self.conversation.holdings
        return holdings.execs >= self.most_execs or holdings.loads >= self.most_loads


class Lease:
    """
    The one lease of a client process. Connects at the first exec; ``close`` gives everything back.

    For one thread. After a fork the child begins anew, and the parent's lease stays the parent's.

    Args:
        socket_path: The daemon's control socket.
        is_inner: It runs scripts within an exec of another lease of this process.
    """

    _pid: int
    _control: Control | None
    _held: _Held | None
    _scripts: dict[str | None, _Script]
    _learned: dict[str, Foresight]
    _swap: str
    _ask_swap_after: float
    _connect_after: float
    _report_after: float
    _listen_after: float
    _back_off_s: float
    _outage: str
    _first: Generation | None
    _refused: dict[tuple[str, str], float]
    _is_busy: bool
    _inner: Lease | None

    def __init__(self, socket_path: str, *, is_inner: bool = False) -> None:
        self._socket_path = socket_path
        self._is_inner = is_inner
        self._forget_all()

    def exec(  # noqa: PLR0915 - one ladder of what an exec can come to
        self, path: str | None, param: str | None, host: Host, deadline: float
    ) -> ExecOutcome:
        """
        Run a script in the borrowed worker.

        Args:
            path: The script for ``mono_exec``; None for ``mono_run``, whose script the daemon knows.
            param: Main's one argument; None for none.
            host: Answers the calls.
            deadline: End of all waits, on ``time.monotonic``.

        Raises:
            PoolExhausted: No worker, or no daemon. Nothing ran.
            RunnerError: As ``Runner.mono_exec`` has it in its result.
        """
        if os.getpid() != self._pid:
            self._begin_anew()
        if self._is_busy:
            # A script called a function that runs a route that runs a script: that one needs a worker of its own.
            self._inner = self._inner or Lease(self._socket_path, is_inner=True)
            return self._inner.exec(path, param, host, deadline)
        outcome = ExecOutcome()
        while True:
            try:
                self._first = None
                held, script = self._at_once(path) or self._ready(path, deadline)
                if self._refused:
                    self._refuse(script.generation.path, host)
                self._is_busy = True
                try:
                    held.conversation.exec(script.generation, param, host, deadline, fresh=held.fresh, outcome=outcome)
                finally:
                    self._is_busy = False
                    if self._first is not None:
                        self._tell_first_run(held.conversation)
            except HostFault:
                self._after()
                raise
            except ScriptError as error:
                self._drop_first_run()
                self._after()
                raise type(error)(f"{path or 'mono_run'}: {error}", error.detail) from error
            except WorkerGone as error:
                pid = self._lose(str(error), host)
                if time.monotonic() >= deadline:
                    raise WorkerGone(f"worker {pid}: {error}") from error
                log.info("worker %d: %s; another one takes over", pid, error)
            except WorkerError as error:
                is_stuck = isinstance(error, ExecTimeout)
                told = f"{error}; {outcome.told()}"
                if is_stuck and (pid := self._leave(f"{path or 'mono_run'}: {told}", host)):
                    raise ExecTimeout(f"worker {pid}: {told}; it is left to finish its first run") from error
                # Also while it was being loaded it is this script that cost the worker.
                lost = self._scripts.get(path)
                pid = self._lose(f"{path or 'mono_run'}: {told}", host, script=lost, is_stuck=is_stuck)
                raise type(error)(f"worker {pid}: {told}", step=error.step) from error
            except RunnerError:
                self._drop_first_run()
                raise
            except BaseException:
                # Interrupted in the middle of a turn: nobody knows whose move it is.
                self._lose("interrupted", host)
                raise
            else:
                conversation = held.conversation
                is_due = conversation.holdings.last_used >= self._report_after or not held.keep
                if is_due or outcome.has_exited or conversation.holdings.retire_reason:
                    self._after()
                return outcome

    def close(self) -> None:
        """Give the worker back and close the connection; the next exec begins anew."""
        if os.getpid() == self._pid:
            self._give_back()
        self._begin_anew()

    # Before an exec.

    def _at_once(self, path: str | None) -> tuple[_Held, _Script] | None:
        """The common case of ``_ready``: nothing is new, and the worker has the script."""
        held, control, script = self._held, self._control, self._scripts.get(path)
        if held is None or control is None or script is None or self._swap:
            return None
        now = time.monotonic()
        if now >= self._listen_after:
            self._listen_after = now + LISTEN_S
            if control.has_news():
                return None
        holdings, generation, stamps = held.conversation.holdings, script.generation, script.stamps
        if holdings.loaded.get(generation.path) is not generation:
            if not holdings.has(generation):
                return None
            holdings.loaded[generation.path] = generation  # of two that say the same the one that is asked for
        if holdings.ran.get(generation.path) != generation.id and not held.fresh:
            return None
        is_worn = holdings.execs >= held.most_execs or holdings.loads >= held.most_loads
        return (held, script) if not is_worn and stamps is not None and stamps.hold() else None

    def _refuse(self, path: str, host: Host) -> None:
        """Raise when the daemon lets messages of this Call-ID be refused."""
        now = time.monotonic()
        self._refused = {key: until for key, until in self._refused.items() if until > now}
        if text := call_id(host):
            text = text[:LONGEST_CALL_ID]
            refuse_message(path, text, self._refused.get((path, text), 0.0) - now)

    def _ready(self, path: str | None, deadline: float) -> tuple[_Held, _Script]:
        """A worker that has the script's current generation."""
        self._listen(deadline)
        script = self._scripts.get(path)
        if (
            self._held is None
            or script is None
            or not script.is_current()
            or self._held.is_first_run(script.generation)
        ):
            until = deadline
            if self._held is not None and script is not None:
                # Without an answer the build that is known runs, in the rest of the time.
                until -= (deadline - time.monotonic()) * SHARE_OF_KNOWN
            script = self._ask_lease(path, until)
        elif (self._swap or self._held.is_worn()) and time.monotonic() >= self._ask_swap_after:
            script = self._ask_lease(path, min(deadline, time.monotonic() + SWAP_S))
        for _ in range(LOAD_TRIES):
            held = self._held
            if held is None:
                script = self._ask_lease(path, deadline)
                continue
            self._first = script.generation if held.is_first_run(script.generation) else None
            if held.conversation.holdings.has(script.generation):
                return held, script
            script = self._load(path, held, script.generation, deadline)
        raise PoolExhausted(f"{script.generation.path}: changed {LOAD_TRIES} times while it was being loaded")

    def _load(self, path: str | None, held: _Held, generation: Generation, deadline: float) -> _Script:
        """One step towards a worker that has the generation; gives what to go on with."""
        if not held.is_ours:
            if self._control is None:
                raise PoolExhausted(self._outage)
            # It goes back when there is another one: until then it has the scripts that it has.
            return self._ask_lease(path, deadline, is_first=True)
        if not held.conversation.holdings.fits(generation):
            self._give_back()
            return self._ask_lease(path, deadline)
        try:
            needs = held.conversation.load(generation, deadline)
        except ScriptInvalid as error:
            wrong = {"generation": generation.id, "message": str(error), "detail": error.detail}
            return self._ask_lease(path, deadline, rejected=wrong)
        if needs:
            return self._ask_lease(path, deadline, needs={"generation": generation.id, "names": list(needs)})
        self._tell("loaded", {"generation": generation.id})
        return self._scripts[path]

    def _ask_lease(self, path: str | None, deadline: float, *, is_first: bool = False, **more: Any) -> _Script:
        """
        Ask the daemon for a script's generation, and for a worker where there is none or a better one.

        With ``is_first`` for a worker in any case, as if there were none.
        """
        held, known = self._held, self._scripts.get(path)
        have = held.report() if held and not is_first else None
        wait_s = max(0.0, deadline - time.monotonic()) * SHARE_FOR_WAITING
        params = {"path": path, "have": have, "wait_s": wait_s, "is_inner": self._is_inner, **more}
        answer = None
        if self._control is not None:
            try:
                answer = answers.lease(self._ask(self._control, "lease", params, deadline))
            except ControlError as error:
                self._disconnect(error, has_waited=True)
        if answer is None:
            # What was served until now goes on being served while the daemon is away.
            if held is not None and known is not None and not more:
                return known
            raise PoolExhausted(self._outage)
        self._ask_swap_after = time.monotonic() + SWAP_PAUSE_S
        script = self._script(answer)
        self._scripts.pop(path, None)
        self._scripts[path] = script
        if len(self._scripts) > MOST_SCRIPTS:
            del self._scripts[next(iter(self._scripts))]  # the one that was asked for least recently
        if (worker := answer["worker"]) is not None:
            self._take(worker)
        elif self._held is not None:
            self._held.keep, self._held.is_ours = answer["keep"], answer["is_ours"]
            if not answer["is_ours"]:
                self._swap = "it is a worker of an earlier daemon"
        if self._control is not None:
            self._control.drop_descriptors()
        return script

    def _take(self, worker: dict[str, Any]) -> None:
        assert self._control is not None  # noqa: S101  # it has just answered
        channel = received(self._control.take_descriptors(ENDS))
        if channel is None:
            raise PoolExhausted("the daemon sent a worker without its wire")
        loaded = [self._generation(told) for told in worker["loaded"]]
        holdings = Holdings(
            worker["execs"],
            worker["loads"],
            {generation.path: generation for generation in loaded},
            worker["ran"],
            worker["bound"],
        )
        conversation = Conversation(
            channel,
            Session(worker["max_line_bytes"], State.IDLE),
            worker["pid"],
            SELDOM if worker["is_placed"] else 0,
            holdings,
        )
        conversation.find_helper = self._find_helper
        self._give_back()
        self._swap = ""
        most_execs, most_loads = worker["max_execs"] or math.inf, worker["max_loads"] or math.inf  # 0: no limit
        self._held = _Held(conversation, worker["keep"], worker["fresh"], most_execs, most_loads)

    def _script(self, answer: dict[str, Any]) -> _Script:
        stamps = answer["stamps"]
        known = None if stamps is None else Stamps.from_json(stamps)
        return _Script(self._generation(answer["generation"]), known)

    def _generation(self, told: dict[str, Any]) -> Generation:
        """A generation that the daemon tells of, with what was learned of it, whoever the worker is."""
        learned = self._learned.pop(told["id"], None)
        generation = Generation.from_json(told, learned)
        self._learned[generation.id] = generation.foresight
        if len(self._learned) > LEARNED_GENERATIONS:
            del self._learned[next(iter(self._learned))]
        return generation

    def _find_helper(self, generation: Generation, name: str, deadline: float) -> Helper | None:
        """An assembly that a running script loads by its name; None where there is none, or no daemon to ask."""
        if self._control is None:
            return None
        try:
            answer = self._ask(self._control, "find", {"generation": generation.id, "name": name}, deadline)
            known = answers.helper(answer)
        except ControlError as error:
            self._disconnect(error, has_waited=True)
            return None
        if known is None:
            return None
        for script in self._scripts.values():
            if script.generation is generation:
                script.stamps = None  # by now this is another generation, with that helper
        return Helper.from_json(known)

    def _ask_anew(self) -> None:
        """What is known of the scripts goes on serving only where the daemon has nothing to say."""
        for script in self._scripts.values():
            script.stamps = None

    # After an exec.

    def _after(self) -> None:
        held = self._held
        if held is None:
            return
        conversation = held.conversation
        if not conversation.can_go_on:
            self._lose("the script ended the process", None)
            return
        if not held.keep or (conversation.holdings.retire_reason and self._control is not None):
            self._give_back()
        elif conversation.holdings.last_used >= self._report_after:
            self._report_after = conversation.holdings.last_used + REPORT_S
            self._tell("report", held.report())

    def _give_back(self) -> None:
        """Return the worker. Where nobody takes it, its wire is closed and it ends itself."""
        held, self._held = self._held, None
        if held is None:
            return
        _let_run(held.conversation.pid)
        with contextlib.closing(held.conversation.hand_over()) as wire:
            self._tell("release", held.report(), wire.descriptors())

    def _lose(self, reason: str, host: Host | None, *, script: _Script | None = None, is_stuck: bool = False) -> int:
        """Drop a worker that cannot go on. The daemon ends it, and asks it for its stacks first."""
        held, self._held = self._held, None
        if held is None:
            return 0
        # A daemon that was frozen ends, when it goes on, the workers of those who hung up: ask it at once, it is back.
        self._connect_after = 0.0
        if is_stuck:
            _let_run(held.conversation.pid)
        with contextlib.closing(held.conversation.hand_over()) as wire:
            message = {**held.report(), "reason": reason, "call_id": host and call_id(host), "is_stuck": is_stuck}
            message["taken_by"] = script and script.generation.id
            self._tell("retire", message, wire.descriptors())
        return held.conversation.pid

    def _tell_first_run(self, conversation: Conversation) -> None:
        """The daemon waits to hear how long a build takes the first time, and others with it."""
        first = self._first
        if first is not None and conversation.holdings.has_run(first):
            self._first = None
            self._tell("ran", {"pid": conversation.pid, "generation": first.id})

    def _drop_first_run(self) -> None:
        """It was allowed and did not begin: others may."""
        held, first, self._first = self._held, self._first, None
        if held is not None and first is not None:
            self._tell("ran", {"pid": held.conversation.pid, "generation": first.id, "has_run": False})

    def _leave(self, reason: str, host: Host) -> int:
        """Hand a worker to the daemon that was not done with its first run of a build; 0 where that cannot be."""
        held, first = self._held, self._first
        if held is None or first is None or self._control is None:
            return 0
        if (unfinished := held.conversation.unfinished()) is None:
            return 0
        self._held = self._first = None
        with contextlib.closing(held.conversation.hand_over()) as wire:
            message = {**held.report(), "reason": reason, "call_id": call_id(host), "generation": first.id}
            self._tell("unfinished", {**message, "unfinished": unfinished.as_json()}, wire.descriptors())
        return held.conversation.pid

    # The connection.

    def _listen(self, deadline: float) -> None:
        """Look for news without waiting, and connect again when it is time to."""
        control = self._control
        if control is None:
            if self._outage and time.monotonic() < self._connect_after:
                if self._held is None:
                    raise PoolExhausted(self._outage)
                return
            self._connect(deadline)
            return
        while control.has_news() and time.monotonic() < deadline:
            try:
                self._hear(control.receive(time.monotonic() + NOTICE_S))
                control.drop_descriptors()
            except ControlError as error:
                self._disconnect(error, has_waited=False)
                self._connect(deadline)
                return

    def _connect(self, exec_deadline: float) -> None:
        # Without a worker there is nothing else to do with the time, but half of it is for the exec.
        now = time.monotonic()
        deadline = now + (SWAP_S if self._held else max(SWAP_S, (exec_deadline - now) / 2))
        have = self._held.report() if self._held else None
        try:
            self._control = Control.connect(self._socket_path, deadline)
            answer = answers.hello(self._ask(self._control, "hello", {"protocol": PROTOCOL, "have": have}, deadline))
        except (ControlError, RunnerError) as error:
            # A daemon that refuses this process, for one because it has clients enough, is as good as none.
            self._disconnect(error, has_waited=self._control is not None or time.monotonic() >= deadline)
            if self._held is None:
                raise PoolExhausted(self._outage) from error
            return
        self._control.drop_descriptors()
        self._note_refused(answer.get("refused", ()))
        if self._held is not None:
            self._held.is_ours = False  # until it says otherwise; a daemon that was hung up on ended its workers
        # Another daemon may know other generations; the worker goes on until there is a better one.
        self._ask_anew()
        if self._outage:
            log.warning("the daemon at %s answers again", self._socket_path)
        self._outage, self._back_off_s = "", FIRST_BACK_OFF_S
        self._ask_swap_after = 0.0

    def _disconnect(self, error: ControlError | RunnerError, *, has_waited: bool) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        pause = self._back_off_s if has_waited else REFUSED_BACK_OFF_S
        if has_waited:
            self._back_off_s = min(LONGEST_BACK_OFF_S, 2 * self._back_off_s)
        self._connect_after = time.monotonic() + pause
        if not self._outage:
            goes_on = "; its worker goes on" if self._held else ""
            log.error("no daemon at %s: %s%s", self._socket_path, error, goes_on)
        self._outage = f"no daemon at {self._socket_path}: {error}"

    def _ask(self, control: Control, method: str, params: dict[str, Any], deadline: float) -> dict[str, Any]:
        notices: list[dict[str, Any]] = []
        answer = ask(control, method, params, deadline, notices)
        for notice in notices:
            self._hear(notice)
        return answer

    def _hear(self, notice: dict[str, Any]) -> None:
        match notice:
            case {"method": "swap", "params": {"reason": str(reason)}}:
                log.info("the daemon wants the worker back: %s", reason)
                self._swap = reason
                self._ask_swap_after = 0.0
                self._ask_anew()
            case {"method": "refuse", "params": {"messages": list(messages)}}:
                self._note_refused(answers.refused(messages))
            case _:
                raise ControlError(f"expected a notice of this protocol, got {notice!r:.80}")

    def _note_refused(self, messages: Iterable[tuple[str, str, float]]) -> None:
        now = time.monotonic()
        self._refused.update({(path, text): now + left_s for path, text, left_s in messages})
        while len(self._refused) > answers.MAX_REFUSED:
            del self._refused[next(iter(self._refused))]  # the one that was told of first

    def _tell(self, method: str, params: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send what needs no answer. Not waited for: what is not taken at once means a daemon in trouble."""
        if self._control is None:
            return
        try:
            self._control.send({"method": method, "params": params}, time.monotonic() + NOTICE_S, descriptors)
        except ControlError as error:
            self._disconnect(error, has_waited=True)

    def _begin_anew(self) -> None:
        """Forget everything without a word to the daemon: what is forgotten may be another process's."""
        if self._inner is not None:
            self._inner.close()
        if self._control is not None:
            self._control.close()
        if self._held is not None:
            self._held.conversation.end()
        self._forget_all()

    def _forget_all(self) -> None:
        self._pid = os.getpid()
        self._control = None
        self._held = None
        self._first = None
        self._scripts = {}
        self._learned = {}
        self._swap = ""
        self._ask_swap_after = self._connect_after = self._report_after = self._listen_after = 0.0
        self._back_off_s = FIRST_BACK_OFF_S
        self._outage = ""
        self._is_busy = False
        self._inner = None
        self._refused = {}  # by script and Call-ID: until when


def _let_run(pid: int) -> None:
    """A stopped process does not see that its wire hangs up, and perhaps no daemon is there to kill it."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGCONT)
