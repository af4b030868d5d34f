"""
A caller takes a worker and gives it back.

Must not know what a worker says to its script. State changes under the lock; whatever may take time (start, kill, log)
happens outside it, on a slot that was marked before.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from runner.errors import ExecTimeout, PoolExhausted, RunnerError, WorkerError

from .queue import Queue, Request
from .slot import Life, PoolSnapshot, Slot, State
from .slots import Slots
from .warming import Warming

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.scripts.generation import Generation
    from runner.settings import Settings
    from runner.worker.worker import Worker

log = logging.getLogger("runner.pool")

DIED_IDLE = "died while idle"
# How long a caller waits for a worker that loads a build ahead before it starts another one. A load is usually much
# shorter than a start; one that computes for long in a static constructor must not hold up the caller.
LOADING_S = 0.05
_IDLE, _LEASED = State.IDLE, State.LEASED  # a look at an Enum's member is a call of Python


class _Lease:
    """What ``Pool.lease`` gives: a class, as a generator would cost every exec as much as the rest of the pool."""

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
    Workers, and the callers that wait for them.

    Workers are started by the callers that need them and by ``Upkeep``, never by the constructor. A worker that was
    retired and not stopped yet does not count as one of ``max_workers``, so that nobody waits for its end.

    Args:
        settings: Sizes, limits and times.
        start: Starts one worker and returns when it is ready, or raises ``WorkerFailedToStart``; bounded by itself.
        clock: Monotonic seconds; every ``deadline`` is on this clock.
    """

    __slots__ = ("_clock", "_lock", "_start", "_waiting", "queue", "slots", "wake", "warming")

    def __init__(
        self, settings: Settings, start: Callable[[], Worker], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.warming = Warming(settings, clock)
        """Which builds are slow at first, and how many workers run one for the first time."""
        self.slots = Slots(settings, clock)
        """What ``Upkeep`` shares with this pool."""
        self.queue = Queue(self.slots, self.warming)
        """The callers that wait."""
        self.wake = self.slots.wake
        """Set it to make upkeep look again at once, for example when a worker's pipe was closed."""
        self._start = start
        self._clock = clock
        self._lock = self.slots.lock
        self._waiting = self.queue.requests

    @property
    def settings(self) -> Settings:
        """Sizes, limits and times; a daemon that reads its settings again replaces them."""
        return self.slots.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.slots.settings = self.warming.settings = settings

    @property
    def is_closed(self) -> bool:
        """Whether the pool was closed. Workers that are still busy then are ended."""
        return self.slots.is_closed

    # A caller takes a slot and gives it back.

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

    def acquire(
        self, generation: Generation | None, deadline: float, user: int | None = None, *, may_start: bool = True
    ) -> Slot:
        """
        As ``lease``, without its end: the caller owns the slot until it calls ``release``.

        Args:
            generation: As for ``lease``.
            deadline: As for ``lease``.
            user: The user whose client will have the worker; None: this process uses it itself.
            may_start: Whether the caller may start a worker itself; False: it only takes one that comes free.
        """
        begin = self._clock()
        if deadline <= begin:
            raise PoolExhausted(f"the deadline passed {begin - deadline:.2f} s before a worker was asked for")
        if generation is not None and (slot := self.at_once(generation, user)) is not None:
            return slot
        request = Request(generation, user, may_start=may_start)
        with self._lock:
            if generation is not None:
                self.slots.use(generation)
            self.queue.enter(request)
        try:
            return self._wait(request, begin, deadline)
        except BaseException:
            with self._lock:
                self.queue.withdraw(request)
            raise

    def at_once(self, generation: Generation, user: int | None = None) -> Slot | None:
        """As ``acquire`` in the common case: nobody waits, and an idle worker has the generation. Else None."""
        slots, path = self.slots, generation.path
        with self._lock:
            if self._waiting or slots.is_closed or slots.recent.get(path) is not generation:
                return None
            # The one released last was used last; but a client is best off with what its user had before.
            best = slots.released
            if (
                best is None
                or best.state is not _IDLE
                or best.lent_to != user
                or best.worker is None
                or best.worker.holdings.ran.get(path) != generation.id
            ):
                best = slots.best_loaded(generation, user)
                if best is None or (not best.has_run(generation) and self.warming.is_slow(generation, user)):
                    return None
            best.state = _LEASED
            slots.recent.move_to_end(path)
        if best.worker is not None and best.worker.is_alive:
            return best
        self.discard_dead(best)
        return None

    def acquire_loaded(self, generation: Generation, user: int) -> Slot | None:
        """As ``acquire``, but only an idle worker that has the generation loaded, now; None when there is none."""
        with self._lock:
            best = self.slots.best_loaded(generation, user)
            if best is None or self._waiting or self.slots.is_closed:
                return None
            best.state = _LEASED
        if best.living.is_alive:
            return best
        self.discard_dead(best)
        return None

    def release(self, slot: Slot, *, survives: bool) -> None:
        """
        Give a slot back: its worker is idle again, retired, or killed; then waiting callers are served.

        ``runner/lane/_slot.c`` does the same where it only becomes idle.
        """
        if slot.beyond is not None:
            slot.beyond.release(slot, survives=survives)
            return
        worker, slots = slot.worker, self.slots
        if worker is None or not survives or not worker.is_alive:
            self.discard(slot, "died" if survives else "lost")
            return
        settings = slots.settings
        memory = slot.over_memory(settings) if settings.max_worker_memory_mib else ""
        with self._lock:
            if slots.start_error is not None and slot.state is _LEASED:
                slots.backoff.failures, slots.start_error = 0, None  # a worker has served: mono starts
            reason = slot.retire_reason or slot.over_limit(settings, self._clock()) or memory
            if slots.is_closed:
                reason = "close"
            if reason:
                slots.retire(slot, reason)
            else:
                slot.state = _IDLE
                slots.released = slot
                if slot.is_behind:
                    slot.is_behind = False
                    slots.wake.set()
            if self._waiting:
                self.queue.assign()
        if slots.retired:
            self._kill_retired()

    def start(self, slot: Slot) -> bool:
        """Start the worker of a new slot and mark it leased; False when that failed and the slot is gone."""
        try:
            worker = self._start()
        except BaseException as error:
            with self._lock:
                self.slots.remove(slot)
                self.slots.life.failed += 1
                if not isinstance(error, RunnerError):
                    self.queue.assign()
                    raise
            self._pause_starts(error)
            return False
        with self._lock:
            slot.worker, slot.state = worker, _LEASED
            self.slots.life.started += 1
            self.slots.backoff.retry_now()
            is_closed = self.slots.is_closed
        if is_closed:
            self.discard(slot, "started while the pool was closed")
        return not is_closed

    def discard(self, slot: Slot, what: str) -> None:
        """Drop a worker that is dead or in an unknown state, and kill what is left of it."""
        with self._lock:
            self.slots.life.note_end(what)
            self.slots.remove(slot)
            self.queue.assign()
        worker = slot.living
        worker.kill()
        log.warning("worker %d: %s (%s)", worker.pid, what, self.slots.service(worker))
        self.wake.set()

    def discard_dead(self, slot: Slot) -> None:
        """Drop a worker that was idle when it died."""
        if slot.living.holdings.execs == 0:
            # Started, but never of any use. Pause before upkeep is woken, or this goes on as fast as mono starts.
            self._pause_starts(WorkerError(f"worker {slot.living.pid}: {DIED_IDLE} before its first exec"))
        self.discard(slot, DIED_IDLE)

    def abandon(self, slot: Slot) -> None:
        """Forget a leased worker without ending it."""
        with self._lock:
            self.slots.life.note_end("abandoned")
            self.slots.remove(slot)

    # Questions of those who take or keep a slot.

    def use(self, generation: Generation) -> None:
        """A generation is in use: from now on idle workers load it ahead."""
        with self._lock:
            self.slots.use(generation)
        self.wake.set()

    def warm(self, generation: Generation, user: int | None) -> int:
        """How many of the workers that a client of that user may have have run a build."""
        with self._lock:
            return sum(slot.has_run(generation) and slot.may_serve(user) for slot in self.slots.all)

    def may_wait(self, generation: Generation, user: int | None) -> bool:
        """Whether a build is slow the first time, and a worker that has run it will soon be free."""
        with self._lock:
            return bool(self.queue.warm(generation, user))

    def waiting_users(self) -> set[int]:
        """The users whose clients wait for a worker now."""
        with self._lock:
            return self.queue.users()

    def wants_back(self, slot: Slot) -> str:
        """Why a leased worker should be given back soon: a limit, or a better worker is ready. Else empty."""
        settings = self.slots.settings
        memory = slot.over_memory(settings)
        with self._lock:
            slot.retire_reason = slot.retire_reason or slot.over_limit(settings, self._clock()) or memory
            if slot.retire_reason:
                return slot.retire_reason
            idle = self.slots.idle()
            for path in slot.living.holdings.loaded:
                newer = self.slots.recent.get(path)
                if (
                    newer is not None
                    and not slot.has(newer)
                    and any(other.has(newer) and other.may_serve(slot.lent_to) for other in idle)
                ):
                    return f"a worker with the new build of {path} is ready"
        return ""

    def snapshot(self) -> PoolSnapshot:
        """What the pool looks like now."""
        slots, now = self.slots, self._clock()
        with self._lock:
            return PoolSnapshot(
                workers=tuple(slot.snapshot(now) for slot in slots.all if slot.worker is not None),
                starting=sum(slot.state is State.STARTING for slot in slots.all),
                ending=len(slots.retired),
                waiting=len(self._waiting),
                start_failures=slots.backoff.failures,
                next_start_s=slots.backoff.left_s(),
                start_error=str(slots.start_error or ""),
                life=slots.life + Life(),
            )

    def __repr__(self) -> str:
        with self._lock:
            slots = ", ".join(map(repr, self.slots.all)) or "none"
            closed = "closed, " if self.slots.is_closed else ""
            size = f"{len(self.slots.all)}/{self.slots.settings.max_workers}"
            return f"<Pool {closed}{size}: {slots}; {len(self._waiting)} waiting>"

    def _wait(self, request: Request, begin: float, deadline: float) -> Slot:
        limit = min(deadline, begin + self.slots.settings.allocate_timeout_s)
        if not request.event.wait(max(0.0, min(limit - self._clock(), LOADING_S))):
            with self._lock:
                request.is_patient = False
                self.queue.assign()
        while True:
            request.event.wait(max(0.0, limit - self._clock()))
            with self._lock:
                slot, request.slot = request.slot, None
                if slot is None:
                    waited = f"no worker was free for {self._clock() - begin:.2f} s; {self.queue.numbers()}"
                    raise PoolExhausted(request.refusal or waited) from self.slots.start_error
            self._kill_retired()
            if slot.state is not State.STARTING:
                if slot.living.is_alive:
                    return slot
                self.discard_dead(slot)
            elif self.start(slot):
                if self._clock() < deadline:
                    return slot
                self.release(slot, survives=True)
                raise PoolExhausted(f"a worker was ready only after {self._clock() - begin:.2f} s")
            with self._lock:
                self.queue.put_back(request)

    def _pause_starts(self, error: RunnerError) -> None:
        """Pause all starts, twice as long after each failure until a worker has served."""
        backoff, pause_s = self.slots.backoff, 0.0
        with self._lock:
            if not backoff.is_waiting():  # two starts that fail at the same time are one step
                pause_s = backoff.fail()
                self.slots.start_error = error
            failures = backoff.failures
            self.queue.assign()
        if pause_s:
            log.warning("a worker did not start (%d in a row), next try in %.1f s: %s", failures, pause_s, error)

    def _kill_retired(self) -> None:
        """Kill retired workers that upkeep has not stopped, so that callers alone never pile them up."""
        if len(self.slots.retired) > self.slots.settings.max_workers:
            for worker in self.slots.take_retired(keep=self.slots.settings.max_workers):
                worker.kill()
