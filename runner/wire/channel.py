"""Bytes to and from a worker over two pipes, with a deadline on every wait.

Must not know what the bytes mean.
"""

from __future__ import annotations

import copy
import fcntl
import math
import os
import select
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES = 64 * 1024
ENDS = 2


class End(NamedTuple):
    """One end of a pipe. Both ends share device and inode; ``way`` tells them apart, O_RDONLY or O_WRONLY."""

    device: int
    inode: int
    way: int

    def __str__(self) -> str:
        kind = "reads" if self.way == os.O_RDONLY else "writes"
        return f"one that {kind} pipe {self.inode} of device {self.device}"


class Channel:
    """
    Our ends of a worker's wire: what it reads, and what it writes.

    The wire is two pipes because a turn on pipes takes half as long as on a socket (``make bench``, the echo rows): for
    a socket the kernel makes and frees a buffer for every message. The pipes do not block. In an ordinary turn the
    worker takes its line at once, and when it runs on our CPU its answer is there when we look: one write and one read.
    A caller that has to wait polls until its deadline, a ``time.monotonic`` value in seconds.

    Args:
        reads: Descriptor of the pipe that the worker writes to. The channel owns it from now on.
        writes: Descriptor of the pipe that the worker reads from, owned likewise.

    Attributes:
        reads, writes: The descriptors; -1 when closed.
        unsent: The part of the last line that the worker had not taken when a ``TimeoutError`` ended the attempt.
        alarm_at: A wait that has not ended by then, on ``time.monotonic``, calls ``alarm`` once and goes on. It costs
            nothing where nobody has to wait.
        alarm: What to do then; it must not raise.

    Raises:
        OSError: These are not such ends of pipes. They are closed.
    """

    __slots__ = ("_ends", "_readable", "_writable", "alarm", "alarm_at", "reads", "unsent", "writes")

    def __init__(self, reads: int, writes: int) -> None:
        self.reads, self.writes = reads, writes
        self.unsent = b""
        self.alarm_at = math.inf
        self.alarm: Callable[[], None] = _ignore
        try:
            self._ends = _prepare(reads, os.O_RDONLY), _prepare(writes, os.O_WRONLY)
        except OSError:
            self.close()
            raise
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(reads, select.POLLIN)
        self._writable.register(writes, select.POLLOUT)

    def descriptors(self) -> tuple[int, ...]:
        """Both descriptors, the one to read from first; none when closed."""
        return (self.reads, self.writes) if self.reads >= 0 else ()

    def ends(self) -> tuple[End, ...]:
        """The ends of the pipes, also after ``close``; the one to read from first."""
        return self._ends

    def reopened(self) -> Channel:
        """
        The same ends, for us alone; this channel is closed.

        A descriptor that was passed to another process has copies there, and all copies share one set of flags: whoever
        kept a copy could make us block.

        Raises:
            OSError: Out of descriptors.
        """
        opened: list[int] = []
        try:
            for descriptor, way in zip(self.descriptors(), (os.O_RDONLY, os.O_WRONLY), strict=True):
                opened.append(os.open(f"/proc/self/fd/{descriptor}", way | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError:
            for descriptor in opened:
                os.close(descriptor)
            raise
        finally:
            self.close()
        return Channel(*opened)

    def turn(self, data: bytes, deadline: float) -> bytes:
        """
        Sends all bytes and gives what comes next, as ``send`` and ``receive`` one after the other.

        Raises:
            TimeoutError: The worker did not take them, or said nothing, in time.
            ConnectionError: The worker has gone without taking them.
        """
        if time.monotonic() >= deadline:  # a script may ask again and again, and get each answer at once
            self.unsent = data
            raise TimeoutError
        try:
            data = data[os.write(self.writes, data) :]
            if not data:  # almost always all of it goes out in one write
                return os.read(self.reads, READ_BYTES)
        except BlockingIOError:
            pass
        except OSError:
            if data:
                raise
            return b""
        self.send(data, deadline)
        return self.receive(deadline)

    def send(self, data: bytes, deadline: float) -> None:
        """
        Sends all bytes.

        Raises:
            TimeoutError: The worker did not take them in time.
            ConnectionError: The worker has gone.
        """
        rest: bytes | memoryview = data
        while rest:
            try:
                self._await(self._writable, deadline)
            except TimeoutError:
                self.unsent = bytes(rest)
                raise
            with suppress(BlockingIOError):
                rest = memoryview(rest)[os.write(self.writes, rest) :]

    def receive(self, deadline: float) -> bytes:
        """
        What has arrived, waiting for the first byte; empty at the end of the stream.

        Raises:
            TimeoutError: Nothing came in time.
        """
        while True:
            self._await(self._readable, deadline)
            try:
                return os.read(self.reads, READ_BYTES)
            except BlockingIOError:
                continue
            except OSError:  # closed by another thread of ours that ended the worker
                return b""

    def detach(self) -> Channel:
        """A channel with the same descriptors; for its user this one is closed from now on."""
        detached = copy.copy(self)
        self.reads = self.writes = -1
        return detached

    def close(self) -> None:
        """Closes our ends; the worker sees the hang-up and ends itself."""
        reads, self.reads = self.reads, -1
        writes, self.writes = self.writes, -1
        for descriptor in (reads, writes):
            if descriptor >= 0:
                os.close(descriptor)

    def _await(self, poll: select.poll, deadline: float) -> None:
        now = time.monotonic()
        if self.alarm_at < deadline and now < deadline:
            if poll.poll(max(0.0, self.alarm_at - now) * 1000):
                return
            self.alarm_at = math.inf
            self.alarm()
            now = time.monotonic()
        if now >= deadline or not poll.poll((deadline - now) * 1000):
            raise TimeoutError


def received(descriptors: tuple[int, ...]) -> Channel | None:
    """The channel over descriptors from another process; None when they are not a wire, and then they are closed."""
    try:
        return Channel(*descriptors) if len(descriptors) == ENDS else None
    except OSError:
        return None


def hang_up(channel: Channel | None) -> None:
    """Close it, where there is one."""
    if channel is not None:
        channel.close()


def _prepare(descriptor: int, way: int) -> End:
    # A descriptor from another process that is not a pipe could block although it is set not to.
    info, flags = os.fstat(descriptor), fcntl.fcntl(descriptor, fcntl.F_GETFL)
    if not stat.S_ISFIFO(info.st_mode) or flags & os.O_ACCMODE != way:
        raise OSError(f"expected the end of a pipe to {'write' if way else 'read'}, descriptor {descriptor} is none")
    if not flags & os.O_NONBLOCK:
        os.set_blocking(descriptor, False)
    return End(info.st_dev, info.st_ino, way)


def _ignore() -> None:
    """No alarm is set."""
