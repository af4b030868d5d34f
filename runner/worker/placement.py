"""
Where a worker runs: on the CPU of the process that waits for it.

Client and worker never need a CPU at the same time, so one CPU serves both, as if the script ran inside the client. On
two CPUs each turn waits for the other side to wake up (``make bench`` measures both). The client itself is never bound
to a CPU: that would cost three system calls an exec and gain nothing (measured). A worker that runs for long is left to
the kernel.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ALWAYS = 1  # the kernel moves a caller that does nothing else all the time (measured)
SELDOM = 16  # a server that waits between its execs stays on its CPU, and looking costs it more (measured)


def _cpu_teller() -> Callable[[], int] | None:
    """``sched_getcpu(3)``; None where there is none, or one CPU only."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) == 1:
        return None
    found: Callable[[], int] | None = getattr(ctypes.CDLL(None), "sched_getcpu", None)
    return found


class Placement:
    """
    Keeps one worker's main thread on the CPU on which its client was last seen.

    Args:
        pid: The worker. Its other threads stay where they are; one that a script starts begins where the main one is.
        every: How often to look: 1 before each exec, 16 before every sixteenth, 0 never: the kernel decides.

    Attributes:
        pid: The worker.
        is_wanted: False when ``every`` is 0, or it did not work.
        left: Execs until the next look; the conversation counts.
        cpu: Where the worker was brought last; -1 for nowhere.
    """

    __slots__ = ("cpu", "every", "is_wanted", "left", "pid")

    _current_cpu = staticmethod(_cpu_teller() or (lambda: -1))

    def __init__(self, pid: int, every: int = 1) -> None:
        self.every = every
        self.is_wanted = every > 0
        self.left = 0
        self.pid = pid
        self.cpu = -1

    def follow(self) -> None:
        """Bring the worker to the CPU of this thread."""
        self.left = self.every - 1
        cpu = self._current_cpu()
        if cpu == self.cpu:
            return
        try:
            os.sched_setaffinity(self.pid, {cpu})
            self.cpu = cpu
        except OSError:  # another user's worker, a CPU that it may not use, or it has ended: not worth a log line
            self.is_wanted = False

    def free(self) -> None:
        """The worker may go wherever this thread may."""
        self.left = 0
        if self.cpu >= 0:
            self.cpu = -1
            with contextlib.suppress(OSError):
                os.sched_setaffinity(self.pid, os.sched_getaffinity(0))
