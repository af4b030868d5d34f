"""Lines of the log of which clients can make any number."""

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
    One kind of line: it comes once a second at most, with how many there were until then.

    Args:
        log: Where it goes.
        level: As what.
        what: What the line tells, before the number.
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
        """It has happened once more; ``text`` says this time's details."""
        with self._lock:
            self._count += 1
            if self._clock() < self._after:
                return
            self._after = self._clock() + PAUSE_S
            count = self._count
        self._log.log(self._level, "%s (%d until now): %s", self._what, count, text)
