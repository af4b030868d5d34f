"""A client's side of a lease: one process that borrows workers from the daemon and speaks with them directly.

The daemon is asked for a first worker, when a script changed, and when it wants a worker back. Standard library only,
as a child of Kamailio imports it; no threads. Must not know Kamailio, nor how the daemon is reached.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, ClassVar

from runner.control.messages import LeaseAnswer, LeaseRequest, Swap
from runner.errors import (
    EntryMissing,
    ExecTimeout,
    HostFault,
    PoolExhausted,
    RunnerError,
    ScriptError,
    WorkerError,
    WorkerGone,
)
from runner.lane.choice import process
from runner.worker.host_calls import call_id
from runner.worker.outcome import ExecOutcome

from .held import NO_SUCH_ENTRY, Held
from .known import Known, Refusals
from .link import Link, daemon_s
from .tally import Tally
from .within import Wanted, Within
from .workers import Workers

if TYPE_CHECKING:
    from runner.calls import Host
    from runner.control.messages import HelloAnswer, Needs, Refuse, Rejected
    from runner.scripts.generation import Generation

    from .known import Script

log = logging.getLogger("runner.lease")

LISTEN_S = 0.01  # under load, news may wait so long: each look is a system call, and none is urgent
SHARE_OF_KNOWN = 0.25  # the daemon may need 0.2 s for a file that is being written (current.PATIENCE_S)
SWAP_S = 0.05  # asking for a better worker, while there is one that works
SWAP_PAUSE_S = 1.0  # after the daemon had no better one
REPORT_S = 5.0
LOAD_TRIES = 16


class Lease:
    """
    The one lease of a client process. Connects at the first exec; ``close`` gives everything back.

    For one thread. After a fork the child starts with nothing, and the parent's lease stays the parent's.

    Args:
        socket_path: The daemon's control socket.
        is_inner: It runs scripts within an exec of another lease of this process.
        tally: Where the execs of this process are counted; None: a new one.

    Attributes:
        within, tally: What runs here, and where it is counted.
    """

    _of_process: ClassVar[Lease | None] = None

    def __init__(self, socket_path: str, *, is_inner: bool = False, tally: Tally | None = None) -> None:
        self._socket_path = socket_path
        self._is_inner = is_inner
        self._process = process()
        self._workers = Workers()
        self.tally = tally or Tally()
        self._link = Link(socket_path, self._workers.report, self._hear, self.tally)
        self._known = Known()
        self._refusals = Refusals()
        self._ask_swap_after = self._listen_after = 0.0
        self.within = Within(lambda: Lease(socket_path, is_inner=True, tally=self.tally))
        self._is_over = False  # it is closed as soon as nothing runs

    @property
    def _held(self) -> Held | None:
        """The worker in use."""
        return self._workers.current

    @classmethod
    def of_process(cls, socket_path: str) -> Lease:
        """The lease of this process from now on; the one before is given back. It outlives a reload of its caller."""
        if (before := cls._of_process) is not None:
            before.close()
        cls._of_process = cls(socket_path, tally=before.tally if before is not None else None)
        return cls._of_process

    def script(self, path: str | None) -> Script | None:
        """What is known of a script; None for nothing."""
        return self._known.scripts.get(path) or self.within.script(path)

    def note(self, path: str | None, result: ExecOutcome | Exception, began: float, host: Host) -> None:
        """An exec is over, as ``Tally.add`` has it; also one within another."""
        if incident := self.tally.add(self.script(path), path, result, began, host, node=self._workers.node):
            self._link.tell(incident)

    def exec(
        self, path: str | None, param: str | None, host: Host, deadline: float, entry: str | None = None
    ) -> ExecOutcome:
        """
        Run a script in the borrowed worker.

        Args:
            path: The script for ``mono_exec``; None for ``mono_run``, whose script the daemon knows.
            param: The one argument of Main or of the entry; None for none.
            host: Answers the calls.
            deadline: End of all waits, on ``time.monotonic``.
            entry: The method to run; None is Main.

        Returns:
            The outcome. Where the script has no such entry its code is ``NO_SUCH_ENTRY``, and nothing ran.

        Raises:
            PoolExhausted: No worker, or no daemon. Nothing ran.
            RunnerError: As ``Runner.mono_exec`` has it in its result.
        """
        if process() != self._process:
            self._reset()
        wanted = Wanted(path, param, host, deadline, entry)
        if self.within.running:
            return self.within.exec(self._held, self._known.scripts.get(path), self._refusals, wanted)
        return self.go_on(wanted, ExecOutcome(), None)

    def go_on(  # noqa: PLR0915 - one ladder of what an exec can come to
        self, wanted: Wanted, outcome: ExecOutcome, heard: bytes | BaseException | None
    ) -> ExecOutcome:
        """
        As ``exec``, for what the lane has made of it: ``outcome`` and ``heard`` as ``Conversation.exec`` has them.

        What was begun goes on in the worker in use; None: nothing was.
        """
        (path, param, host, deadline, entry), within, slow_s = wanted, self.within, self.tally.slow_s
        try:
            while True:
                try:
                    if heard is not None:
                        held, script = self._workers.in_use, self._known.scripts[path]
                    else:
                        held, script = self._at_once(path) or self._ready(path, deadline)
                    if self._refusals.until and heard is None:
                        self._refusals.check(script.generation.path, call_id(host))
                    within.running.append(script.generation)
                    within.deadline = deadline
                    if slow_s:
                        held.watch(slow_s, script, path, host)
                    try:
                        held.conversation.exec(
                            script.generation, param, host, deadline,
                            fresh=held.fresh, entry=entry, outcome=outcome, heard=heard,
                        )  # fmt: skip
                    finally:
                        heard = None
                        within.running.clear()
                        held.watched = None
                        if held.first is not None:
                            held.tell_first_run(self._link)
                except HostFault:
                    self._after()
                    raise
                except ScriptError as error:
                    self._workers.drop_first_run(self._link)
                    self._after(self._known.scripts.get(path))
                    if isinstance(error, EntryMissing):
                        outcome.code, outcome.is_missing = NO_SUCH_ENTRY, True
                        return outcome
                    raise type(error)(error.naming(path or "mono_run"), error.detail) from error
                except WorkerGone as error:
                    pid = self._lose(str(error), host)
                    if time.monotonic() >= deadline:
                        raise WorkerGone(f"worker {pid}: {error}") from error
                    level = logging.INFO if self._link.control else logging.ERROR
                    then = "another one takes over" if self._link.control else "without a daemon there is no other one"
                    log.log(level, "worker %d: %s; %s", pid, error, then)
                except WorkerError as error:
                    is_stuck = isinstance(error, ExecTimeout)
                    why = f"{error}; {outcome.summary()}"
                    if is_stuck and (pid := self._workers.leave(self._link, f"{path or 'mono_run'}: {why}", host)):
                        raise ExecTimeout(f"worker {pid}: {why}; it is left to finish its first run") from error
                    # Also while it was being loaded it is this script that cost the worker.
                    lost, within.guilty = within.guilty or self._known.scripts.get(path), None
                    pid = self._lose(f"{path or 'mono_run'}: {why}", host, script=lost, is_stuck=is_stuck)
                    raise type(error)(f"worker {pid}: {why}", step=error.step) from error
                except RunnerError:
                    self._workers.drop_first_run(self._link)
                    raise
                except BaseException:
                    # Interrupted in the middle of a turn: nobody knows whose turn it is.
                    self._lose("interrupted", host)
                    raise
                else:
                    holdings = held.conversation.holdings
                    is_due = holdings.last_used >= held.report_after or not held.keep
                    if is_due or outcome.has_exited or holdings.retire_reason:
                        self._after()
                    return outcome
        finally:
            if self._is_over:
                self.close()

    def close(self) -> None:
        """Give the worker back and close the connection, once nothing runs; the next exec takes a new one."""
        if process() == self._process:
            if self.within.running:
                self._is_over = True
                return
            self._workers.release_all(self._link)
        self._reset()

    # Before an exec.

    def _at_once(self, path: str | None) -> tuple[Held, Script] | None:
        """The common case of ``_ready``: nothing is new, and the worker has the script."""
        control, script, held = self._link.control, self._known.scripts.get(path), self._workers.current
        if control is None or script is None:
            return None
        if held is None or held.runtime != script.generation.runtime:
            held = self._workers.use(script.generation.runtime)
        if held is None or held.wanted_back:
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
            holdings.loaded[generation.path] = generation  # of two equal ones the one that is asked for
        if holdings.ran.get(generation.path) != generation.id and not held.fresh:
            return None
        if stamps is None or holdings.execs >= held.most_execs or holdings.loads >= held.most_loads:
            return None
        return (held, script) if stamps.at_once() or stamps.hold() else None

    def _ready(self, path: str | None, deadline: float) -> tuple[Held, Script]:
        """A worker that has the script's current generation."""
        script = self._known.scripts.get(path)
        if script is not None:
            self._workers.use(script.generation.runtime)
        self._listen(deadline)
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
        elif (self._held.wanted_back or self._held.is_spent()) and time.monotonic() >= self._ask_swap_after:
            script = self._ask_lease(path, min(deadline, time.monotonic() + SWAP_S))
        for _ in range(LOAD_TRIES):
            held = self._held
            if held is None:
                script = self._ask_lease(path, deadline)
                continue
            held.first = script.generation if held.is_first_run(script.generation) else None
            if held.conversation.holdings.has(script.generation):
                return held, script
            script = self._load(path, held, script.generation, deadline)
        raise PoolExhausted(f"{script.generation.path}: changed {LOAD_TRIES} times while it was being loaded")

    def _load(self, path: str | None, held: Held, generation: Generation, deadline: float) -> Script:
        """One step towards a worker that has the generation; gives what to go on with."""
        if not held.is_ours:
            # It goes back when there is another one: until then it has the scripts that it has.
            return self._ask_lease(path, deadline, is_first=True)
        if not held.conversation.holdings.fits(generation):
            self._workers.release(self._link)
            return self._ask_lease(path, deadline)
        held.load(self._link, generation, deadline, lambda **more: self._ask_lease(path, deadline, **more).generation)
        if not held.conversation.can_go_on:
            raise WorkerGone(f"{generation.path} ended the process at its load, and an older build serves")
        return self._known.scripts[path]

    def _ask_lease(
        self,
        path: str | None,
        deadline: float,
        *,
        is_first: bool = False,
        needs: Needs | None = None,
        rejected: Rejected | None = None,
    ) -> Script:
        """Ask for a script's generation and, where there is none or a better one or ``is_first``, for a worker."""
        held, known = self._held, self._known.scripts.get(path)
        request = LeaseRequest(
            path=path,
            have=held.report() if held and not is_first else None,
            wait_s=daemon_s(deadline),
            is_inner=self._is_inner,
            needs=needs,
            rejected=rejected,
        )
        answer = self._link.ask(request, LeaseAnswer, deadline)
        if answer is None:
            # What was served until now goes on being served while the daemon is away.
            if held is not None and known is not None and not (is_first or needs or rejected):
                return known
            if needs or rejected or time.monotonic() >= deadline:
                raise PoolExhausted(self._link.outage)
            self._await_daemon(deadline)
            return self._ask_lease(path, deadline, is_first=is_first)
        self._ask_swap_after = time.monotonic() + SWAP_PAUSE_S
        script = self._known.add(path, answer.generation, answer.stamps)
        script.generation.learn_entries(answer.entries)
        has = self._workers.use(script.generation.runtime)
        if answer.worker is not None:
            self._workers.replace(Held.received(self._link, answer.worker, self._known), self._link)
        elif has is not None:
            has.keep, has.is_ours = answer.keep, answer.is_ours
            if not answer.is_ours:
                has.wanted_back = "it is a worker of an earlier daemon"
        if self._link.control is not None:
            self._link.control.drop_descriptors()
        return script

    # After an exec.

    def _after(self, failed: Script | None = None) -> None:
        held = self._held
        if held is None:
            return
        conversation = held.conversation
        if not conversation.can_go_on:
            self._lose("the script ended the process", None, script=failed)
        elif not held.keep or (conversation.holdings.retire_reason and self._link.control is not None):
            self._workers.release(self._link)
        elif conversation.holdings.last_used >= held.report_after:
            held.report_after = conversation.holdings.last_used + REPORT_S
            self._link.tell(held.report())

    def _lose(self, reason: str, host: Host | None, *, script: Script | None = None, is_stuck: bool = False) -> int:
        """Drop a worker that cannot go on. The daemon ends it, and asks it for its stacks first."""
        held = self._workers.drop()
        if held is None:
            return 0
        self._link.backoff.retry_now()  # one that was frozen ends, as it goes on, the workers of those who hung up
        held.retire(self._link, reason, host, script.generation if script else None, is_stuck=is_stuck)
        return held.conversation.pid

    def _listen(self, deadline: float) -> None:
        """Look for news without waiting, and connect again when it is time to."""
        link = self._link
        was_connected = link.control is not None
        if was_connected and link.listen(deadline):
            self._workers.release_unused(link)
        elif self._held is None:
            self._await_daemon(deadline)
        elif (was_connected or not link.is_pausing()) and (
            answer := link.connect(time.monotonic() + SWAP_S)
        ) is not None:
            self._greet(answer)

    def _await_daemon(self, exec_deadline: float) -> None:
        """Connect where nothing runs without: half of the time may be waited, for the other half is the exec's."""
        until = time.monotonic() + max(SWAP_S, (exec_deadline - time.monotonic()) / 2)
        # With the daemon all workers of other machines have gone: nobody takes the calls of who waits.
        answer = self._link.await_daemon(until, is_patient=not self._workers.node)
        if answer is None:
            raise PoolExhausted(self._link.outage)
        self._greet(answer)

    def _greet(self, answer: HelloAnswer) -> None:
        self._refusals.add(answer.refused)
        for held in self._workers:
            held.is_ours = False  # until it says otherwise; a daemon that was hung up on ended its workers
        # Another daemon may know other generations; the worker goes on until there is a better one.
        self._known.ask_again()
        self._ask_swap_after = 0.0

    def _hear(self, notice: Refuse | Swap) -> None:
        if not isinstance(notice, Swap):
            self._refusals.add(notice.messages)
            return
        self._known.ask_again()
        if self._workers.want_back(notice.lease, notice.reason) is not None:
            log.info("the daemon wants the worker back: %s", notice.reason)
            self._ask_swap_after = 0.0

    def _reset(self) -> None:
        """Forget everything without a word to the daemon: what is forgotten may be another process's."""
        self.within.close()
        self._link.close()
        for held in self._workers:
            held.conversation.end()
        is_shared = self._is_inner or self._is_over  # of one that is over, its successor counts on in the same place
        tally = self.tally if is_shared and process() == self._process else self.tally.successor()
        Lease.__init__(self, self._socket_path, is_inner=self._is_inner, tally=tally)
