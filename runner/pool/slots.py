"""
The state that a pool and its upkeep share, and the one lock it changes under.

Must not know callers, and must not start or end workers.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from runner.backoff import Backoff

from .slot import Life, Slot, State, jobs_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.scripts.generation import Generation
    from runner.settings import Settings
    from runner.worker.worker import Worker

log = logging.getLogger("runner.pool")

RECENT_SCRIPTS = 32  # so many scripts are loaded ahead on a new worker
FIRST_BACK_OFF_S = 0.1
LONGEST_BACK_OFF_S = 30.0
BACK_OFF_JITTER = 0.5


class Slots:
    """
    The slots of a pool, the workers that left them, and what is known of starts and scripts.

    Args:
        settings: Sizes, limits and times.
        clock: Monotonic seconds.

    Attributes:
        settings: The same; a daemon that reads its settings again replaces them.
        clock: The same.
        lock: Held for every change of what is here, of a slot and of the pool's queue; never during I/O.
        all: The slots, oldest first.
        retired: Workers that left their slots and are to be ended, with the reason.
        released: The slot that became idle last, while it is one of ``all``; it may be in use again.
        recent: Path to generation of the scripts in use, the most recently used last.
        backoff: When a worker may be started after a start has failed.
        start_error: Why the last start failed; None when a worker has served since.
        life: What became of the workers until now.
        is_closed: Whether the pool takes no more callers.
        are_gone: Set when the pool is closed and its last slot is gone.
        wake: Set to make upkeep look again at once.
    """

    __slots__ = (
        *("all", "are_gone", "backoff", "clock", "is_closed", "life", "lock", "recent", "released", "retired"),
        *("settings", "start_error", "wake"),
    )

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.clock = clock
        self.lock = threading.Lock()
        self.all: list[Slot] = []
        self.released: Slot | None = None
        self.recent: OrderedDict[str, Generation] = OrderedDict()
        self.backoff = Backoff(FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S, jitter=BACK_OFF_JITTER, clock=clock)
        self.start_error: Exception | None = None
        self.life = Life()
        self.is_closed = False
        self.are_gone = threading.Event()
        self.wake = threading.Event()
        self.retired: list[tuple[Worker, str]] = []

    # Under the lock.

    def idle(self) -> list[Slot]:
        """The slots whose workers have nothing to do."""
        return [slot for slot in self.all if slot.state is State.IDLE]

    def lent(self) -> int:
        """How many workers are lent to other processes."""
        return sum(slot.is_lent for slot in self.all)

    def best_loaded(self, generation: Generation, user: int | None) -> Slot | None:
        """The best idle slot for a user that has the generation loaded; None when there is none."""
        loaded = [slot for slot in self.idle() if slot.has(generation) and slot.may_serve(user)]
        return max(loaded, key=lambda slot: slot.rank(generation), default=None)

    def reserve(self, beyond: int = 0) -> Slot | None:
        """
        A new slot, whose worker the caller has to start.

        Args:
            beyond: How many slots more than ``max_workers`` there may be.

        Returns:
            None when there is no room, starts fail, or the pool is closed.
        """
        if self.is_closed or len(self.all) >= self.settings.max_workers + beyond or self.backoff.is_waiting():
            return None
        slot = Slot(jobs_limit(self.settings))
        self.all.append(slot)
        return slot

    def remove(self, slot: Slot) -> None:
        """Forget a slot. Its worker, if it has one, is the caller's to end."""
        self.all.remove(slot)
        if self.released is slot:
            self.released = None
        if self.is_closed and not self.all:
            self.are_gone.set()

    def retire(self, slot: Slot, reason: str) -> None:
        """Forget a slot and leave its worker to upkeep."""
        slot.retire_reason = reason
        self.life.note_end(reason)
        self.remove(slot)
        self.retired.append((slot.living, reason))
        self.wake.set()

    def use(self, generation: Generation) -> None:
        """A generation is the one of its script that is in use."""
        self.recent[generation.path] = generation
        self.recent.move_to_end(generation.path)
        if len(self.recent) > RECENT_SCRIPTS:
            self.recent.popitem(last=False)

    def renew(self, generation: Generation) -> None:
        """A newer generation of a script is the one in use, if the script is in use."""
        if generation.path in self.recent:
            self.recent[generation.path] = generation

    # These take the lock.

    def forget(self, generation: Generation) -> None:
        """Do not load a generation ahead any more."""
        with self.lock:
            if self.recent.get(generation.path) is generation:
                del self.recent[generation.path]

    def take_retired(self, keep: int = 0) -> list[Worker]:
        """The workers that were retired, all but the last ``keep``; the caller ends them."""
        with self.lock:
            count = max(0, len(self.retired) - keep)
            taken, self.retired = self.retired[:count], self.retired[count:]
        for worker, reason in taken:
            log.info("retired worker %d: %s (%s)", worker.pid, reason, self.service(worker))
        return [worker for worker, _ in taken]

    def service(self, worker: Worker) -> str:
        """What a worker has done, for the log."""
        holdings, age_s = worker.holdings, self.clock() - worker.started_at
        return f"{holdings.execs} execs, {holdings.loads} loads, {age_s:.0f} s"
