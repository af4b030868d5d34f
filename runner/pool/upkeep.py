"""
Keeps a pool's workers ready: starts and replaces them, loads ahead, retires and stops.

Must not decide who serves a caller. State changes under the pool's lock; whatever may take time (start, load, stop)
happens outside it, on a slot that was marked before.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from runner.errors import PoolExhausted, ScriptError, WorkerError

from .slot import OUTDATED, State, stop_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.scripts.generation import Generation
    from runner.worker.worker import Worker

    from .pool import Pool
    from .slot import Slot

log = logging.getLogger("runner.pool")

LONGEST_NAP_S = 1.0  # a worker that dies idle without anybody setting ``wake`` is replaced after this long
SHORTEST_NAP_S = 0.01
# The time that workers get to end by themselves. Handlers of ProcessExit run meanwhile, and nobody waits for them:
# calls are over. It has to stay well below TimeoutStopSec of the unit.
STOP_S = 2.0
NO_IDLE_WORKER = "no idle worker to try the build on"


class Upkeep:
    """
    The upkeep of one pool. Safe to use from several threads.

    Somebody has to call ``tick`` again and again: ``keep`` in a thread of its own, or anyone else. ``close`` ends the
    pool with all of its workers.

    Args:
        pool: The pool; its settings and its clock count here, too.
        lost: Called with each generation that cost a worker while it was loaded ahead, one that was never lent.
        loaded: Called with each that was loaded ahead on such a worker: it can be loaded.
    """

    def __init__(
        self,
        pool: Pool,
        lost: Callable[[Generation], object] = lambda _: None,
        loaded: Callable[[Generation], object] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._slots = pool.slots
        self._queue = pool.queue
        self._clock = pool.slots.clock
        self._lock = pool.slots.lock
        self._lost = lost
        self._loaded = loaded
        self._ticking = threading.Lock()

    def tick(self) -> float:
        """
        Do the upkeep that is due: replace the dead, retire, start, load ahead, stop. A worker that fails never raises.

        Returns:
            Seconds until it should be called again, at most ``LONGEST_NAP_S``.
        """
        if not self._ticking.acquire(blocking=False):
            return LONGEST_NAP_S  # another thread is at it
        try:
            self._discard_dead()
            self._retire_old()
            while (slot := self._add_missing()) is not None and self._pool.start(slot):
                self._pool.release(slot, survives=self._load_recent(slot))
            while (slot := self._missing_recent()) is not None:
                self._pool.release(slot, survives=self._load_recent(slot))
            self._stop_retired()
            return self._next_due()
        finally:
            self._ticking.release()

    def keep(self) -> None:
        """Call ``tick`` until the pool is closed: the body of a keeper thread."""
        while not self._slots.is_closed:
            self._slots.wake.clear()
            try:
                due = self.tick()
            except Exception:  # a keeper that ended would end all upkeep; the next round may be better
                log.exception("upkeep failed")
                due = LONGEST_NAP_S
            self._slots.wake.wait(due)

    def reset(self) -> None:
        """Replace all workers: idle ones now, busy ones when their lease ends. A failed start is forgotten."""
        with self._lock:
            self._slots.backoff.reset()
            self._slots.start_error = None
            for slot in list(self._slots.all):
                if slot.state is State.IDLE:
                    self._slots.retire(slot, "reset")
                else:
                    slot.retire_reason = "reset"
            self._queue.assign()
        self._slots.wake.set()

    def close(self) -> None:
        """
        Stop all workers in parallel; a busy one that is not done after ``STOP_S`` is killed.

        Waiting callers get ``PoolExhausted``, and so do later ones.
        """
        deadline = self._clock() + STOP_S
        with self._lock:
            self._slots.is_closed = True
            self._queue.assign()
            for slot in self._slots.idle():
                self._slots.retire(slot, "close")
            if not self._slots.all:
                self._slots.are_gone.set()
        self._slots.wake.set()
        self._stop_retired(deadline)
        self._slots.are_gone.wait(max(0.0, deadline - self._clock()))
        with self._lock:
            left = [slot.worker for slot in self._slots.all if slot.worker is not None]
        for worker in left:
            log.warning("worker %d: still busy %g s after close, killed", worker.pid, STOP_S)
            worker.kill()
        self._stop_retired(deadline)

    # Builds that are tried before anybody runs them.

    def prepare(self, generation: Generation) -> tuple[str, ...]:
        """
        Load a new generation ahead on idle workers that have an older one of the same script.

        A worker that is bound to other helpers is replaced: the new one first, where ``max_workers`` allows. A busy
        one of that kind is retired when its lease ends; on other busy ones ``tick`` loads it then. What the generation
        needs, and that it cannot be loaded, is believed only of workers that were never lent.

        Returns:
            Names the generation needs beside its helpers: extend it and call again. Empty when all is done.

        Raises:
            ScriptInvalid: The generation cannot be loaded. The workers serve on with the old one.
        """
        with self._lock:
            self._slots.renew(generation)
        tried: set[int] = set()
        while (slot := self._pick_older(generation, tried)) is not None:
            tried.add(slot.living.pid)
            if not slot.fits(generation):
                self._replace(slot, generation)
                continue
            try:
                with self._releasing(slot):
                    needs = self._load_ahead(slot, generation)
            except ScriptError:
                if slot.lent_to is None:
                    raise
                return ()  # whoever execs it learns more
            except WorkerError:
                return ()  # one worker is enough: whoever execs it learns more
            if needs and slot.lent_to is None:
                return needs
        return ()

    def has_loaded(self, generation: Generation) -> bool:
        """Whether a worker that was never lent has the generation loaded, so that it can be."""
        with self._lock:
            return any(slot.lent_to is None and slot.has(generation) for slot in self._slots.all)

    def try_out(self, generation: Generation) -> tuple[str, ...]:
        """
        Load a generation on an idle worker that was never lent, to see whether it can be.

        Returns:
            Names it needs beside its helpers, empty when it is loaded.

        Raises:
            PoolExhausted: No such worker is idle.
            ScriptError: It cannot be loaded.
            WorkerError: It took the worker with it.
        """
        with self._lock:
            idle = [slot for slot in self._slots.idle() if slot.lent_to is None and slot.fits(generation)]
            slot = max(idle, key=lambda slot: slot.has(generation), default=None)
            if slot is None:
                raise PoolExhausted(NO_IDLE_WORKER)
            slot.state = State.PREPARING
        if not slot.living.is_alive:
            self._pool.discard_dead(slot)
            raise PoolExhausted(NO_IDLE_WORKER)
        with self._releasing(slot) as worker:
            if slot.has(generation):
                return ()
            return worker.load(generation, self._clock() + self._slots.settings.first_exec_timeout_s)

    # Ahead of the callers.

    @contextlib.contextmanager
    def _releasing(self, slot: Slot) -> Iterator[Worker]:
        """Release a slot that was marked, whatever happens; its worker survives an error of the script."""
        survives = False
        try:
            yield slot.living
            survives = True
        except ScriptError:
            survives = True
            raise
        finally:
            self._pool.release(slot, survives=survives)

    def _load_ahead(self, slot: Slot, generation: Generation) -> tuple[str, ...]:
        """As ``Worker.load``, of a build that nobody waits for; one that fails is not loaded ahead again."""
        try:
            return slot.living.load(generation, self._clock() + self._slots.settings.first_exec_timeout_s)
        except ScriptError:
            self._slots.forget(generation)  # whoever execs it learns why
            if slot.lent_to is None and not slot.living.is_alive:  # it ended the process
                self._lost(generation)
            raise
        except WorkerError as error:
            log.warning("loading %s ahead: %s", generation.path, error)
            if slot.lent_to is None:
                self._lost(generation)  # a worker that a client had in its hands may have ended of something else
            self._slots.forget(generation)  # or every new worker would die of it
            raise

    def _load_recent(self, slot: Slot, first: Generation | None = None) -> bool:
        """Load the scripts in use, ``first`` before them, unless somebody waits for it. False: the worker is lost."""
        with self._lock:
            generations = [*([first] if first else []), *reversed(self._slots.recent.values())]
            slot.state = State.PREPARING
        for generation in generations:
            if self._queue.requests or self._slots.is_closed:
                break
            if slot.has(generation) or not slot.fits(generation):
                continue
            try:
                if self._load_ahead(slot, generation):
                    self._slots.forget(generation)  # the exec that finds its helpers makes another one of it
                elif slot.lent_to is None:
                    self._loaded(generation)
            except ScriptError:
                if not slot.living.is_alive:
                    return False
            except WorkerError:
                return False
        return True

    def _missing_recent(self) -> Slot | None:
        """Mark an idle slot whose worker has not loaded a script in use; None: there is none, or a caller waits."""
        with self._lock:
            if self._queue.requests:
                return None
            for slot in self._slots.idle():
                if any(not slot.has(recent) and slot.fits(recent) for recent in self._slots.recent.values()):
                    slot.state = State.PREPARING
                    return slot
        return None

    def _pick_older(self, generation: Generation, tried: set[int]) -> Slot | None:
        """
        Mark an idle slot with an older build.

        Of the busy ones, those that cannot take the new one are retired when they are released, and ``tick`` loads it
        on the others then.
        """
        with self._lock:
            older = [slot for slot in self._slots.all if slot.worker is not None and slot.has_older(generation)]
            idle = [slot for slot in older if slot.state is State.IDLE and slot.living.pid not in tried]
            best = max(idle, key=lambda slot: (slot.lent_to is None, slot.fits(generation)), default=None)
            for slot in older:
                if slot.state is not State.IDLE:
                    # Not before the others have the build: callers that come meanwhile need a worker.
                    slot.is_behind = slot.is_behind or best is None
                    if not slot.fits(generation):
                        slot.retire_reason = _outdated(generation)
            if best is not None:
                best.state = State.PREPARING
            return best

    def _replace(self, old: Slot, generation: Generation) -> None:
        """Start a worker for a build that a marked one cannot load, and retire the old one."""
        slots = self._slots
        with self._lock:
            is_full = len(slots.all) >= slots.settings.max_workers
            is_left = True
            if not slots.backoff.is_waiting():
                old.retire_reason = _outdated(generation)
                if is_full:
                    slots.retire(old, old.retire_reason)
                    is_left = False
            new = slots.reserve()
        if new is not None and self._pool.start(new):
            self._pool.release(new, survives=self._load_recent(new, generation))
        if is_left:
            self._pool.release(old, survives=True)

    # Starting and retiring.

    def _add_missing(self) -> Slot | None:
        """
        A new slot, when fewer workers are warm than there should be.

        Spare workers are kept beside those that are lent. When a lent worker should be replaced and all others are
        busy, its successor is started even if ``max_workers`` leaves no room.
        """
        slots, settings = self._slots, self._slots.settings
        with self._lock:
            self._queue.assign()  # a back-off may have ended
            wanted = max(settings.warm_workers, min(slots.lent() + settings.spare_workers, settings.max_workers))
            if len(slots.all) < wanted:
                return slots.reserve()
            is_outdated = any(slot.is_lent and slot.retire_reason for slot in slots.all)
            are_leased = all(slot.state is State.LEASED for slot in slots.all)
            if is_outdated and are_leased and len(slots.all) == settings.max_workers:
                return slots.reserve(beyond=1)
        return None

    def _discard_dead(self) -> None:
        with self._lock:
            idle = self._slots.idle()
        for slot in [slot for slot in idle if not slot.living.is_alive]:
            with self._lock:
                is_mine = slot.state is State.IDLE and slot in self._slots.all
                if is_mine:
                    slot.state = State.PREPARING
            if is_mine:
                self._pool.discard_dead(slot)

    def _retire_old(self) -> None:
        slots, settings, now = self._slots, self._slots.settings, self._clock()
        with self._lock:
            for slot in sorted(slots.idle(), key=lambda slot: slot.living.holdings.last_used):
                reason = slot.over_limit(settings, now)
                is_unused = now - slot.living.holdings.last_used >= settings.idle_ttl_s
                if not reason and is_unused and self._has_surplus():
                    reason = "idle_ttl_s"
                if reason:
                    slots.retire(slot, reason)

    def _has_surplus(self) -> bool:
        """Whether there are more workers than are kept warm, so that an idle one goes after ``idle_ttl_s``."""
        slots, settings = self._slots, self._slots.settings
        warm = max(settings.warm_workers, slots.lent() + settings.spare_workers)
        return len(slots.all) > warm and settings.idle_ttl_s > 0

    def _stop_retired(self, deadline: float | None = None) -> None:
        """Stop the workers that were retired; None: within ``STOP_S``."""
        if self._slots.retired:
            end = self._clock() + STOP_S if deadline is None else deadline
            stop_all(self._slots.take_retired(), end, self._clock)

    def _next_due(self) -> float:
        slots, settings, now = self._slots, self._slots.settings, self._clock()
        due = LONGEST_NAP_S
        with self._lock:
            has_surplus = self._has_surplus()
            if len(slots.all) < settings.warm_workers:
                due = min(due, slots.backoff.next_try - now)
            for slot in slots.idle():
                if settings.ttl_s:
                    due = min(due, slot.living.started_at + settings.ttl_s - now)
                if has_surplus:
                    due = min(due, slot.living.holdings.last_used + settings.idle_ttl_s - now)
        return max(SHORTEST_NAP_S, due)


def _outdated(generation: Generation) -> str:
    return f"{OUTDATED} of {generation.path}"
