"""
Builds whose first run takes longer than a caller may wait: a table that is read, a library that starts.

A worker that reaches its deadline in such a run is left to finish it, and is warm afterwards. Until a first run of the
build has ended, and while the build is known to be slow, only a share of the workers may run it for the first time, so
that an endless loop never holds more of them. Must not know workers or pools; it only counts.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.errors import ExecTimeout, PoolExhausted

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.errors import WorkerError
    from runner.scripts.generation import Generation
    from runner.settings import Settings

MOST_BUILDS = 256  # remembered at one time; one that was forgotten counts as unknown again
SHARE = 4  # one in so many workers: a quarter

_Key = tuple[str, int | None]
"""A generation's id and the user whose clients run it, None for this process: each user's runs count separately."""


@dataclass(slots=True)
class _Build:
    """
    What is known of one build.

    Attributes:
        path: Its script.
        beginning: One time for each first run whose caller still waits: until then it is counted, because a client
            may lease a worker and never run anything.
        warming: Pid to the time since when that worker has been running it without its caller.
        is_known: Whether a first run has ended, or has turned out to be slow.
        is_slow: Whether the last first run was not done in its caller's time.
    """

    path: str
    beginning: list[float] = field(default_factory=list)
    warming: dict[int, float] = field(default_factory=dict)
    is_known: bool = False
    is_slow: bool = False


class FirstRun:
    """One first run that was allowed to begin. It ends once: by ``end`` in its caller's time, or by ``may_finish``."""

    def __init__(self, warming: Warming, generation: Generation, user: int | None, until: float) -> None:
        self.generation = generation
        self.user = user
        self._until = until
        self.was_crowded_out = False  # it was late, and as many workers as may go on were already doing so
        self._warming = warming
        self._is_over = False

    def end(self, *, has_run: bool) -> None:
        """It has ended in time, or its worker was lost; does nothing when it is over already."""
        if not self._is_over:
            self._is_over = True
            self._warming.ended(self.generation, self.user, self._until, has_run=has_run)

    def becomes(self, generation: Generation) -> None:
        """It is a run of another generation after all: one with the helpers that were missing, or a newer build."""
        if generation is not self.generation and not self._is_over:
            self._warming.ended(self.generation, self.user, self._until, has_run=False)
            self._until = self._warming.joined(generation, self.user)
            self.generation = generation

    def may_finish(self, pid: int) -> bool:
        """It was not done in time. Whether its worker may go on until ``Warming.warmed``."""
        self._is_over = True
        may_finish = self._warming.is_late(self.generation, pid, self.user, self._until)
        self.was_crowded_out = not may_finish
        return may_finish


