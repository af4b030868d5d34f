"""
What a daemon finds of itself: the checks of ``app-mono doctor`` that it can make while it serves.

They are made in a thread, as a file system that hangs must hold up nobody. Must not know who reads them.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from runner.machine.checks import of_daemon

if TYPE_CHECKING:
    from collections.abc import Collection

    from runner.control.status import CheckStatus
    from runner.runner import Runner

log = logging.getLogger("runner.daemon")


class Examination:
    """
    The checks of one daemon. Safe to use from several threads.

    Args:
        runner: Has the settings that are in force, and the workers.
        in_use: The runtimes whose scripts it serves.

    Attributes:
        found: What was found last; empty until the first checks are done.
    """

    def __init__(self, runner: Runner, in_use: Collection[str]) -> None:
        self.found: tuple[CheckStatus, ...] = ()
        self._runner = runner
        self._in_use = in_use
        self._is_asked = self._is_running = False
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Check again, and do not wait for it; where checks are under way, they are made once more after that."""
        with self._lock:
            self._is_asked = True
            is_mine, self._is_running = not self._is_running, True
        if is_mine:
            try:
                threading.Thread(target=self._run, name="checks", daemon=True).start()
            except RuntimeError:  # the kernel gives no thread
                self._is_running = False

    def _run(self) -> None:
        while self._goes_on():
            try:
                workers = self._runner.snapshot().pids
                self.found = tuple(of_daemon(self._runner.settings, self._in_use, workers))
            except Exception:  # the daemon serves all the same
                log.exception("the checks of the daemon failed")

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_running, self._is_asked = self._is_asked, False
            return self._is_running
