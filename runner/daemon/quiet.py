"""A brake for lines of the log that clients could cause in any number."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

PAUSE_S = 1.0


class Quiet:
    """
    One kind of line. It is logged at most once a second, with how often it has happened so far.

    Args:
        log: Where it goes.
        level: Its level.
        what: The beginning of the line, before the number.
        clock: Monotonic seconds.
    """

    def __init__(self, log: logging.Logger, level: int, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._level = level
        self._what = what
        self._clock = clock
        self._count = 0
        self._after = 0.0
        self._lock = threading.Lock()

    def tell(self, text: str) -> None:
        """Count one more; ``text`` has the details of this one."""
        with self._lock:
            self._count += 1
            if self._clock() < self._after:
                return
            self._after = self._clock() + PAUSE_S
            count = self._count
        self._log.log(self._level, "%s (%d until now): %s", self._what, count, text)
