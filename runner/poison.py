"""
The poison guard: a script that takes its worker with it again and again is refused for a while, and others go on.

What counts is the build of a script, so that one that was mended runs at once.

Must not know why a worker was lost; it counts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from .errors import ScriptRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from .content import Generation
    from .settings import Settings

log = logging.getLogger("runner.poison")


class Poison:
    """
    Counts lost workers by generation. May be used from many threads.

    Args:
        settings: ``poison_losses`` within ``poison_within_s`` seconds refuse a script for ``poison_s`` seconds.
        clock: Monotonic seconds.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._lost: dict[str, deque[float]] = {}
        self._until: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def note(self, generation: Generation) -> None:
        """A worker was lost in an exec of this build."""
        if not self.settings.poison_losses:
            return
        now = self._clock()
        with self._lock:
            lost = self._lost.setdefault(generation.id, deque(maxlen=self.settings.poison_losses))
            lost.append(now)
            if len(lost) < self.settings.poison_losses or now - lost[0] > self.settings.poison_within_s:
                return
            del self._lost[generation.id]
            self._until[generation.id] = (generation.path, now + self.settings.poison_s)
        log.error("%s: refused for %g s: it cost %d workers", generation.path, self.settings.poison_s, len(lost))

    def check(self, generation: Generation) -> None:
        """
        Raise when this build is refused now.

        Raises:
            ScriptRefused: It is; the text says for how long yet.
        """
        if (refused := self._until.get(generation.id)) is None:
            return
        left = refused[1] - self._clock()
        if left > 0:
            raise ScriptRefused(
                f"{generation.path}: refused for {left:.1f} s more, for it took worker after worker with it"
            )
        with self._lock:
            self._until.pop(generation.id, None)

    def refused(self) -> dict[str, float]:
        """The scripts refused now, with the seconds left."""
        now = self._clock()
        with self._lock:
            return {path: round(until - now, 1) for path, until in self._until.values() if until > now}
