"""When to try again what has just failed: each pause is twice as long as the one before, up to a limit.

Standard library only, as a child of Kamailio imports it. Not locked: the owner's lock guards it. Must not know what
is tried.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_DOUBLINGS = 16  # the pause is at its longest by then, and a float has an end


class Backoff:
    """
    The pause between two tries, which grows with every failure until ``reset``.

    Args:
        first_s: The first pause, in seconds.
        longest_s: The longest one.
        jitter: The share of each pause, from 0 to 1, by which chance may shorten it, so that those who failed
            together do not try again together.
        clock: Monotonic seconds.

    Attributes:
        failures: Failures in a row.
        next_try: When to try again, on ``clock``; in the past when that is now.
    """

    def __init__(
        self, first_s: float, longest_s: float, *, jitter: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._clock = clock
        self.failures = 0
        self.next_try = 0.0

    def is_waiting(self) -> bool:
        """Whether it is too early for the next try."""
        return self._clock() < self.next_try

    def left_s(self) -> float:
        """Seconds until the next try; 0 when it may begin now."""
        return max(0.0, self.next_try - self._clock())

    def fail(self) -> float:
        """Count a failure and pause for twice as long as after the one before; the pause in seconds."""
        pause_s = min(self._longest_s, self._first_s * 2.0 ** min(self.failures, MOST_DOUBLINGS))
        pause_s *= random.uniform(1 - self._jitter, 1)  # noqa: S311  # spreads load, guards nothing
        self.failures += 1
        self.pause(pause_s)
        return pause_s

    def pause(self, pause_s: float) -> None:
        """Pause for a time of the caller's choice, for a failure that is not counted."""
        self.next_try = self._clock() + pause_s

    def retry_now(self) -> None:
        """End the pause. The failures still count: the next one pauses for longer."""
        self.next_try = 0.0

    def reset(self) -> None:
        """Forget the failures and end the pause."""
        self.failures = 0
        self.next_try = 0.0
