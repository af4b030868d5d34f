"""Reads what workers write to stderr, and notices when one ends, in one thread for all workers of a process.

Must not know the wire, and never waits for the end of a stream: a grandchild may hold it open forever.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger("runner.drain")

KEPT_LINES = 20
COPIED_LINES = 500  # a JVM writes two hundred for its stacks
LINES_PER_S = 200  # of one worker go to the log: more than anybody reads, less than fills a disk in a night
JOIN_S = 5.0  # the thread ends after one look at the streams
LONGEST_LINE = 1000  # bytes; the rest of a line is cut off
READ_BYTES = 64 * 1024
# mono 6.12 prints this line and an empty one when an assembly that was loaded from bytes looks up a DllImport; 6.8
# prints nothing. The bridge loads by path. When a script itself loads bytes, nothing is wrong: the line is not logged.
HARMLESS_LINE = b"gpath.c:115: assertion 'filename != NULL' failed"
PUMP_BYTES = 1024 * 1024  # most that is read from one stream at a time, so that a flood does not starve other workers


class Tail:
    """
    Keeps the last lines of one worker's stderr, and logs at most ``lines_per_s`` lines a second.

    Args:
        fd: The reading end of the pipe; owned from now on.
        pid: The worker, for the log.
        lines_per_s: Most lines that are logged in one second; the number of the others is logged in one line.
    """

    def __init__(self, fd: int, pid: int, lines_per_s: int = LINES_PER_S) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self._pid = pid
        self._lines_per_s = lines_per_s
        self._lock = threading.Lock()
        self._kept: deque[str] = deque(maxlen=KEPT_LINES)
        self._copies: list[list[str]] = []
        self._rest = b""
        self._second = 0
        self._logged = 0
        self._dropped = 0
        self._count = 0
        self._after_harmless = False

    def lines(self) -> tuple[str, ...]:
        """The last lines, oldest first, including what is in the pipe now."""
        self.pump()
        with self._lock:
            rest = (_shown(self._rest),) if self._rest else ()
            return (*self._kept, *rest)[-KEPT_LINES:]

    def count(self) -> int:
        """How many lines were written, including what is in the pipe now."""
        self.pump()
        with self._lock:
            return self._count

    @contextlib.contextmanager
    def copied(self) -> Iterator[list[str]]:
        """The first ``COPIED_LINES`` that are written during a ``with`` block."""
        copy: list[str] = []
        self.pump()
        with self._lock:
            self._copies.append(copy)
        try:
            yield copy
        finally:
            self.pump()
            with self._lock:
                self._copies = [other for other in self._copies if other is not copy]

    def pump(self) -> bool:
        """Read what is in the pipe now; False when the stream has ended or is closed."""
        with self._lock:
            for _ in range(PUMP_BYTES // READ_BYTES):
                if self.fd < 0:
                    return False
                try:
                    data = os.read(self.fd, READ_BYTES)
                except BlockingIOError:
                    return True
                except OSError:
                    return False
                if not data:
                    return False
                self._take(data)
            return True

    def close(self) -> None:
        """Close the pipe; the lines stay."""
        with self._lock:
            if self.fd >= 0:
                os.close(self.fd)
                self.fd = -1
            self._log_dropped()

    def _take(self, data: bytes) -> None:
        *complete, rest = (self._rest + data).split(b"\n")
        # A writer can make a line as long as it likes, so only its beginning is kept.
        self._rest = rest[:LONGEST_LINE]
        if self._after_harmless or HARMLESS_LINE in complete:
            complete = list(self._without_harmless(complete))
        second = int(time.monotonic())
        if second != self._second:
            self._log_dropped()
            self._second, self._logged = second, 0
        self._count += len(complete)
        # Decode only the lines that will be logged, so that a flood of short ones does not keep a core busy.
        self._kept.extend(map(_shown, complete[-KEPT_LINES:]))
        for copy in self._copies:
            copy.extend(map(_shown, complete[: COPIED_LINES - len(copy)]))
        logged = complete[: self._lines_per_s - self._logged]
        self._logged += len(logged)
        self._dropped += len(complete) - len(logged)
        for line in logged:
            log.warning("worker %d: %s", self._pid, _shown(line))

    def _without_harmless(self, lines: list[bytes]) -> Iterator[bytes]:
        """The lines without ``HARMLESS_LINE`` and the one empty line after it, which may come with the next read."""
        for line in lines:
            is_after, self._after_harmless = self._after_harmless, line == HARMLESS_LINE
            if not self._after_harmless and (line or not is_after):
                yield line

    def _log_dropped(self) -> None:
        if self._dropped and self._lines_per_s:
            log.warning("worker %d: %d more lines on stderr, not logged", self._pid, self._dropped)
        self._dropped = 0


class Drain:
    """The thread that reads all tails and reports each worker that ends. A context manager."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._todo: list[Callable[[], None]] = []
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self._ends = False
        self._has_ended = False  # the thread takes nothing from _todo any more

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends = True
        self._wake()
        self._thread.join(JOIN_S)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def add(self, tail: Tail, pidfd: int, on_exit: Callable[[], None]) -> None:
        """Read ``tail`` from now on; call ``on_exit``, on the drain's thread, once when the process ends."""

        def register() -> None:
            self._selector.register(tail.fd, selectors.EVENT_READ, tail)
            self._selector.register(pidfd, selectors.EVENT_READ, on_exit)

        self._do(register)

    def remove(self, tail: Tail, pidfd: int) -> None:
        """Stop reading ``tail``; the drain closes both descriptors."""

        def unregister() -> None:
            for fd in (tail.fd, pidfd):
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(fd)
            tail.close()
            os.close(pidfd)

        self._do(unregister)

    def _do(self, step: Callable[[], None]) -> None:
        with self._lock:
            if self._thread.is_alive() and not self._has_ended:
                self._todo.append(step)
                self._wake()
                return
        step()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"x")

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    os.read(self._wake_read, READ_BYTES)
                elif isinstance(key.data, Tail):
                    if not key.data.pump():
                        self._selector.unregister(key.fd)
                else:
                    self._selector.unregister(key.fd)
                    key.data()
            while todo := self._take_todo():
                for step in todo:
                    try:
                        step()
                    except Exception:  # if the drain ended, every worker would block on a full pipe
                        log.exception("a worker's stderr cannot be read")
            if self._has_ended:
                return

    def _take_todo(self) -> list[Callable[[], None]]:
        """The steps to do now; at the end, also those that were added while others were done."""
        with self._lock:
            todo, self._todo = self._todo, []
            self._has_ended = self._ends and not todo
            return todo


def _shown(line: bytes) -> str:
    return line[:LONGEST_LINE].decode("utf-8", "replace")
