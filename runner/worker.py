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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner import wire
from runner.calls import CALLS
from runner.channel import Channel
from runner.drain import Drain, Tail
from runner.errors import (
    CallRefused,
    ExecTimeout,
    ProtocolViolation,
    RunnerError,
    ScriptError,
    ScriptInvalid,
    WorkerDied,
    WorkerError,
    WorkerFailedToStart,
    WorkerGone,
)
from runner.session import Done, Event, Exiting, Failed, Loaded, Notice, Question, Ready, Session, State

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from runner.calls import Host
    from runner.reload import Generation
    from runner.settings import Settings

log = logging.getLogger("runner.worker")

REAP_S = 0.5  # a process killed by SIGKILL is gone in milliseconds; more is a kernel that does not let go

# No crash files in the working directory, nothing left in /dev/shm (measured: mono 6.8; see docs/architecture.md).
MONO_ENVIRONMENT = {"MONO_CRASH_NOFILE": "1", "MONO_DISABLE_SHARED_AREA": "1"}


@dataclass(slots=True)
class ExecOutcome:
    """
    What one exec did.

    Attributes:
        code: The exit code; None while it runs or when it had none.
        calls: Questions that the host answered and notices that it took.
        edits: Calls among them that may have changed the message.
        loaded: Assemblies that the script loaded by name itself: simple name to path.
    """

    code: int | None = None
    calls: int = 0
    edits: int = 0
    loaded: Mapping[str, str] = field(default_factory=dict)