class Warming:
    """
    Counts first runs by generation, and by the user whose clients run it. May be used from many threads.

    Args:
        settings: ``max_workers``; ``exec_timeout_s`` and ``first_exec_timeout_s``, beyond which no run is counted.
        clock: Monotonic seconds, also those of deadlines.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._builds: dict[_Key, _Build] = {}
        self._changed = threading.Condition()

    def share(self) -> int:
        """How many workers may run one build for the first time at one time."""
        return max(1, self.settings.max_workers // SHARE)

    def begin(
        self, generation: Generation, deadline: float, user: int | None = None, *, is_inner: bool = False
    ) -> FirstRun:
        """
        A worker is about to run a build for the first time. The caller has to end what it gets.

        Waits while a share of the workers is running it for the first time and nobody knows yet how long that takes.
        Most often that is known in a few milliseconds.

        Args:
            generation: The build.
            deadline: End of the wait.
            user: Whose clients run it.
            is_inner: It runs within another run of the same caller, which must not wait for itself.

        Raises:
            PoolExhausted: The build is slow, and a share of the workers is running it; or nobody knew in time.
        """
        with self._changed:
            build = self._build(generation, user)
            while not is_inner and self._is_full(build) and (build.is_slow or not build.is_known):
                left_s = deadline - self._clock()
                if build.is_slow or left_s <= 0:
                    raise PoolExhausted(self._too_slow(build))
                self._changed.wait(left_s)
        return FirstRun(self, generation, user, self.joined(generation, user))

    def joined(self, generation: Generation, user: int | None = None) -> float:
        """As ``begin``, without a wait, for a run that has begun already; the time until which it is counted."""
        until = self._clock() + self.settings.exec_timeout_s + self.settings.first_exec_timeout_s
        with self._changed:
            self._build(generation, user).beginning.append(until)
        return until

    def ended(
        self, generation: Generation, user: int | None = None, until: float | None = None, *, has_run: bool
    ) -> None:
        """A first run has ended in its caller's time. ``has_run`` False: its worker was lost, or it never began."""
        with self._changed:
            build = self._build(generation, user)
            _uncount(build, until)
            if has_run:
                # Also when one was late before: it may have been a Warm, a database that hung, or one odd message.
                build.is_known, build.is_slow = True, False
            self._changed.notify_all()

    def is_late(self, generation: Generation, pid: int, user: int | None = None, until: float | None = None) -> bool:
        """
        A first run was not done in time.

        Returns:
            Whether its worker may go on, until ``warmed``. False: as many as may are already going on.
        """
        with self._changed:
            build = self._build(generation, user)
            _uncount(build, until)
            may_go_on = len(build.warming) < self.share()
            if may_go_on:
                build.is_known = build.is_slow = True
                build.warming[pid] = self._clock()
            self._changed.notify_all()
        return may_go_on

    def warmed(self, generation: Generation, pid: int, user: int | None = None) -> None:
        """A worker that went on is warm, or was ended."""
        with self._changed:
            self._build(generation, user).warming.pop(pid, None)
            self._changed.notify_all()

    def is_slow(self, generation: Generation, user: int | None = None) -> bool:
        """Whether the last first run of this build was not done in its caller's time."""
        build = self._builds.get((generation.id, user))
        return build is not None and build.is_slow

    def refusal(self, generation: Generation, user: int | None = None) -> str:
        """Why no further worker may begin with this build now; empty when one may."""
        with self._changed:
            build = self._builds.get((generation.id, user))
            is_full = build is not None and build.is_slow and len(build.warming) >= self.share()
            return self._too_slow(build) if build is not None and is_full else ""

    def now(self) -> dict[int, tuple[str, float]]:
        """The workers that go on: pid to the script and the seconds since the caller was answered."""
        now = self._clock()
        with self._changed:
            return {
                pid: (build.path, now - since)
                for build in self._builds.values()
                for pid, since in build.warming.items()
            }

    def _is_full(self, build: _Build) -> bool:
        return not self._is_idle(build) and len(build.beginning) + len(build.warming) >= self.share()

    def _is_idle(self, build: _Build) -> bool:
        now = self._clock()
        build.beginning = [until for until in build.beginning if until > now]
        return not build.beginning and not build.warming

    def _too_slow(self, build: _Build) -> str:
        running = len(build.beginning) + len(build.warming)
        workers = "1 worker runs" if running == 1 else f"{running} workers run"
        return f"{build.path}: {workers} it for the first time, which takes longer than a call may wait"

    def _build(self, generation: Generation, user: int | None) -> _Build:
        key = (generation.id, user)
        build = self._builds.pop(key, None) or _Build(generation.path)
        self._builds[key] = build  # the most recently used last
        if len(self._builds) > MOST_BUILDS:
            idle = next((key for key, other in self._builds.items() if self._is_idle(other)), None)
            if idle is not None:
                del self._builds[idle]
        return build


def _uncount(build: _Build, until: float | None) -> None:
    """Do not count a run any more: the one that is counted until then, or the oldest when that is not known."""
    if until in build.beginning:
        build.beginning.remove(until)
    elif until is None and build.beginning:
        del build.beginning[0]


def is_no_loss(error: WorkerError, first: FirstRun | None) -> bool:
    """Whether a late first run is no loss: its worker goes on, or had to end because enough others were going on."""
    return isinstance(error, ExecTimeout) and (error.is_left or (first is not None and first.was_crowded_out))
