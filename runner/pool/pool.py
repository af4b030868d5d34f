"""
Who serves next, who is retired and why.

Must not know what a worker says to its script. State changes under the lock; whatever may take time (start, load,
stop, kill, log) happens outside it, on a slot that was marked before.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING

from runner.errors import ExecTimeout, PoolExhausted, RunnerError, ScriptError, WorkerError

from .slot import PoolSnapshot, Slot, State, jobs_limit, stop_all
from .warming import Warming

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.scripts.generation import Generation
    from runner.settings import Settings
    from runner.worker.worker import Worker

log = logging.getLogger("runner.pool")

LONGEST_NAP_S = 1.0  # a worker that dies idle without anybody setting ``wake`` is replaced after this long
SHORTEST_NAP_S = 0.01
FIRST_BACK_OFF_S = 0.1
LONGEST_BACK_OFF_S = 30.0
MOST_DOUBLINGS = 16  # of a back-off; it is at its longest before, and a float has an end
# That a worker gets to end by itself. Handlers of ProcessExit run meanwhile, and nobody waits for them: calls are over.
# It has to stay well below TimeoutStopSec of the unit.
STOP_S = 2.0
RECENT_SCRIPTS = 32  # this many scripts are loaded ahead on a new worker


class _Request:
    """One caller that wants a worker; the event tells it that ``slot`` or ``refusal`` was set."""

    def __init__(self, generation: Generation | None, user: int | None) -> None:
        self.generation = generation
        self.user = user
        self.event = threading.Event()
        self.slot: Slot | None = None
        self.refusal = ""


class _Lease:
    """What ``Pool.lease`` gives: a class, for a generator would cost every exec as much as all else in the pool."""

    __slots__ = ("_deadline", "_generation", "_pool", "slot")

    def __init__(self, pool: Pool, generation: Generation | None, deadline: float) -> None:
        self._pool = pool
        self._generation = generation
        self._deadline = deadline

    def __enter__(self) -> Worker:
        self.slot = self._pool.acquire(self._generation, self._deadline)
        return self.slot.living

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, ExecTimeout) and error.is_left:
            return  # whoever left the worker to finish its run releases it
        self._pool.release(
            self.slot, survives=error is None or (isinstance(error, RunnerError) and error.worker_survives)
        )


class Pool:
    """
    Workers, the callers that wait for them, and the upkeep.

    Somebody has to call ``tick`` again and again: ``keep`` in a thread of its own, or anyone else. Workers are
    started by ``tick`` or by the callers that need them, never by the constructor. A worker that was retired and
    not stopped yet does not count as one of ``max_workers``, so that nobody waits for its end.

    Args:
        settings: Sizes, limits and times.
        start: Starts one worker and returns when it is ready, or raises ``WorkerFailedToStart``; bounded by itself.
        clock: Monotonic seconds; every ``deadline`` is on this clock.
        lost: Told each generation that cost a worker while it was loaded ahead, one that was never lent.
        loaded: Told each that was loaded ahead on such a worker: it can be loaded.
    """

    def __init__(
        self,
        settings: Settings,
        start: Callable[[], Worker],
        clock: Callable[[], float] = time.monotonic,
        lost: Callable[[Generation], object] = lambda _: None,
        loaded: Callable[[Generation], object] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.warming = Warming(settings, clock)
        """Which builds are slow at first, and how many workers run one for the first time."""
        self.wake = threading.Event()
        """Set it to make ``keep`` look again at once, for one when a worker's pipe was closed."""
        self._start = start
        self._clock = clock
        self._lost = lost
        self._loaded = loaded
        self._lock = threading.Lock()
        self._upkeep = threading.Lock()
        self._slots: list[Slot] = []
        self._released: Slot | None = None  # the last one to become idle; it may be gone by now
        self._queue: deque[_Request] = deque()
        self._ending: list[tuple[Worker, str]] = []  # retired, and why; stopped by tick
        self._recent: OrderedDict[str, Generation] = OrderedDict()  # by script, most recently used last
        self._closed = False
        self._empty = threading.Event()  # set when the last slot goes after close
        self._failures = 0
        self._not_before = 0.0
        self._start_error: Exception | None = None

    def lease(self, generation: Generation | None, deadline: float) -> _Lease:
        """
        Hold one worker for the length of a ``with`` block.

        The block's exception decides the worker's fate: it serves on after an error whose ``worker_survives`` is
        true, and is killed after any other, because nobody knows in which state that left the conversation.

        Args:
            generation: What will run; None when it does not matter.
            deadline: The wait ends here, or after ``allocate_timeout_s`` when that is earlier. Only a start of a
                worker by the caller itself may take longer.

        Yields:
            A live worker that no other caller holds and that is not bound to other helpers than the generation's.

        Raises:
            PoolExhausted: No worker came free in time, too many wait already, no worker can be started, or the
                pool is closed. Nothing was sent, so a retry is safe.
        """
        return _Lease(self, generation, deadline)

    def acquire(self, generation: Generation | None, deadline: float, user: int | None = None) -> Slot:
        """
        As ``lease``, without its end: the caller owns the slot until it calls ``release``.

        Args:
            generation: As for ``lease``.
            deadline: The same.
            user: Whose client the worker is to be lent to; None: this process uses it itself.
        """
        begin = self._clock()
        if deadline <= begin:
            raise PoolExhausted(f"the deadline passed {begin - deadline:.2f} s before a worker was asked for")
        if generation is not None and (slot := self._at_once(generation, user)) is not None:
            return slot
        request: _Request = _Request(generation, user)
        with self._lock:
            if generation is not None:
                self._remember(generation)
            self._queue.append(request)
            self._assign()
            if not request.event.is_set() and len(self._queue) > self.settings.max_queue_size:
                loser = self._one_too_many()
                self._queue.remove(loser)
                loser.refusal = f"no worker free and {len(self._queue)} callers wait already; {self._numbers()}"
                loser.event.set()
        try:
            return self._wait(request, begin, deadline)
        except BaseException:
            self._withdraw(request)
            raise

    def _at_once(self, generation: Generation, user: int | None) -> Slot | None:
        """The common case without a request: nobody waits, and an idle worker has the generation."""
        with self._lock:
            if self._queue or self._closed or self._recent.get(generation.path) is not generation:
                return None
            # The one released last was used last; but a client is best off with what its user had before.
            best = self._released
            if best is None or best.state is not State.IDLE or best.lent_to != user or not best.has_run(generation):
                best = self._ready(generation, user)
                if best is None or (not best.has_run(generation) and self.warming.is_slow(generation, user)):
                    return None
            best.state = State.LEASED
            self._recent.move_to_end(generation.path)
        if best.living.is_alive:
            return best
        self._discard(best, "died while idle", was_idle=True)
        return None

    def release(self, slot: Slot, *, survives: bool) -> None:
        """End a mark: the worker is idle again, retired, or killed; then who waits is served."""
        if not survives or not slot.living.is_alive:
            self._discard(slot, "died" if survives else "lost")
            return
        memory = slot.over_memory(self.settings)
        with self._lock:
            if slot.state is State.LEASED:
                self._failures, self._start_error = 0, None
            slot.doom = slot.doom or slot.over_limit(self.settings, self._clock()) or memory
            if self._closed:
                slot.doom = "close"
            if slot.doom:
                self._retire(slot)
            else:
                slot.state = State.IDLE
                self._released = slot
            if self._queue:
                self._assign()
        if self._ending:
            self._bury(keep=self.settings.max_workers)

    def acquire_loaded(self, generation: Generation, user: int) -> Slot | None:
        """As ``acquire``, but only an idle worker that has the generation loaded, now; None when there is none."""
        with self._lock:
            best = self._ready(generation, user)
            if best is None or self._queue or self._closed:
                return None
            best.state = State.LEASED
        if best.living.is_alive:
            return best
        self._discard(best, "died while idle", was_idle=True)
        return None

    def warm(self, generation: Generation, user: int | None) -> int:
        """How many workers have run a build that a client of that user may have."""
        with self._lock:
            return sum(slot.has_run(generation) and slot.may_serve(user) for slot in self._slots)

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` was called: what is still busy then is ended."""
        return self._closed

    def may_wait(self, generation: Generation, user: int | None) -> bool:
        """Whether there is a worker, of a build that is slow the first time, that has run it and comes free soon."""
        with self._lock:
            return bool(self._warm(generation, user))

    def use(self, generation: Generation) -> None:
        """A generation is in use: from now on it is loaded ahead on idle workers."""
        with self._lock:
            self._remember(generation)
        self.wake.set()

    def waiting_users(self) -> set[int]:
        """Whose clients wait for a worker now."""
        with self._lock:
            return {request.user for request in self._queue if request.user is not None}

    def abandon(self, slot: Slot) -> None:
        """Forget a leased worker without ending it."""
        with self._lock:
            self._remove(slot)

    def wants_back(self, slot: Slot) -> str:
        """Why a leased worker should be given back soon, empty when it should not: a limit, or a better one waits."""
        memory = slot.over_memory(self.settings)
        with self._lock:
            slot.doom = slot.doom or slot.over_limit(self.settings, self._clock()) or memory
            if slot.doom:
                return slot.doom
            idle = [other for other in self._slots if other.state is State.IDLE]
            for path in slot.living.holdings.loaded:
                newer = self._recent.get(path)
                if (
                    newer is not None
                    and not slot.has(newer)
                    and any(other.has(newer) and other.may_serve(slot.lent_to) for other in idle)
                ):
                    return f"a worker with the new build of {path} is ready"
        return ""

    def tick(self) -> float:
        """
        Do the upkeep that is due: replace the dead, retire, start, load ahead, stop. A worker that fails never raises.

        Returns:
            Seconds until it should be called again, at most ``LONGEST_NAP_S``.
        """
        if not self._upkeep.acquire(blocking=False):
            return LONGEST_NAP_S  # another thread is at it
        try:
            self._remove_the_dead()
            self._retire_the_old()
            while (slot := self._reserve()) is not None and self._fill(slot):
                self.release(slot, survives=self._load_recent(slot))
            while (slot := self._behind()) is not None:
                self.release(slot, survives=self._load_recent(slot))
            self._bury(keep=0)
            return self._next_due()
        finally:
            self._upkeep.release()

    def keep(self) -> None:
        """Call ``tick`` until the pool is closed: the body of a keeper thread."""
        while not self._closed:
            self.wake.clear()
            try:
                due = self.tick()
            except Exception:  # a keeper that ended would end all upkeep; the next round may be better
                log.exception("upkeep failed")
                due = LONGEST_NAP_S
            self.wake.wait(due)

    def prepare(self, generation: Generation) -> tuple[str, ...]:
        """
        Load a new generation ahead on idle workers that have an older one of the same script.

        A worker that is bound to other helpers is replaced: the new one first, where ``max_workers`` allows. A busy
        one of that kind is retired when its lease ends. What the generation needs, and that it cannot be loaded, is
        believed of workers only that were never lent.

        Returns:
            Names the generation needs beside its helpers: extend it and call again. Empty when all is done.

        Raises:
            ScriptInvalid: The generation cannot be loaded. The workers serve on with the old one.
        """
        with self._lock:
            if generation.path in self._recent:
                self._recent[generation.path] = generation
        tried: set[int] = set()
        while (slot := self._pick(generation, tried)) is not None:
            tried.add(slot.living.pid)
            if not slot.fits(generation):
                self._replace(slot, generation)
                continue
            try:
                needs = slot.living.load(generation, self._clock() + self.settings.first_exec_timeout_s)
            except ScriptError:
                self._forget(generation)
                self.release(slot, survives=True)
                if slot.lent_to is None:
                    raise
                return ()  # whoever execs it learns more
            except WorkerError as error:
                log.warning("preparing %s: %s", generation.path, error)
                self._count_lost(slot, generation)
                self._forget(generation)
                self.release(slot, survives=False)
                return ()  # one worker is enough: whoever execs it learns more
            except BaseException:
                self.release(slot, survives=False)
                raise
            self.release(slot, survives=True)
            if needs and slot.lent_to is None:
                return needs
        return ()

    def has_loaded(self, generation: Generation) -> bool:
        """Whether a worker that was never lent has the generation loaded, so that it can be."""
        with self._lock:
            return any(
                slot.worker is not None and slot.lent_to is None and slot.has(generation) for slot in self._slots
            )

    def try_out(self, generation: Generation) -> tuple[str, ...] | None:
        """
        Load a generation on an idle worker that was never lent, to see whether it can be.

        Returns:
            Names it needs beside its helpers, empty when it is loaded; None when no such worker is idle.

        Raises:
            ScriptError: It cannot be loaded.
            WorkerError: It took the worker with it.
        """
        with self._lock:
            idle = [
                slot
                for slot in self._slots
                if slot.state is State.IDLE and slot.lent_to is None and slot.fits(generation)
            ]
            slot = max(idle, key=lambda slot: slot.has(generation), default=None)
            if slot is None:
                return None
            slot.state = State.PREPARING
        if not slot.living.is_alive:
            self._discard(slot, "died while idle", was_idle=True)
            return None
        needs: tuple[str, ...] = ()
        survives = False
        try:
            if not slot.has(generation):
                needs = slot.living.load(generation, self._clock() + self.settings.first_exec_timeout_s)
            survives = True
        except ScriptError:
            survives = True
            raise
        finally:
            self.release(slot, survives=survives)
        return needs

    def reset(self) -> None:
        """Replace all workers: idle ones now, busy ones when their lease ends. A back-off is forgotten."""
        with self._lock:
            self._failures, self._not_before, self._start_error = 0, 0.0, None
            for slot in list(self._slots):
                slot.doom = "reset"
                if slot.state is State.IDLE:
                    self._retire(slot)
            self._assign()
        self.wake.set()

    def close(self) -> None:
        """
        Stop all workers in parallel; a busy one that is not done after ``STOP_S`` is killed.

        Waiting callers get ``PoolExhausted``, and so do later ones.
        """
        deadline = self._clock() + STOP_S
        with self._lock:
            self._closed = True
            self._assign()
            for slot in [slot for slot in self._slots if slot.state is State.IDLE]:
                slot.doom = "close"
                self._retire(slot)
            if not self._slots:
                self._empty.set()
        self.wake.set()
        self._bury(keep=0, deadline=deadline)
        self._empty.wait(max(0.0, deadline - self._clock()))
        with self._lock:
            left = [slot.worker for slot in self._slots if slot.worker is not None]
        for worker in left:
            log.warning("worker %d: still busy %g s after close, killed", worker.pid, STOP_S)
            worker.kill()
        self._bury(keep=0, deadline=deadline)

    def snapshot(self) -> PoolSnapshot:
        """What the pool looks like now."""
        now = self._clock()
        with self._lock:
            return PoolSnapshot(
                workers=tuple(slot.snapshot(now) for slot in self._slots if slot.worker is not None),
                starting=sum(slot.state is State.STARTING for slot in self._slots),
                ending=len(self._ending),
                waiting=len(self._queue),
                start_failures=self._failures,
                next_start_s=max(0.0, self._not_before - now),
                start_error=str(self._start_error or ""),
            )

    def __repr__(self) -> str:
        with self._lock:
            slots = ", ".join(map(repr, self._slots)) or "none"
            closed = "closed, " if self._closed else ""
            return f"<Pool {closed}{len(self._slots)}/{self.settings.max_workers}: {slots}; {len(self._queue)} waiting>"

    # A caller takes a slot and gives it back.

    def _wait(self, request: _Request, begin: float, deadline: float) -> Slot:
        limit = min(deadline, begin + self.settings.allocate_timeout_s)
        while True:
            request.event.wait(max(0.0, limit - self._clock()))
            with self._lock:
                slot, request.slot = request.slot, None
                if slot is None:
                    waited = f"no worker free after {self._clock() - begin:.2f} s; {self._numbers()}"
                    raise PoolExhausted(request.refusal or waited) from self._start_error
            self._bury(keep=self.settings.max_workers)
            if slot.state is not State.STARTING:
                if slot.living.is_alive:
                    return slot
                self._discard(slot, "died while idle", was_idle=True)
            elif self._fill(slot):
                if self._clock() < deadline:
                    return slot
                self.release(slot, survives=True)
                raise PoolExhausted(f"a worker was ready only after {self._clock() - begin:.2f} s")
            with self._lock:
                request.event.clear()
                self._queue.appendleft(request)
                self._assign()

    def _withdraw(self, request: _Request) -> None:
        """Forget a caller that gives up, also one that was interrupted between assignment and use."""
        with self._lock:
            if request in self._queue:
                self._queue.remove(request)
            if (slot := request.slot) is not None:
                if slot.state is State.STARTING:
                    self._remove(slot)
                else:
                    slot.state = State.IDLE
                self._assign()

    def _discard(self, slot: Slot, what: str, *, was_idle: bool = False) -> None:
        """Drop a worker that is dead or not to be believed, and kill what is left of it."""
        with self._lock:
            self._remove(slot)
            self._assign()
        worker = slot.living
        worker.kill()
        log.warning("worker %d: %s (%s)", worker.pid, what, self._age(worker))
        if was_idle and worker.holdings.execs == 0:
            # Started, but never of any use: without a pause this would go on as fast as mono starts.
            self._step_back(WorkerError(f"worker {worker.pid}: {what} before its first exec"))
        self.wake.set()

    # Under the lock.

    def _assign(self) -> None:
        """Give slots to waiting callers: first come, first served, the user first whose clients have fewest workers."""
        patient: set[_Request] = set()
        while waiting := [request for request in self._queue if request not in patient]:
            held = Counter(slot.lent_to for slot in self._slots if slot.is_lent)
            request = min(waiting, key=lambda waiting: held[waiting.user])
            request.slot = self._choose(request.generation, request.user)
            if request.slot is None:
                request.refusal = self._refusal(request)
                if not request.refusal:
                    if not self._warm(request.generation, request.user):
                        return
                    patient.add(request)  # for a worker that is warm; others may go before it
                    continue
            self._queue.remove(request)
            request.event.set()

    def _warm(self, generation: Generation | None, user: int | None) -> list[Slot]:
        """
        The workers that a caller of a build has to wait for, where the build is slow the first time.

        Not for one that a client keeps: it may have nothing to run for hours, and is asked only at its next exec.
        """
        if generation is None or not self.warming.is_slow(generation, user):
            return []
        shared = [slot for slot in self._slots if not (slot.is_lent and slot.is_kept)]
        return [slot for slot in shared if slot.has_run(generation) and slot.may_serve(user)]

    def _one_too_many(self) -> _Request:
        """Which caller goes when one too many waits: the last one of the user who has most of them there."""
        waiting = Counter(request.user for request in self._queue)
        most = max(waiting.values())
        return next(request for request in reversed(self._queue) if waiting[request.user] == most)

    def _ready(self, generation: Generation, user: int | None) -> Slot | None:
        """The idle worker that is best for a user among those that have the generation."""
        ready = [
            slot for slot in self._slots if slot.state is State.IDLE and slot.has(generation) and slot.may_serve(user)
        ]
        return max(ready, key=lambda slot: (slot.has_run(generation), *_preferred(slot)), default=None)

    def _choose(self, generation: Generation | None, user: int | None) -> Slot | None:
        idle = [slot for slot in self._slots if slot.state is State.IDLE]
        if self._closed or (generation is not None and self._is_refused(generation, user)):
            return None
        if warm := self._warm(generation, user):
            warm_best = max([slot for slot in warm if slot in idle], key=_preferred, default=None)
            if warm_best is not None:
                warm_best.state = State.LEASED
            return warm_best
        theirs = [slot for slot in idle if slot.may_serve(user)]
        if fitting := [slot for slot in theirs if slot.fits(generation)]:
            best = max(fitting, key=lambda slot: (_nearness(slot, generation), *_preferred(slot)))
            best.state = State.LEASED
            return best
        if idle and len(self._slots) >= self.settings.max_workers and not self._backs_off():
            oldest = min(idle, key=lambda slot: slot.living.holdings.last_used)
            why = "bound to other helpers" if oldest in theirs else "lent to another user before"
            oldest.doom = f"{why}, no room beside it"
            self._retire(oldest)
        return self._add()

    def _remember(self, generation: Generation) -> None:
        self._recent[generation.path] = generation
        self._recent.move_to_end(generation.path)
        if len(self._recent) > RECENT_SCRIPTS:
            self._recent.popitem(last=False)

    def _add(self, beyond: int = 0) -> Slot | None:
        """A new slot whose worker the caller must start; None when there is no room or starts fail."""
        if self._closed or len(self._slots) >= self.settings.max_workers + beyond or self._backs_off():
            return None
        slot: Slot = Slot(max_jobs=jobs_limit(self.settings))
        self._slots.append(slot)
        return slot

    def _remove(self, slot: Slot) -> None:
        self._slots.remove(slot)
        if self._released is slot:
            self._released = None
        if self._closed and not self._slots:
            self._empty.set()

    def _retire(self, slot: Slot) -> None:
        self._remove(slot)
        self._ending.append((slot.living, slot.doom))
        self.wake.set()

    def _surplus(self) -> bool:
        lent = sum(slot.is_lent for slot in self._slots)
        warm = max(self.settings.warm_workers, lent + self.settings.spare_workers)
        return len(self._slots) > warm and self.settings.idle_ttl_s > 0

    def _is_refused(self, generation: Generation, user: int | None) -> bool:
        """Whether a build is slow the first time, no worker is warm, and as many as may are at it."""
        return bool(self.warming.refusal(generation, user)) and not self._warm(generation, user)

    def _refusal(self, request: _Request) -> str:
        if self._closed:
            return "the pool is closed"
        if request.generation is not None and self._is_refused(request.generation, request.user):
            return self.warming.refusal(request.generation, request.user)
        if not self._slots and self._backs_off():
            return (
                f"no worker can be started, next try in {self._not_before - self._clock():.1f} s: {self._start_error}"
            )
        return ""

    def _backs_off(self) -> bool:
        return self._clock() < self._not_before

    def _numbers(self) -> str:
        why = f"; starts fail: {self._start_error}" if self._start_error else ""
        return f"{len(self._slots)} of {self.settings.max_workers} workers, all busy{why}"

    # Outside the lock.

    def _behind(self) -> Slot | None:
        """Mark an idle worker that lacks a script which is in use these days."""
        with self._lock:
            if self._queue:
                return None
            for slot in self._slots:
                if slot.state is State.IDLE and any(
                    not slot.has(generation) and slot.fits(generation) for generation in self._recent.values()
                ):
                    slot.state = State.PREPARING
                    return slot
        return None

    def _reserve(self) -> Slot | None:
        """
        A new slot, when fewer workers are warm than there should be.

        Workers that are lent for long leave the spare ones beside them. One that is lent and should be replaced may
        have its successor beside it, also where ``max_workers`` leaves no room.
        """
        with self._lock:
            self._assign()  # a back-off may have ended
            lent = sum(slot.is_lent for slot in self._slots)
            wanted = max(self.settings.warm_workers, min(lent + self.settings.spare_workers, self.settings.max_workers))
            if len(self._slots) < wanted:
                return self._add()
            worn = any(slot.is_lent and slot.doom for slot in self._slots)
            is_idle = any(slot.state is not State.LEASED for slot in self._slots)
            if worn and not is_idle and len(self._slots) == self.settings.max_workers:
                return self._add(beyond=1)
        return None

    def _fill(self, slot: Slot) -> bool:
        """Start the worker of a new slot and mark it leased; False when that failed and the slot is gone."""
        try:
            worker = self._start()
        except BaseException as error:
            with self._lock:
                self._remove(slot)
                if not isinstance(error, RunnerError):
                    self._assign()
                    raise
            self._step_back(error)
            return False
        with self._lock:
            slot.worker, slot.state = worker, State.LEASED
            self._not_before = 0.0
            closed = self._closed
        if closed:
            self._discard(slot, "started while the pool was closed")
            return False
        return True

    def _step_back(self, error: RunnerError) -> None:
        """Pause all starts, twice as long after each failure until a worker has served."""
        with self._lock:
            pause = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2 ** min(self._failures, MOST_DOUBLINGS))
            pause *= random.uniform(0.5, 1)  # noqa: S311  # spreads load, guards nothing
            again = self._backs_off()  # two starts that fail at the same time are one step
            if not again:
                self._failures += 1
                self._not_before = self._clock() + pause
                self._start_error = error
            failures = self._failures
            self._assign()
        if not again:
            log.warning("a worker did not start (%d in a row), next try in %.1f s: %s", failures, pause, error)

    def _load_recent(self, slot: Slot, first: Generation | None = None) -> bool:
        """Load what is used these days on a new worker, unless somebody waits for it. False: the worker is lost."""
        with self._lock:
            generations = [*([first] if first else []), *reversed(self._recent.values())]
            slot.state = State.PREPARING
        worker = slot.living
        for generation in generations:
            if self._queue or self._closed:
                break
            if slot.has(generation) or not slot.fits(generation):
                continue
            try:
                if worker.load(generation, self._clock() + self.settings.first_exec_timeout_s):
                    self._forget(generation)  # it lacks helpers, and the exec that finds them makes another one of it
                elif slot.lent_to is None:
                    self._loaded(generation)
            except ScriptError:
                self._forget(generation)  # whoever execs it learns why
            except WorkerError as error:
                log.warning("loading %s ahead: %s", generation.path, error)
                self._count_lost(slot, generation)
                self._forget(generation)  # or every new worker would die of it
                return False
        return True

    def _count_lost(self, slot: Slot, generation: Generation) -> None:
        """A generation cost a worker; one that a client had in its hands may have ended of something else."""
        if slot.lent_to is None:
            self._lost(generation)

    def _forget(self, generation: Generation) -> None:
        with self._lock:
            if self._recent.get(generation.path) is generation:
                del self._recent[generation.path]

    def _pick(self, generation: Generation, tried: set[int]) -> Slot | None:
        """Mark an idle worker with an older generation; doom the busy ones that cannot take the new one."""
        with self._lock:
            older = [slot for slot in self._slots if slot.worker is not None and slot.has_older(generation)]
            for slot in older:
                if slot.state is not State.IDLE and not slot.fits(generation):
                    slot.doom = f"bound to outdated helpers of {generation.path}"
            idle = [slot for slot in older if slot.state is State.IDLE and slot.living.pid not in tried]
            best = max(idle, key=lambda slot: (slot.lent_to is None, slot.fits(generation)), default=None)
            if best is not None:
                best.state = State.PREPARING
            return best

    def _replace(self, old: Slot, generation: Generation) -> None:
        with self._lock:
            room = len(self._slots) < self.settings.max_workers
            if not self._backs_off():
                old.doom = f"bound to outdated helpers of {generation.path}"
                if not room:
                    self._retire(old)
            new = self._add()
        if new is not None and self._fill(new):
            self.release(new, survives=self._load_recent(new, generation))
        if old in self._slots:
            self.release(old, survives=True)

    def _remove_the_dead(self) -> None:
        with self._lock:
            idle = [slot for slot in self._slots if slot.state is State.IDLE]
        for slot in [slot for slot in idle if not slot.living.is_alive]:
            with self._lock:
                mine = slot.state is State.IDLE and slot in self._slots
                if mine:
                    slot.state = State.PREPARING
            if mine:
                self._discard(slot, "died while idle", was_idle=True)

    def _retire_the_old(self) -> None:
        now = self._clock()
        with self._lock:
            idle = [slot for slot in self._slots if slot.state is State.IDLE]
            for slot in sorted(idle, key=lambda slot: slot.living.holdings.last_used):
                slot.doom = slot.over_limit(self.settings, now)
                if (
                    not slot.doom
                    and self._surplus()
                    and now - slot.living.holdings.last_used >= self.settings.idle_ttl_s
                ):
                    slot.doom = "idle_ttl_s"
                if slot.doom:
                    self._retire(slot)

    def _bury(self, keep: int, deadline: float | None = None) -> None:
        """Stop retired workers but the last ``keep``: tick keeps none, a caller only does what tick does not get to."""
        if len(self._ending) <= keep:
            return
        with self._lock:
            count = len(self._ending) - keep
            ending, self._ending = self._ending[:count], self._ending[count:]
        for worker, why in ending:
            log.info("retired worker %d: %s (%s)", worker.pid, why, self._age(worker))
        end = self._clock() + STOP_S if deadline is None else deadline
        if keep:
            for worker, _ in ending:
                worker.kill()
        else:
            stop_all([worker for worker, _ in ending], end, self._clock)

    def _age(self, worker: Worker) -> str:
        return (
            f"{worker.holdings.execs} execs, {worker.holdings.loads} loads, {self._clock() - worker.started_at:.0f} s"
        )

    def _next_due(self) -> float:
        now = self._clock()
        due = LONGEST_NAP_S
        with self._lock:
            surplus = self._surplus()
            if len(self._slots) < self.settings.warm_workers:
                due = min(due, self._not_before - now)
            for slot in self._slots:
                if slot.state is State.IDLE:
                    if self.settings.ttl_s:
                        due = min(due, slot.living.started_at + self.settings.ttl_s - now)
                    if surplus:
                        due = min(due, slot.living.holdings.last_used + self.settings.idle_ttl_s - now)
        return max(SHORTEST_NAP_S, due)


def _nearness(slot: Slot, generation: Generation | None) -> int:
    """How little is left to do before the worker runs the build as fast as it can."""
    return 0 if generation is None else slot.has(generation) + slot.has_run(generation)


def _preferred(slot: Slot) -> tuple[bool, float]:
    """Of several idle workers the greatest is taken: one that its user had before, and the one used last of those."""
    return slot.lent_to is not None, slot.living.holdings.last_used
