"""One worker process: start, ready, load, exec, and the steps that end it.

Must not know other workers, the pool, or which generation is current.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import ExecTimeout, ProtocolViolation, RunnerError, WorkerDied, WorkerError, WorkerFailedToStart
from runner.wire.channel import Channel
from runner.wire.events import RETIRE_REASONS
from runner.wire.session import MAX_LINE_BYTES, Session, State

from .conversation import Conversation
from .holdings import Holdings
from .outcome import ExecOutcome
from .placement import ALWAYS
from .process import Ending, Process
from .stderr import Drain, Tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.calls import Host
    from runner.runtimes.runtime import Runtime
    from runner.scripts.generation import Generation
    from runner.settings import Settings
    from runner.wire.channel import End
    from runner.wire.unfinished import Unfinished

log = logging.getLogger("runner.worker")

STACKS_QUIET_S = 0.005  # a pause this long means that the dump, one burst of lines, is complete
OVER = frozenset({State.CLOSED, State.BROKEN})
IN_A_TURN = frozenset({State.STARTING, State.LOADING, State.RUNNING, State.ASKED})
KILLED_S = 2.0  # longest wait for another thread that kills the worker; its own waits are shorter in all


def never(_pid: int) -> bool:
    """The default for ``may_finish``: a worker that misses its deadline may not go on."""
    return False


class Worker:
    """
    One warm process and the conversation with it. Used by one caller at a time; ``Worker.start`` makes it.

    Its wire may be lent to another process. Until the wire is given back, only the process itself is known here.

    Attributes:
        pid: The process of its runtime and its process group, by their number outside the sandbox.
        started_at: When it was ready, on ``time.monotonic``: a start on a busy machine takes nothing of its age.
        runtime: What it is a process of.
        version: The version of that.
        conversation: The conversation on its wire.
        holdings: What it has done and holds, also while its wire is lent.
        has_ended: Whether its process is known to have ended.
        node: What people call the machine that it is on; "" for this one.
    """

    __slots__ = (
        *("_forget", "_is_gone", "_is_killed", "_is_lent", "_lent", "_lock", "_process", "_tail", "conversation"),
        *("has_ended", "holdings", "pid", "runtime", "started_at", "version"),
    )

    node = ""

    def __init__(self, process: Ending, runtime: Runtime, conversation: Conversation, tail: Tail) -> None:
        self.pid = process.pid
        self.started_at = time.monotonic()
        self.runtime = runtime
        self.version = ""
        self.conversation = conversation
        self.holdings = conversation.holdings
        self._is_lent = False
        self._lent: tuple[End, ...] = ()  # the ends of the wire when it was last lent
        self._process = process
        self._tail = tail
        self.has_ended = False
        self._lock = threading.Lock()
        self._is_killed = False  # or being killed, by the thread that set it
        self._is_gone = threading.Event()
        self._forget: Callable[[], None] = lambda: None

    @classmethod
    def start(
        cls,
        settings: Settings,
        runtime: Runtime,
        bridge: Path | None,
        directory: Path,
        drain: Drain,
        *,
        on_exit: Callable[[], None] = lambda: None,
    ) -> Worker:
        """
        Start a process and wait until its bridge says that it is ready.

        Args:
            settings: ``start_timeout_s``, and what ``Process.start`` reads.
            runtime: What runs there.
            bridge: Its program; None: the runtime's command is all of it.
            directory: Where the worker's private, empty working directory is made.
            drain: Reads its stderr.
            on_exit: Called on the drain's thread when the process ends.

        Raises:
            ConfigError: As ``Process.start``.
            WorkerFailedToStart: It did not start, ended early, or was not ready in time; nothing is left over.
        """
        began = time.monotonic()
        deadline = began + settings.start_timeout_s
        process = Process.start(settings, runtime, bridge, directory, deadline)
        tail = Tail(process.stderr, process.pid)
        conversation = Conversation(
            Channel(*process.wire),
            Session(MAX_LINE_BYTES),
            process.pid,
            0 if settings.placement == "free" else ALWAYS,
            Holdings(runtime=runtime.name),
        )
        worker = cls(process, runtime, conversation, tail)
        worker._join(process, drain, on_exit)
        worker._await_ready(deadline)
        worker.started_at = time.monotonic()
        took_ms = (worker.started_at - began) * 1e3
        log.info("started worker %d: %s %s in %.0f ms", worker.pid, runtime.name, worker.version, took_ms)
        return worker

    def __repr__(self) -> str:
        return f"<Worker {self.conversation!r}{', lent' if self._is_lent else ''}>"

    @property
    def state(self) -> State:
        """The state of its conversation."""
        return self.conversation.state

    @property
    def retire_reason(self) -> str:
        """Why it should be replaced before its next exec; empty for no reason."""
        return RETIRE_REASONS.get(self.holdings.retire_reason, "")

    @property
    def is_alive(self) -> bool:
        """True while the process is not known to have ended and its conversation can go on. Makes no system call."""
        if self.has_ended or self._process.exit_code is not None:
            return False
        return self._is_lent or self.conversation.session.state not in OVER

    @property
    def is_blameless(self) -> bool:
        """Whether it was lost by something that no script is to blame for."""
        return False

    def rss_kib(self) -> int:
        """As ``rss_kib``, of its process."""
        return rss_kib(self.pid)

    def load(
        self, generation: Generation, deadline: float, *, may_finish: Callable[[int], bool] = never
    ) -> tuple[str, ...]:
        """As ``Conversation.load``; a lost worker is killed, and the error says how it ended. See ``exec``."""
        try:
            return self.conversation.load(generation, deadline)
        except BaseException as error:
            self._end_unless_survived(error, may_finish=may_finish)
            raise

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
        may_finish: Callable[[int], bool] = never,
        heard: bytes | BaseException | None = None,
    ) -> ExecOutcome:
        """
        As ``Conversation.exec``; a lost worker is killed, and the error says how it ended and which edits stand.

        When the deadline comes first, ``may_finish(pid)`` decides whether the worker may go on. If so, the error has
        ``is_left``, and ``finish`` must be the next call.
        """
        outcome = outcome or ExecOutcome()
        if outcome.profile is not None:
            outcome.profile.begin()
        try:
            self.conversation.exec(
                generation, param, host, deadline, fresh=fresh, entry=entry, outcome=outcome, heard=heard
            )
        except BaseException as error:
            self._end_unless_survived(error, outcome, may_finish)
            raise
        if outcome.has_exited:
            log.info("worker %d: the script ended the process with code %s", self.pid, outcome.code)
            self.kill()
        return outcome

    def finish(self, generation: Generation, deadline: float) -> None:
        """As ``Conversation.finish``; a lost worker is killed, and the error says how it ended."""
        try:
            self.conversation.finish(generation, deadline)
        except BaseException as error:
            self._end_unless_survived(error)
            raise

    def lend(self) -> Channel:
        """
        The wire, to be passed to another process; the caller closes it. Only for an idle worker.

        From now on the process lives until every holder of the wire has closed it.
        """
        if self.state is not State.IDLE:
            raise RuntimeError(f"a worker that is {self.state.value} cannot be lent")
        self._is_lent = True
        wire = self.conversation.hand_over()
        self._lent = wire.ends()
        return wire

    def take_back(self, wire: Channel, unfinished: Unfinished | None = None, *, is_shared: bool = True) -> None:
        """
        End a loan: the wire belongs to this worker again, which is idle unless something is unfinished.

        Args:
            wire: The wire that came back.
            unfinished: What the worker is in the middle of; None: nothing.
            is_shared: Whether the borrower may have kept harmful copies of the wire; if so, it is reopened.

        Raises:
            WorkerError: It is not the wire that was lent, or it cannot be reopened. It is closed, and the loan goes on.
        """
        # A borrower that gives back pipes of its own could answer the next user in the worker's name.
        if (came := wire.ends()) != self._lent:
            wire.close()
            expected, got = (" and ".join(map(str, ends)) for ends in (self._lent, came))
            raise ProtocolViolation(f"expected the ends of its wire, {expected}; got {got}")
        try:
            wire = wire.reopened() if is_shared else wire.detach()
        except OSError as error:
            raise WorkerError(f"its wire cannot be reopened: {error.strerror}") from error
        self._is_lent = False
        self.holdings.last_used = time.monotonic()  # whoever had it used it: it is no idle worker to be retired
        self.conversation = self.conversation.resumed(wire, unfinished)

    def end_stuck(self, reason: str) -> None:
        """Log ``reason``, have it write the stacks of its threads, for at most ``Runtime.stacks_s``, and kill it."""
        self.stacks(reason)
        self.kill()

    def stacks(self, reason: str) -> str:
        """
        Log ``reason``, and have it write the stacks of its threads to the log; it goes on.

        Returns:
            The stacks, with what else it wrote meanwhile; empty where its runtime has none. Takes ``Runtime.stacks_s``
            at most.
        """
        log.warning("worker %d: %s%s", self.pid, reason, "; its stacks follow" if self.runtime.stacks else "")
        with self._tail.copied() as lines:
            self._ask_for_stacks()
        return "\n".join(lines)

    def stop(self, deadline: float) -> None:
        """End it gracefully: close the wire, then SIGTERM, then SIGKILL, each with a share of the time left."""
        self.conversation.end()
        for share, number in ((3, None), (2, signal.SIGTERM)):
            if number is not None:
                self._process.send_signal(number)
            if self._process.has_ended(max(0.0, deadline - time.monotonic()) / share):
                break
        self.kill()

    def kill(self) -> None:
        """
        End it and all of its children at once, and remove its working directory.

        May be called again, also from another thread: one thread does it, and the others wait for it, at most
        ``KILLED_S``. In the middle of a turn the conversation is not ended here: its thread sees that the wire closes.
        """
        if self.state not in IN_A_TURN:
            self.conversation.end()
        with self._lock:
            is_mine, self._is_killed = not self._is_killed, True
        if not is_mine:
            self._is_gone.wait(KILLED_S)
            return
        try:
            self._process.kill()
            self._tail.pump()
            self._forget()
        finally:
            self._is_gone.set()

    def _join(self, process: Process, drain: Drain, on_exit: Callable[[], None]) -> None:
        def ended() -> None:
            self.has_ended = True
            on_exit()

        drain.add(self._tail, process.watched, ended)

        def forget() -> None:
            drain.remove(self._tail, process.watched)
            process.close()

        self._forget = forget

    def _await_ready(self, deadline: float) -> None:
        try:
            self.version = self.conversation.await_ready(deadline)
        except WorkerError as error:
            self.conversation.end()
            self.kill()
            raise WorkerFailedToStart(
                f"worker {self.pid} was not ready: {self._why(error)}",
                exit_code=self._process.exit_code,
                step=State.STARTING.name,
                last_lines=self._tail.lines(),
            ) from error

    def _end_unless_survived(
        self, error: BaseException, outcome: ExecOutcome | None = None, may_finish: Callable[[int], bool] = never
    ) -> None:
        """
        Decide what an error means for the worker: it stays usable, it is left to finish, or it is killed.

        Raises:
            WorkerError: Replaces ``error``, and says how the worker ended and what it last wrote.
        """
        if isinstance(error, RunnerError) and not isinstance(error, WorkerError):
            return
        step = self.state.name
        if self._is_killed and isinstance(error, Exception) and not isinstance(error, WorkerError):
            # Another thread killed it while this one still believed the wire to be open.
            error = WorkerDied("it was killed", step=step)
        if not isinstance(error, WorkerError):
            # Interrupted in the middle of a turn, for example by Ctrl-C: nobody knows whose turn it is.
            self.conversation.end()
            self.kill()
            return
        step = error.step or step
        stands = f"; {outcome.summary()}" if outcome else ""
        if isinstance(error, ExecTimeout):
            if self.conversation.unfinished() is not None and may_finish(self.pid):
                left = ExecTimeout(f"worker {self.pid}: {error}{stands}; it is left to finish its first run", step=step)
                left.is_left = True
                raise left from error
            self._ask_for_stacks()
        self.conversation.end()
        self.kill()
        raise type(error)(
            f"worker {self.pid}: {self._why(error)}{stands}",
            exit_code=self._process.exit_code,
            step=step,
            last_lines=self._tail.lines(),
        ) from error

    def _why(self, error: WorkerError) -> str:
        last = self._tail.lines()
        said = f"; its last line: {last[-1]}" if last else ""
        return f"{error} ({_fate(self._process.exit_code)}){said}"

    def _ask_for_stacks(self) -> None:
        """Have it write its stacks to stderr, and so to the log (measured with mono: complete after 1 ms)."""
        if self.runtime.stacks is None:
            return
        before = self._tail.count()
        self._process.send_signal(self.runtime.stacks)
        deadline = time.monotonic() + self.runtime.stacks_s
        while time.monotonic() < deadline:
            seen = self._tail.count()
            if self._process.has_ended(STACKS_QUIET_S) or self._tail.count() == seen > before:
                return


def _fate(exit_code: int | None) -> str:
    if exit_code is None:
        return "it is still running"
    if exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def rss_kib(pid: int) -> int:
    """Resident memory of a process in KiB; 0 when it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
