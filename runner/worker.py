"""One mono process: start, ready, load, exec, and the ladder that ends it.

Must not know of other workers, of the pool, or which generation is current.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner import confine
from runner.channel import Channel
from runner.conversation import Conversation, ExecOutcome
from runner.drain import Drain, Tail
from runner.errors import (
    ExecTimeout,
    RunnerError,
    WorkerError,
    WorkerFailedToStart,
)
from runner.session import WORN, Session, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.calls import Host
    from runner.content import Generation
    from runner.settings import Settings

log = logging.getLogger("runner.worker")

REAP_S = 0.5  # a process killed by SIGKILL is gone in milliseconds; more is a kernel that does not let go

STACKS_S = 0.05
STACKS_QUIET_S = 0.005  # a dump is one burst of lines


class Worker:
    """
    One warm mono process and the conversation with it. Used by one caller at a time; ``Worker.start`` makes it.

    Its wire may be lent to another process; until it is given back only its process is known here.

    Attributes:
        pid: The process, and its process group.
        started_at: On ``time.monotonic``.
        runtime: The version of mono.
        conversation: What is said, and what the process holds because of it.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], conversation: Conversation, tail: Tail, directory: Path, pidfd: int
    ) -> None:
        self.pid = process.pid
        self.started_at = time.monotonic()
        self.runtime = ""
        self.conversation = conversation
        self._is_lent = False
        self._process = process
        self._tail = tail
        self._directory = directory
        self._pidfd = pidfd
        self._exit_code: int | None = None
        self._forget: Callable[[], None] = lambda: None

    @classmethod
    def start(
        cls,
        settings: Settings,
        bridge: Path,
        directory: Path,
        drain: Drain,
        on_exit: Callable[[], None] = lambda: None,
    ) -> Worker:
        """
        Start mono and wait until the bridge says that it is ready.

        Args:
            settings: For one ``mono``, ``start_timeout_s``.
            bridge: SRBridge.exe.
            directory: Where the worker's private, empty working directory is made.
            drain: Reads its stderr.
            on_exit: Called on the drain's thread when the process ends.

        Raises:
            WorkerFailedToStart: It did not start, ended early, or was not ready in time; nothing of it is left.
        """
        began = time.monotonic()
        # Any of these calls may find no descriptor or no room left; then all that was made before is undone.
        with contextlib.ExitStack() as undo:
            try:
                process, conversation, tail, place = cls._spawned(settings, bridge, directory, undo)
                pidfd = os.pidfd_open(process.pid)
                undo.callback(os.close, pidfd)
                watched = os.dup(pidfd)
            except OSError as error:
                raise WorkerFailedToStart(f"{settings.mono}: mono cannot be started: {error.strerror}") from error
            undo.pop_all()
        worker = cls(process, conversation, tail, place, pidfd)
        worker._join(drain, watched, on_exit)
        worker._await_ready(began + settings.start_timeout_s)
        log.info("started worker %d: mono %s in %.0f ms", worker.pid, worker.runtime, (time.monotonic() - began) * 1e3)
        return worker

    @staticmethod
    def _spawned(
        settings: Settings, bridge: Path, directory: Path, undo: contextlib.ExitStack
    ) -> tuple[subprocess.Popen[bytes], Conversation, Tail, Path]:
        with contextlib.ExitStack() as given:
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            given.callback(theirs.close)
            stderr_read, stderr_write = os.pipe2(os.O_CLOEXEC)
            undo.callback(os.close, stderr_read)
            given.callback(os.close, stderr_write)
            place = Path(tempfile.mkdtemp(prefix="worker-", dir=directory))
            undo.callback(shutil.rmtree, place, ignore_errors=True)
            process = subprocess.Popen(
                [settings.mono, "--debug", str(bridge), str(settings.max_line_bytes), settings.leftover_threads],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=stderr_write,
                cwd=place,
                env=confine.environment(settings),
                start_new_session=True,
            )
        undo.callback(process.wait, REAP_S)
        undo.callback(process.kill)
        confine.limit(process.pid, settings)
        tail = Tail(stderr_read, process.pid, settings.max_stderr_lines_per_s)
        conversation = Conversation(
            Channel(ours),
            Session(settings.max_line_bytes),
            process.pid,
            is_placed=settings.placement == "together",
        )
        return process, conversation, tail, place

    def __repr__(self) -> str:
        return f"<Worker {self.conversation!r}{', lent' if self._is_lent else ''}>"

    @property
    def state(self) -> State:
        """The state of its conversation."""
        return self.conversation.state

    @property
    def execs(self) -> int:
        """Execs begun."""
        return self.conversation.execs

    @property
    def loads(self) -> int:
        """Assemblies loaded into the process."""
        return self.conversation.loads

    @property
    def worn(self) -> str:
        """Why it should run no further exec; empty for no reason."""
        return WORN.get(self.conversation.worn, "")

    @property
    def last_used(self) -> float:
        """When its last exec or load ended, on ``time.monotonic``."""
        return self.conversation.last_used

    @property
    def loaded(self) -> Mapping[str, Generation]:
        """Script path to the generation of it that is loaded."""
        return self.conversation.loaded

    @property
    def bound(self) -> dict[str, str]:
        """Simple name of a helper assembly to the hash of the content that the process has bound to it."""
        return self.conversation.bound

    @property
    def is_alive(self) -> bool:
        """True when the process runs and its conversation can go on."""
        may_speak = self._is_lent or self.conversation.can_go_on
        return may_speak and self._exit_code is None and not self._has_exited(0)

    def rss_kib(self) -> int:
        """Resident memory in KiB; 0 when the process has gone."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024

    def load(self, generation: Generation, deadline: float) -> tuple[str, ...]:
        """As ``Conversation.load``; a worker that is lost is killed, and the error tells its end."""
        try:
            return self.conversation.load(generation, deadline)
        except BaseException as error:
            self._end_unless_survived(error)
            raise

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
        """As ``Conversation.exec``; a worker that is lost is killed, and the error tells its end and the edits."""
        outcome = outcome or ExecOutcome()
        try:
            self.conversation.exec(generation, param, host, deadline, fresh=fresh, outcome=outcome)
        except BaseException as error:
            self._end_unless_survived(error, outcome)
            raise
        if not self.conversation.can_go_on:
            log.info("worker %d: the script ended the process with code %s", self.pid, outcome.code)
            self.kill()
        return outcome

    def lend(self) -> socket.socket:
        """
        The wire, to be passed to another process; closing it is the caller's. Only for an idle worker.

        From now on the process lives for as long as whoever holds the wire wants it.
        """
        if self.state is not State.IDLE:
            raise RuntimeError(f"a worker that is {self.state.value} cannot be lent")
        self._is_lent = True
        return self.conversation.hand_over()

    def take_back(self, sock: socket.socket) -> None:
        """End a loan: ``sock`` is the wire, idle, and owned from now on; the records go on."""
        self._is_lent = False
        self.conversation = self.conversation.passed_on(Channel(sock))

    def end_stuck(self, reason: str) -> None:
        """Log why it is ended, ask mono for the stacks of its threads, and kill it; takes at most ``STACKS_S`` more."""
        log.warning("worker %d: %s; its managed stacks follow", self.pid, reason)
        self._ask_for_stacks()
        self.kill()

    def stop(self, deadline: float) -> None:
        """End it politely: hang up, then SIGTERM, then SIGKILL, each with its share of the time left."""
        self.conversation.end()
        for share, number in ((3, None), (2, signal.SIGTERM)):
            if number is not None:
                self._signal(number)
            if self._has_exited(max(0.0, deadline - time.monotonic()) / share):
                break
        self.kill()

    def kill(self) -> None:
        """End it and all of its children at once, and remove its working directory. May be called again."""
        self.conversation.end()
        if self._exit_code is not None:
            return
        # The process is not reaped before its group is killed: until then the group's number cannot be another's.
        self._signal(signal.SIGKILL)
        self._exit_code = self._process.wait(REAP_S) if self._has_exited(REAP_S) else -signal.SIGKILL
        self._tail.pump()
        self._forget()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _join(self, drain: Drain, watched: int, on_exit: Callable[[], None]) -> None:
        drain.add(self._tail, watched, on_exit)

        def forget() -> None:
            drain.remove(self._tail, watched)
            os.close(self._pidfd)

        self._forget = forget

    def _await_ready(self, deadline: float) -> None:
        try:
            self.runtime = self.conversation.await_ready(deadline)
        except WorkerError as error:
            self.kill()
            raise WorkerFailedToStart(
                f"worker {self.pid} was not ready: {self._why(error)}",
                exit_code=self._exit_code,
                step=State.STARTING.name,
                last_lines=self._tail.lines(),
            ) from error

    def _end_unless_survived(self, error: BaseException, outcome: ExecOutcome | None = None) -> None:
        """
        Leave the worker usable or killed.

        Raises:
            WorkerError: In the place of ``error``, with the worker's end and last words.
        """
        if isinstance(error, RunnerError) and not isinstance(error, WorkerError):
            return
        if not isinstance(error, WorkerError):
            # Interrupted in the middle of a turn, for one by Ctrl-C: nobody knows whose move it is.
            self.kill()
            return
        step = error.step or self.state.name
        if isinstance(error, ExecTimeout):
            self._ask_for_stacks()
        self.kill()
        stands = f"; {outcome.calls} calls were answered, {outcome.edits} edits stand" if outcome else ""
        raise type(error)(
            f"worker {self.pid}: {self._why(error)}{stands}",
            exit_code=self._exit_code,
            step=step,
            last_lines=self._tail.lines(),
        ) from error

    def _why(self, error: WorkerError) -> str:
        last = self._tail.lines()
        said = f"; its last line: {last[-1]}" if last else ""
        return f"{error} ({_told(self._exit_code)}){said}"

    def _ask_for_stacks(self) -> None:
        """Let mono write its managed stacks to stderr, and so to the log (measured: SIGQUIT, whole within 1 ms)."""
        before = self._tail.count()
        self._signal(signal.SIGQUIT)
        deadline = time.monotonic() + STACKS_S
        while time.monotonic() < deadline:
            seen = self._tail.count()
            if self._has_exited(STACKS_QUIET_S) or self._tail.count() == seen > before:
                return

    def _has_exited(self, timeout_s: float) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def _told(exit_code: int | None) -> str:
    if exit_code is None:
        return "it still runs"
    if exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"
