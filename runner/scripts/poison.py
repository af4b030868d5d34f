"""
The poison guard: what brings down one worker after the other is refused for a while, and everything else goes on.

Losses are counted by the build of a script, so that a repaired one runs at once; and by the Call-ID of the message that
the script ran on, so that one caller who keeps sending a deadly message is refused before the script is. What clients
of a user report may count for that user's clients alone, so that nobody can get a script refused for others.

Must not know why a worker was lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from runner.errors import ScriptRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.settings import Settings

    from .generation import Generation

log = logging.getLogger("runner.poison")

LONGEST_CALL_ID = 200  # the rest is ignored: it is whatever a caller sent
MAX_COUNTED = 1024  # builds and Call-IDs whose losses are counted, then the oldest goes; each has cost a worker
MAX_REFUSED = 128  # builds and Call-IDs that are refused at one time; all of them fit into one message to a client
AT_ONCE = 1_000_000  # a weight with which one loss is enough
BUILD = ""  # in the place of a Call-ID: the losses of a build, whatever the messages

Key = tuple["int | None", str, str]
"""The user for whose clients it counts, None for everybody; the build, or the script's path; the Call-ID or BUILD."""


class Poison:
    """
    Counts lost workers by generation and by Call-ID. May be used from many threads.

    Args:
        settings: ``poison_losses`` or ``poison_message_losses`` within ``poison_s`` seconds refuse a script,
            or one caller's messages to it, for as long.
        clock: Monotonic seconds.

    Attributes:
        until: What is refused, with the script's path and until when; it may be over. Empty: nothing is.
        builds: How often a build was refused since the start.
        calls: How often messages of a Call-ID were.
    """

    __slots__ = ("_clock", "_lock", "_lost", "builds", "calls", "settings", "until")

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.builds = self.calls = 0
        self._clock = clock
        self._lost: dict[Key, deque[float]] = {}
        self.until: dict[Key, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def note(
        self, generation: Generation, call_id: str | None = None, user: int | None = None, *, weight: int = 1
    ) -> bool:
        """
        Count a worker that was lost in an exec of this build, or while the build was loaded (then without a Call-ID).

        Args:
            generation: The build.
            call_id: The message's; None for none.
            user: For whose clients it counts; None: for everybody.
            weight: As how many losses of the build it counts: one that held a worker for seconds will not recur soon.

        Returns:
            Whether messages of this Call-ID are refused from now on.
        """
        limits = self.settings
        is_refused = False
        if call_id:
            call_id = call_id[:LONGEST_CALL_ID]
            # By path, not by build: a new build does not repair what a caller sends.
            is_refused = self._count((user, generation.path, call_id), generation.path, limits.poison_message_losses)
        self._count((user, generation.id, BUILD), generation.path, limits.poison_losses, weight)
        return is_refused

    def of_compiler(self, generation: Generation) -> None:
        """Count a compiler that was lost with this build. Once is enough: others wait for that compiler."""
        self.note(generation, weight=AT_ONCE)

    def check(self, generation: Generation, user: int | None = None) -> None:
        """
        Raise when this build is refused now, to everybody or to clients of ``user``.

        Raises:
            ScriptRefused: It is; the text says for how much longer.
        """
        if not self.until:
            return  # so that the common exec costs no more
        if (left := max(self._left((who, generation.id, BUILD)) for who in {None, user})) > 0:
            raise ScriptRefused(
                f"{generation.path}: refused for {left:.1f} s more, because it brought down several workers, "
                "or the compiler"
            )

    def check_message(self, path: str, call_id: Callable[[], str | None]) -> None:
        """
        Raise when messages of this Call-ID are refused to the script at ``path`` now.

        ``call_id`` is called only while something is refused, so the common exec costs no more.

        Raises:
            ScriptRefused: They are; the text says for how much longer.
        """
        if self.until and (text := call_id()):
            text = text[:LONGEST_CALL_ID]
            refuse_message(path, text, self._left((None, path, text)))

    def refused(self) -> dict[str, float]:
        """The scripts that are refused now, to everybody or to some, with the seconds left."""
        return {path: left for path, (_, _, call_id), left in self._refused() if call_id == BUILD}

    def refused_messages(self, *users: int | None) -> list[tuple[str, str, float]]:
        """Script, Call-ID and seconds left of messages that are refused now to ``users``; without any, to anybody."""
        found = [(path, key, left) for path, key, left in self._refused() if key[2] != BUILD]
        return [(path, key[2], left) for path, key, left in found if not users or key[0] in users]

    def _refused(self) -> list[tuple[str, Key, float]]:
        """The script, its key, and the seconds left."""
        now = self._clock()
        with self._lock:
            found = [(path, key, round(until - now, 1)) for key, (path, until) in self.until.items()]
        return [(path, key, left) for path, key, left in found if left > 0]

    def _left(self, key: Key) -> float:
        """Seconds for which it is refused; 0 when it is not."""
        if (refused := self.until.get(key)) is None:
            return 0.0
        left = refused[1] - self._clock()
        if left <= 0:
            with self._lock:
                if self.until.get(key) is refused:  # it may have been refused again
                    del self.until[key]
        return max(0.0, left)

    def _count(self, key: Key, path: str, most: int, weight: int = 1) -> bool:
        if not most:
            return False
        now = self._clock()
        with self._lock:
            self._forget(now)
            lost = self._lost.setdefault(key, deque(maxlen=most))
            lost.extend([now] * min(weight, most))
            _bound(self._lost, MAX_COUNTED)
            if len(lost) < most or now - lost[0] > self.settings.poison_s:
                return False
            del self._lost[key]
            self.until[key] = (path, now + self.settings.poison_s)
            _bound(self.until, MAX_REFUSED)
            if key[2] == BUILD:
                self.builds += 1
            else:
                self.calls += 1
        who, _, call_id = key
        what = "refused" if call_id == BUILD else f"messages of Call-ID {call_id!a} are refused"
        whom = "" if who is None else f" to clients of uid {who}"
        # A loss that weighs more than one is not as many workers.
        cost = f"it cost {len(lost)} workers" if weight == 1 else "too many of its first runs failed"
        if weight == AT_ONCE:
            cost = "it took the compiler with it"
        log.error("%s: %s%s for %g s: %s", path, what, whom, self.settings.poison_s, cost)
        return True

    def _forget(self, now: float) -> None:
        """Drop what no longer counts: a Call-ID rarely comes back."""
        for key in [key for key, lost in self._lost.items() if now - lost[-1] > self.settings.poison_s]:
            del self._lost[key]
        for key in [key for key, (_, until) in self.until.items() if until <= now]:
            del self.until[key]


def _bound(found: dict[Key, Any], most: int) -> None:
    """Forget the oldest when there are too many."""
    if len(found) > most:
        del found[next(iter(found))]


def refuse_message(path: str, call_id: str, left_s: float) -> None:
    """
    Raise when there is time left.

    Raises:
        ScriptRefused: There is.
    """
    if left_s > 0:
        raise ScriptRefused(
            f"{path}: messages of Call-ID {call_id!a} are refused for {left_s:.1f} s more, "
            "because they brought down several workers"
        )