class Worker:
    """
    One warm mono process. Used by one caller at a time; ``Worker.start`` makes it.

    Attributes:
        pid: The process, and its process group.
        execs: Execs begun.
        loads: Assemblies loaded into the process; mono never frees them.
        loaded: Script path to the generation of it that is loaded.
        bound: Simple name of a helper assembly to the hash of the content that this process has bound to it.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], channel: Channel, session: Session, tail: Tail, directory: Path
    ) -> None:
        self.pid = process.pid
        self.execs = 0
        self.loads = 0
        self.started_at = self.last_used = time.monotonic()
        self.loaded: dict[str, Generation] = {}
        self.bound: dict[str, str] = {}
        self.runtime = ""
        self._process = process
        self._channel = channel
        self._tail = tail
        self._directory = directory
        self._pidfd = os.pidfd_open(process.pid)
        self._session = session
        self._events: list[Event] = []
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
        ours, theirs = socket.socketpair()
        stderr_read, stderr_write = os.pipe2(os.O_CLOEXEC)
        place = Path(tempfile.mkdtemp(prefix="worker-", dir=directory))
        try:
            process = subprocess.Popen(
                [settings.mono, "--debug", str(bridge), str(settings.max_line_bytes)],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=stderr_write,
                cwd=place,
                env=os.environ | MONO_ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            os.close(stderr_read)
            place.rmdir()
            raise WorkerFailedToStart(f"{settings.mono}: mono cannot be started: {error.strerror}") from error
        finally:
            theirs.close()
            os.close(stderr_write)
        tail = Tail(stderr_read, process.pid, settings.max_stderr_lines_per_s)
        worker = cls(process, Channel(ours), Session(settings.max_line_bytes), tail, place)
        worker._join(drain, on_exit)
        worker._await_ready(began + settings.start_timeout_s)
        log.info("started worker %d: mono %s in %.0f ms", worker.pid, worker.runtime, (time.monotonic() - began) * 1e3)
        return worker

    def __repr__(self) -> str:
        return f"<Worker {self.pid} {self._session.state.value}, {self.execs} execs, {self.loads} loads>"

    @property
    def state(self) -> State:
        """The state of its conversation."""
        return self._session.state

    @property
    def is_alive(self) -> bool:
        """True when the process runs and its conversation can go on."""
        alive = self._session.state not in {State.CLOSED, State.BROKEN}
        return alive and self._exit_code is None and not self._has_exited(0)

    def rss_kib(self) -> int:
        """Resident memory in KiB; 0 when the process has gone."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024

    def load(self, generation: Generation, deadline: float) -> tuple[str, ...]:
        """
        Load one generation, or learn what it lacks.

        Returns:
            The simple names of assemblies it needs and was not given; empty when it is loaded.

        Raises:
            ScriptInvalid: It cannot be run. The worker is as before.
            WorkerError: The worker is lost.
        """
        with self._killed_unless_survived():
            self._say(self._session.load(generation.load_params()), deadline, is_first=True)
            self.loads += 1
            event = self._next(deadline)
            # Whatever the result is, the helpers before the first trouble are bound already.
            self.loads += len(_binds(generation).keys() - self.bound.keys())
            self.bound.update(_binds(generation))
            match event:
                case Loaded(needs):
                    if not needs:
                        self.loaded[generation.path] = generation
                    return needs
                case Failed(message=message, detail=detail):
                    raise ScriptInvalid(message, detail)
                case Exiting(code):
                    raise WorkerGone(f"the process ended by itself with code {code}")
                case _:
                    raise ProtocolViolation(f"expected the result of a load, got {event}")

    def exec(
        self,
        generation: str,
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
            generation: The id of the generation.
            param: Main's one argument; None for none.
            host: Answers the calls.
            deadline: End of all waits, on ``time.monotonic``.
            fresh: Give the script's own assembly new statics first.
            outcome: Filled while the exec runs, so that it tells what was done also when an error ends it.

        Returns:
            The outcome, with its exit code; also when the script ended the process itself.

        Raises:
            ScriptError: The script threw; edits made before stand. The worker is as before.
            WorkerGone: The process had ended before the exec reached it: nothing ran.
            WorkerError: The worker is lost: edits received until then stand, and the text says how many.
        """
        self.execs += 1
        self.loads += fresh
        outcome = outcome or ExecOutcome()
        with self._killed_unless_survived(outcome):
            self._say(self._session.exec(generation, param, fresh=fresh), deadline, is_first=True)
            while outcome.code is None:
                self._take(self._next(deadline), outcome, host, deadline)
        self.last_used = time.monotonic()
        return outcome

    def stop(self, deadline: float) -> None:
        """End it politely: hang up, then SIGTERM, then SIGKILL, each with its share of the time left."""
        self._channel.close()
        for share, number in ((3, None), (2, signal.SIGTERM)):
            if number is not None:
                self._signal(number)
            if self._has_exited(max(0.0, deadline - time.monotonic()) / share):
                break
        self.kill()

    def kill(self) -> None:
        """End it and all of its children at once, and remove its working directory. May be called again."""
        self._session.end()
        if self._exit_code is not None:
            return
        self._channel.close()
        # The process is not reaped before its group is killed: until then the group's number cannot be another's.
        self._signal(signal.SIGKILL)
        self._exit_code = self._process.wait(REAP_S) if self._has_exited(REAP_S) else -signal.SIGKILL
        self._tail.pump()
        self._forget()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _join(self, drain: Drain, on_exit: Callable[[], None]) -> None:
        watched = os.dup(self._pidfd)
        drain.add(self._tail, watched, on_exit)

        def forget() -> None:
            drain.remove(self._tail, watched)
            os.close(self._pidfd)

        self._forget = forget

    def _await_ready(self, deadline: float) -> None:
        try:
            event = self._next(deadline)
        except WorkerError as error:
            self.kill()
            raise WorkerFailedToStart(
                f"worker {self.pid} was not ready: {self._why(error)}",
                exit_code=self._exit_code,
                step="STARTING",
                last_lines=self._tail.lines(),
            ) from error
        if not isinstance(event, Ready):
            self.kill()
            raise WorkerFailedToStart(f"worker {self.pid}: expected ready, got {event}")
        self.runtime = event.runtime

    def _take(self, event: Event, outcome: ExecOutcome, host: Host, deadline: float) -> None:
        match event:
            case Notice(call, args):
                outcome.calls += 1
                with contextlib.suppress(CallRefused):
                    self._ask(host, call, args)
            case Question(call, args):
                outcome.calls += 1
                outcome.edits += CALLS[call].is_edit
                self._reply(host, call, args, deadline)
            case Done(code, loaded):
                outcome.code, outcome.loaded = code, loaded
            case Exiting(code, during_exec=True):
                outcome.code = code
                log.info("worker %d: the script ended the process with code %d", self.pid, code)
                self.kill()
            case Exiting(code):
                raise WorkerGone(f"the process ended by itself with code {code} before the exec reached it")
            case Failed(wire.SCRIPT_CANNOT_RUN, message, detail):
                raise ScriptInvalid(message, detail)
            case Failed(_, message, detail):
                raise ScriptError(message, detail)
            case _:
                raise ProtocolViolation(f"expected a step of an exec, got {event}")

    def _reply(self, host: Host, call: str, args: tuple[object, ...], deadline: float) -> None:
        refusal, result = None, None
        try:
            result = self._ask(host, call, args)
        except CallRefused as refused:
            refusal = str(refused)
        # Another thread of the script may have ended the process meanwhile; the call was made all the same.
        if self._session.state is State.ASKED:
            self._say(self._session.answer(result) if refusal is None else self._session.refuse(refusal), deadline)

    def _ask(self, host: Host, call: str, args: tuple[object, ...]) -> str | int | None:
        try:
            result: str | int | None = getattr(host, CALLS[call].method)(*args)
            if not isinstance(result, str | int | None):
                raise TypeError(f"expected str, int or None, got {type(result).__name__}")  # noqa: TRY301 - its fault too
        except CallRefused:
            raise
        except Exception as error:  # a host's fault must not tear the conversation: the script gets the error value
            log.exception("worker %d: the host failed at %s", self.pid, call)
            raise CallRefused(f"the host failed: {error}") from error
        return result

    def _say(self, line: bytes, deadline: float, *, is_first: bool = False) -> None:
        try:
            self._channel.send(line, deadline)
        except TimeoutError as error:
            raise ExecTimeout("the worker did not take a line in time") from error
        except OSError as error:
            # It may have said something before it went, for one that it is exiting; that is read next.
            if not self._heard():
                raise (WorkerGone if is_first else WorkerDied)("the process has ended") from error

    def _heard(self) -> bool:
        with contextlib.suppress(TimeoutError, OSError):
            self._events += self._session.receive(self._channel.receive(time.monotonic() + REAP_S))
        return bool(self._events)

    def _next(self, deadline: float) -> Event:
        while not self._events:
            try:
                data = self._channel.receive(deadline)
            except TimeoutError as error:
                raise ExecTimeout("it was not done in time") from error
            if not data:
                step = self._session.state.name
                self._session.end()
                raise WorkerDied("the process ended", step=step)
            self._events = self._session.receive(data)
        return self._events.pop(0)

    @contextlib.contextmanager
    def _killed_unless_survived(self, outcome: ExecOutcome | None = None) -> Generator[None]:
        """Leaves the worker usable or killed, and gives a worker error its text, whatever ends the block."""
        step = ""
        try:
            yield
        except RunnerError as error:
            if not isinstance(error, WorkerError):
                raise
            step = error.step or self._session.state.name
            self.kill()
            stands = f"; {outcome.calls} calls were answered, {outcome.edits} edits stand" if outcome else ""
            raise type(error)(
                f"worker {self.pid}: {self._why(error)}{stands}",
                exit_code=self._exit_code,
                step=step,
                last_lines=self._tail.lines(),
            ) from error
        except BaseException:
            # Interrupted in the middle of a turn, for one by Ctrl-C: nobody knows whose move it is.
            self.kill()
            raise

    def _why(self, error: WorkerError) -> str:
        last = self._tail.lines()
        said = f"; its last line: {last[-1]}" if last else ""
        return f"{error} ({_told(self._exit_code)}){said}"

    def _has_exited(self, timeout_s: float) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def _binds(generation: Generation) -> dict[str, str]:
    return {name: helper.hash for name, helper in generation.helpers.items() if helper is not None}


def _told(exit_code: int | None) -> str:
    if exit_code is None:
        return "it still runs"
    if exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"
