"""
The poison guard: what takes worker after worker with it is refused for a while, and others go on.

Two things are counted. The build of a script, so that one that was mended runs at once; and the Call-ID of the messages
that a script ran on, so that one caller who sends a deadly message again and again is refused before the script is.

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

LONGEST_CALL_ID = 200  # more of it is not looked at: it is whatever a caller sent
BUILD = ""  # in the place of a Call-ID: the losses of a build, whatever the messages


class Poison:
    """
    Counts lost workers by generation and by Call-ID. May be used from many threads.

    Args:
        settings: ``poison_losses`` or ``poison_message_losses`` within ``poison_within_s`` seconds refuse a script,
            or one caller's messages to it, for ``poison_s`` seconds.
        clock: Monotonic seconds.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._lost: dict[tuple[str, str], deque[float]] = {}  # by generation or path, and Call-ID
        self._until: dict[tuple[str, str], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def note(self, generation: Generation, call_id: str | None = None) -> bool:
        """
        A worker was lost in an exec of this build, with the message's Call-ID, or while it was loaded, with none.

        Returns:
            Whether messages of this Call-ID are refused from now on.
        """
        limits = self.settings
        is_refused = False
        if call_id:
            call_id = call_id[:LONGEST_CALL_ID]
            # By path, not by build: what a caller sends is not mended by a new build, and has to prove itself again.
            is_refused = self._count((generation.path, call_id), generation.path, limits.poison_message_losses)
        self._count((generation.id, BUILD), generation.path, limits.poison_losses)
        return is_refused

    def check(self, generation: Generation) -> None:
        """
        Raise when this build is refused now.

        Raises:
            ScriptRefused: It is; the text says for how long yet.
        """
        if (left := self._left((generation.id, BUILD))) > 0:
            raise ScriptRefused(
                f"{generation.path}: refused for {left:.1f} s more, for it took worker after worker with it"
            )

    def check_message(self, path: str, call_id: Callable[[], str | None]) -> None:
        """
        Raise when messages of this Call-ID are refused to the script at ``path`` now.

        ``call_id`` is called only when any message is refused, so the ordinary exec is not made longer.

        Raises:
            ScriptRefused: They are; the text says for how long yet.
        """
        if self._until and (text := call_id()):
            refuse_message(path, text[:LONGEST_CALL_ID], self._left((path, text[:LONGEST_CALL_ID])))

    def refused(self) -> dict[str, float]:
        """The scripts refused now, with the seconds left."""
        return {path: left for path, call_id, left in self._refused() if call_id == BUILD}

    def refused_messages(self) -> list[tuple[str, str, float]]:
        """The messages refused now: the script, their Call-ID, and the seconds left."""
        return [(path, call_id, left) for path, call_id, left in self._refused() if call_id != BUILD]

    def _refused(self) -> list[tuple[str, str, float]]:
        now = self._clock()
        with self._lock:
            told = [(path, key[1], round(until - now, 1)) for key, (path, until) in self._until.items()]
        return [(path, call_id, left) for path, call_id, left in told if left > 0]

    def _left(self, key: tuple[str, str]) -> float:
        """Seconds for which it is refused; 0 when it is not."""
        if (refused := self._until.get(key)) is None:
            return 0.0
        left = refused[1] - self._clock()
        if left <= 0:
            with self._lock:
                if self._until.get(key) is refused:  # it may have been refused anew
                    del self._until[key]
        return max(0.0, left)

    def _count(self, key: tuple[str, str], path: str, most: int) -> bool:
        if not most:
            return False
        now = self._clock()
        with self._lock:
            self._forget(now)
            lost = self._lost.setdefault(key, deque(maxlen=most))
            lost.append(now)
            if len(lost) < most or now - lost[0] > self.settings.poison_within_s:
                return False
            del self._lost[key]
            self._until[key] = (path, now + self.settings.poison_s)
        what = "refused" if key[1] == BUILD else f"messages of Call-ID {key[1]!a} are refused"
        log.error("%s: %s for %g s: it cost %d workers", path, what, self.settings.poison_s, len(lost))
        return True

    def _forget(self, now: float) -> None:
        """Drop what no longer counts: a Call-ID seldom comes back."""
        for key in [key for key, lost in self._lost.items() if now - lost[-1] > self.settings.poison_within_s]:
            del self._lost[key]
        for key in [key for key, (_, until) in self._until.items() if until <= now]:
            del self._until[key]


def refuse_message(path: str, call_id: str, left_s: float) -> None:
    """
    Raise when there is time left.

    Raises:
        ScriptRefused: There is.
    """
    if left_s > 0:
        raise ScriptRefused(
            f"{path}: messages of Call-ID {call_id!a} are refused for {left_s:.1f} s more, "
            "for they took worker after worker with them"
        )
