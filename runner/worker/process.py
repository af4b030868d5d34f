"""The process of one worker: start it confined, signal it, and end it together with everything it started.

Must not know what travels on its wire.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from runner.errors import WorkerFailedToStart
from runner.runtimes.runtime import MOVED_WIRE
from runner.wire.session import MAX_LINE_BYTES

from . import confine, sandbox, seccomp
from .remove import remove
from .rundir import BLOBS, BRIDGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.runtimes.runtime import Runtime
    from runner.settings import Settings

WORK, BUILDS = "work", "builds"  # in a worker's own directory: where its scripts start, and what they are loaded from
REAP_S = 0.5  # a process ends within milliseconds of SIGKILL, unless it is stuck in the kernel


class Ending(Protocol):
    """A process as far as its worker has to end it."""

    pid: int
    exit_code: int | None

    def has_ended(self, timeout_s: float) -> bool:
        """As ``Process.has_ended``."""

    def send_signal(self, number: signal.Signals) -> None:
        """As ``Process.send_signal``."""

    def kill(self) -> None:
        """As ``Process.kill``."""


class Process:
    """
    The process of one worker, its sandbox if there is one, and its private directory. ``Process.start`` makes it.

    Args:
        outermost: Our child.
        inside: Its pid in its sandbox; 0: it wrote nothing in time, so it is unknown. None: no sandbox.

    Attributes:
        pid: The process of the runtime and its process group, by their number outside the sandbox.
        wire: Our ends, the one to read first; the user of the wire closes them.
        stderr: The reading end of its standard error; its reader closes it.
        ended: A pidfd, readable when the process has ended; only for polling.
        watched: The same; the one who watches it closes it.
        exit_code: A signal is negative, as in ``subprocess``. None until ``kill``.
    """

    def __init__(
        self,
        outermost: subprocess.Popen[bytes],
        inside: int | None,
        *,
        wire: tuple[int, int],
        stderr: int,
        directory: Path,
        ended: int,
        watched: int,
    ) -> None:
        self.pid = inside or outermost.pid
        self.wire = wire
        self.stderr = stderr
        self.exit_code: int | None = None
        self.ended = ended
        self.watched = watched
        self._outermost = outermost
        self._is_walled = inside is not None
        self._directory = directory
        self._lock = threading.Lock()
        self._users = 1  # of the descriptors: one for ``close``, and one for each thread that uses them now
        # In a sandbox it is not our child: its pid may belong to another process once it has ended; its pidfd cannot.
        self._speaker = self._last = self.ended
        if inside:
            with contextlib.suppress(OSError):
                self._last = os.pidfd_open(sandbox.first_inside(inside))
                self._speaker = os.pidfd_open(inside)

    @classmethod
    def start(cls, settings: Settings, runtime: Runtime, bridge: Path | None, directory: Path, deadline: float) -> Self:
        """
        Start a worker of a runtime, confined as the settings say.

        Args:
            settings: What ``confine`` and ``sandbox`` read.
            runtime: What runs there.
            bridge: Its program; None: the runtime's command is all of it.
            directory: The runner's directory; the private working directory is made in it.
            deadline: On ``time.monotonic``; until then a process in a sandbox is awaited on its wire, to learn its pid.

        Raises:
            ConfigError: ``worker_user``, ``worker_group`` or ``sandbox`` is not possible; nothing was started.
            WorkerFailedToStart: There is no such program, or the user cannot reach it; nothing is left over.
        """
        user, wall = confine.user(settings), sandbox.find(settings.sandbox)
        program = runtime.command[0]
        if shutil.which(program) is None:
            raise WorkerFailedToStart(
                f"{program}: {runtime.name} cannot be started: there is no such program{runtime.how_to_install}"
            )
        # Any step may fail, for example for lack of descriptors, processes or disk space.
        with contextlib.ExitStack() as undo, contextlib.ExitStack() as given:
            try:
                their_reads, our_writes = _pipe(theirs=given, ours=undo, we_read=False)
                our_reads, their_writes = _pipe(theirs=given, ours=undo, we_read=True)
                stderr_read, stderr_write = _pipe(theirs=given, ours=undo, we_read=True)
                place = Path(tempfile.mkdtemp(prefix="worker-", dir=directory))
                undo.callback(remove, place)
                work, builds = place / WORK, place / BUILDS
                for made in (work, builds):
                    made.mkdir(mode=0o700)
                arguments = [
                    str(MAX_LINE_BYTES),
                    settings.leftover_threads,
                    str(directory / BLOBS),
                    str(builds),
                ]
                words = [*runtime.command, *runtime.options, *([str(bridge)] if bridge else []), *arguments]
                command = confine.limited([*(MOVED_WIRE if runtime.moves_wire else ()), *words], settings, runtime)
                info_read = info_write = denied = -1
                if wall:
                    info_read, info_write = _pipe(theirs=given, ours=undo, we_read=True)
                    os.set_blocking(info_read, False)
                    if (denied := seccomp.descriptor()) >= 0:
                        given.callback(os.close, denied)
                    shown = [directory / BLOBS, *([directory / BRIDGE] if bridge else [])]
                    wire = (their_reads, their_writes)
                    command = sandbox.wrapped(
                        wall,
                        command,
                        wire,
                        info_write,
                        denied,
                        scripts=settings.script_dirs or (),
                        hidden=directory,
                        shown=shown,
                        own=place,
                        made=(work, builds),
                    )
                if user is not None:
                    for made in (place, work, builds):
                        os.chown(made, user.uid, user.gid)
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL if wall else their_reads,
                    stdout=stderr_write if wall else their_writes,
                    stderr=stderr_write,
                    pass_fds=sandbox.given(their_reads, their_writes, info_write, denied) if wall else [],
                    cwd=work,
                    env=confine.environment(settings, runtime, user),
                    start_new_session=True,
                    # At its limit of file size, SIGXFSZ would end it. Python ignores it, and a worker inherits that.
                    restore_signals=False,
                    user=None if user is None else user.uid,
                    group=None if user is None else user.gid,
                    extra_groups=None if user is None else user.groups,
                )
                undo.callback(_reap, process, REAP_S)
                undo.callback(process.kill)
                ended = os.pidfd_open(process.pid)
                undo.callback(os.close, ended)
                watched = os.dup(ended)
            except OSError as error:
                why = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
                raise WorkerFailedToStart(f"{program}: {runtime.name} cannot be started: {why}") from error
            undo.pop_all()
        inside = None
        if wall:
            with open(info_read, "rb", buffering=0) as info:  # noqa: PTH123 - a descriptor, closed afterwards
                inside = sandbox.speaker(our_reads, info, deadline)
        return cls(
            process,
            inside,
            wire=(our_reads, our_writes),
            stderr=stderr_read,
            directory=place,
            ended=ended,
            watched=watched,
        )

    def has_ended(self, timeout_s: float) -> bool:
        """Whether it ends within that time; true once it is closed, by any thread."""
        with self._used() as is_open:
            return not is_open or _ends(self.ended, timeout_s)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process of the runtime only; does nothing when it has ended."""
        with self._used() as is_open, contextlib.suppress(ProcessLookupError):
            if is_open:
                signal.pidfd_send_signal(self._speaker, number)

    def kill(self) -> None:
        """End it and all that it started at once, and remove its working directory. To be called once."""
        if self._is_walled:
            # First only the runtime, so that bwrap's exit code says how it ended.
            self.send_signal(signal.SIGKILL)
            self.has_ended(REAP_S)
        # The group is killed before the process is reaped: until then no other group can have its number.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._outermost.pid, signal.SIGKILL)
        code = _reap(self._outermost, REAP_S if self.has_ended(REAP_S) else 0)
        _ends(self._last, REAP_S)
        self.exit_code = sandbox.exit_code(code) if self._is_walled else code
        remove(self._directory)

    def close(self) -> None:
        """Close the pidfds, after ``kill``. To be called once; other threads may still use them meanwhile."""
        self._release()

    @contextlib.contextmanager
    def _used(self) -> Iterator[bool]:
        """Keep the pidfds open for the length of a block; false: they are closed, and their numbers may be reused."""
        with self._lock:
            is_open = self._users > 0
            self._users += is_open
        try:
            yield is_open
        finally:
            if is_open:
                self._release()

    def _release(self) -> None:
        with self._lock:
            self._users -= 1
            is_last = not self._users
        if is_last:
            for descriptor in {self.ended, self._speaker, self._last}:
                os.close(descriptor)


def _pipe(*, theirs: contextlib.ExitStack, ours: contextlib.ExitStack, we_read: bool) -> tuple[int, int]:
    """A pipe, the reading end first; each end is closed by the stack of its side."""
    reads, writes = os.pipe2(os.O_CLOEXEC)
    (ours if we_read else theirs).callback(os.close, reads)
    (theirs if we_read else ours).callback(os.close, writes)
    return reads, writes


def _reap(process: subprocess.Popen[bytes], timeout_s: float) -> int:
    """The exit code of a process that was killed; that of SIGKILL where it is not over in time."""
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        # It is stuck in the kernel, or a busy machine has no CPU for its end. Whenever that comes, no zombie stays.
        with contextlib.suppress(RuntimeError):  # the kernel gives no thread
            threading.Thread(target=process.wait, name=f"reap {process.pid}", daemon=True).start()
        return -signal.SIGKILL


def _ends(pidfd: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
