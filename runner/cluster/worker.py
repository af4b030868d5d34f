"""
A worker on another machine, as the daemon has it: the same conversation, with a relay behind the pipes.

Must not know how it was leased, nor NATS.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import TYPE_CHECKING

from runner.worker.stderr import Tail
from runner.worker.worker import Worker

from .messages import End

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.control.messages import Report
    from runner.runtimes.runtime import Runtime
    from runner.worker.conversation import Conversation

log = logging.getLogger("runner.cluster")


class FarProcess:
    """
    What stands for the process of a worker on a node. Safe to use from several threads.

    Args:
        pid: Its number on its node.
        end: Tells the node how the lease ends, once.

    Attributes:
        exit_code: Set when it has gone, by whatever.
        lost: Why it was lost; empty while it was not.
        is_blameless: Whether what was lost is its node or the way there, so that no script is to blame.
        wanted_back: Why its node wants it back; empty while it does not.
    """

    def __init__(self, pid: int, end: Callable[[End], object]) -> None:
        self.pid = pid
        self.exit_code: int | None = None
        self.lost = ""
        self.is_blameless = False
        self.wanted_back = ""
        self._end = end
        self._lock = threading.Lock()
        self._gone = threading.Event()

    def has_ended(self, timeout_s: float) -> bool:
        """Whether it ends within that time."""
        return self._gone.wait(timeout_s)

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing: a node ends its workers itself."""

    def kill(self) -> None:
        """Let the node end it."""
        self.end("kill", "its lease has ended")

    def end(self, how: str, reason: str, report: Report | None = None) -> None:
        """End the lease; the first time counts."""
        if self._is_first():
            self._end(End(how=how, reason=reason, report=report))

    def lose(self, reason: str, *, is_blameless: bool) -> bool:
        """It has gone by itself; whether that is news."""
        if not self._is_first():
            return False
        self.is_blameless, self.lost = is_blameless, reason
        return True

    def close(self) -> None:
        """Nothing is held here."""

    def _is_first(self) -> bool:
        with self._lock:
            is_first, self.exit_code = self.exit_code is None, -signal.SIGKILL
        self._gone.set()
        return is_first


class FarWorker(Worker):
    """
    One leased worker. Its wire is lent and comes back as that of any other one.

    Args:
        process: What stands for its process.
        runtime: What it is a process of.
        conversation: On our ends of the pipes.
        node: What people call the machine that it is on.
        version: Of its runtime.
    """

    def __init__(
        self, process: FarProcess, runtime: Runtime, conversation: Conversation, node: str, version: str
    ) -> None:
        tail = Tail(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), process.pid)
        tail.close()  # what it writes goes into the log of its node
        super().__init__(process, runtime, conversation, tail)
        self.node = node
        self.version = version
        self._far = process

    @property
    def is_blameless(self) -> bool:
        """As ``FarProcess.is_blameless``."""
        return self._far.is_blameless

    def rss_kib(self) -> int:
        """Its node looks after its memory; 0."""
        return 0

    def end_stuck(self, reason: str) -> None:
        """Let the node log its stacks, and kill it."""
        log.warning("worker %d on %s: %s; its stacks are in the log there", self.pid, self.node, reason)
        self._far.end("stuck", reason)
        self.kill()

    def free(self, report: Report) -> None:
        """Give it back to its node, where it serves on."""
        self._far.end("free", "given back", report)
        self.conversation.end()
