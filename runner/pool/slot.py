"""
A worker's place in the pool: what it is doing, whether it fits a script, whether it is due to be retired.

Must not lock, and must not do I/O under the pool's lock: all of this only reads attributes, except where it says so.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.scripts.generation import Generation
    from runner.settings import Settings
    from runner.worker.worker import Worker

KIB_PER_MIB = 1024
# Share of max_jobs by which the limit of each worker is lowered at random, so that workers that were started together
# are not all replaced at once.
JITTER = 0.1
OUTDATED = "bound to outdated helpers"  # how the reason begins that names the script behind it
GRACE_S = 0.5  # Worker.stop keeps to the deadline by itself; when it is this late, it is stuck


class State(StrEnum):
    """What a slot is doing. Only an idle one may be taken; each other state has an owner, who will change it."""

    STARTING = "starting"
    IDLE = "idle"
    LEASED = "leased"
    PREPARING = "preparing"


@dataclass(slots=True)
class Life:
    """
    How many workers a pool has started and ended.

    Attributes:
        started: Those that became ready.
        failed: Starts that failed.
        ended: By reason, in few words.
    """

    started: int = 0
    failed: int = 0
    ended: dict[str, int] = field(default_factory=dict)

    def note_end(self, reason: str) -> None:
        """One has left the pool."""
        short = OUTDATED if reason.startswith(OUTDATED) else reason.partition(",")[0]
        self.ended[short] = self.ended.get(short, 0) + 1

    def __add__(self, other: Life) -> Life:
        reasons = {**self.ended, **other.ended}
        ended = {reason: self.ended.get(reason, 0) + other.ended.get(reason, 0) for reason in reasons}
        return Life(self.started + other.started, self.failed + other.failed, ended)


@dataclass(frozen=True, slots=True)
class WorkerSnapshot:
    """One worker as it was; times in seconds. ``loaded`` are paths, ``builds`` their builds, ``helpers`` names.

    ``node`` is "" for this machine.
    """

    pid: int
    state: str
    execs: int
    loads: int
    age_s: float
    unused_s: float
    loaded: tuple[str, ...]
    helpers: tuple[str, ...]
    retire_reason: str
    runtime: str = ""
    version: str = ""
    node: str = ""
    builds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """
    The pool as it was.

    ``start_failures`` counts the starts that have failed since a worker last served, and ``start_error`` is the reason
    of the last one. ``next_start_s`` is 0 when a worker may be started now.
    """

    workers: tuple[WorkerSnapshot, ...]
    starting: int
    ending: int
    waiting: int
    start_failures: int
    next_start_s: float
    start_error: str
    life: Life

    @property
    def pids(self) -> tuple[int, ...]:
        """The workers, smallest pid first."""
        return tuple(sorted(worker.pid for worker in self.workers))


class Beyond(Protocol):
    """Where a worker comes from that is none of this machine's: it takes the place of its pool."""

    def release(self, slot: Slot, *, survives: bool) -> None:
        """As ``Pool.release``."""

    def abandon(self, slot: Slot) -> None:
        """As ``Pool.abandon``."""

    def wants_back(self, slot: Slot) -> str:
        """As ``Pool.wants_back``."""

    def snapshot(self) -> PoolSnapshot:
        """As ``Pool.snapshot``."""


@dataclass(eq=False, slots=True)
class Slot:
    """A place in the pool. It is changed under the lock of ``Slots``, or by whoever owns its state."""

    max_jobs: int
    """Execs of this worker, jitter included; 0 for no limit."""
    state: State = State.STARTING
    worker: Worker | None = None
    """None while it starts."""
    is_lent: bool = False
    """Whether another process holds the worker's wire. It may keep it for as long as it likes."""
    is_kept: bool = False
    """Whether the process that holds the wire keeps it between execs, so that nobody knows when it comes back."""
    lent_to: int | None = None
    """
    The user of the first client that the worker was lent to; None while it never was.

    A client that holds a wire can make the worker load any code, and may keep copies of the wire when it gives it
    back, so it controls the worker from then on. That is why a worker serves clients of one user for as long as it
    lives, and why only a worker that was never lent is believed about a build.
    """
    retire_reason: str = ""
    """Why the worker is retired when it is released; empty when it is not."""
    beyond: Beyond | None = None
    """Where it comes from and goes to; None: a pool of this process."""
    is_behind: bool = False
    """Whether a build was loaded ahead elsewhere while the worker was busy, and is to be loaded when it is released."""

    @property
    def living(self) -> Worker:
        """The worker of a slot that has one."""
        if self.worker is None:
            raise RuntimeError("this slot has no worker yet")
        return self.worker

    def may_serve(self, user: int | None) -> bool:
        """Whether a client of that user may have the worker; None: this process, which takes none that was lent."""
        return self.lent_to is None or self.lent_to == user

    def fits(self, generation: Generation | None) -> bool:
        """Whether the worker may load the generation; None stands for any."""
        return generation is None or self.living.holdings.fits(generation)

    def has(self, generation: Generation | None) -> bool:
        """Whether the worker has the generation loaded."""
        return generation is not None and self.worker is not None and self.worker.holdings.has(generation)

    def has_run(self, generation: Generation) -> bool:
        """Whether the worker has the generation loaded and has run it to an end, so that it is no longer slow."""
        worker = self.worker
        return worker is not None and worker.holdings.has_run(generation)

    def has_older(self, generation: Generation) -> bool:
        """Whether another generation of the same script is loaded here."""
        return generation.path in self.living.holdings.loaded and not self.has(generation)

    def rank(self, generation: Generation | None) -> tuple[int, bool, float]:
        """
        Of several idle workers that may run a build, the one with the greatest rank is taken.

        First counts how little is left to do before it runs the build at full speed. Then comes a worker that its user
        has had before, because one that was never lent may serve anybody. Then the one that was used last.
        """
        nearness = 0 if generation is None else self.has(generation) + self.has_run(generation)
        return nearness, self.lent_to is not None, self.living.holdings.last_used

    def over_limit(self, settings: Settings, now: float) -> str:
        """Why the worker should run no further exec, such as a limit's name; else empty. Does not look at memory."""
        worker = self.worker or self.living
        holdings = worker.holdings
        if holdings.retire_reason and (reason := worker.retire_reason):
            return reason
        if self.max_jobs and holdings.execs >= self.max_jobs:
            return "max_jobs"
        if settings.max_loads and holdings.loads >= settings.max_loads:
            return "max_loads"
        if settings.ttl_s and now - worker.started_at >= settings.ttl_s:
            return "ttl_s"
        return ""

    def over_memory(self, settings: Settings) -> str:
        """As ``over_limit``, for ``max_worker_memory_mib``. Asks the kernel, so it is never called under the lock."""
        if settings.max_worker_memory_mib:
            mib = self.living.rss_kib() // KIB_PER_MIB
            if mib > settings.max_worker_memory_mib:
                return f"max_worker_memory_mib, {mib} MiB"
        return ""

    def snapshot(self, now: float) -> WorkerSnapshot:
        """The worker as it is now; only for a slot that has a worker."""
        worker, holdings = self.living, self.living.holdings
        loaded = dict(holdings.loaded)  # another thread may load meanwhile
        return WorkerSnapshot(
            pid=worker.pid,
            state=self.state.value,
            execs=holdings.execs,
            loads=holdings.loads,
            age_s=now - worker.started_at,
            unused_s=now - holdings.last_used,
            loaded=tuple(loaded),
            builds=tuple(generation.id for generation in loaded.values()),
            helpers=tuple(holdings.bound),
            retire_reason=self.retire_reason,
            runtime=holdings.runtime,
            version=worker.version,
            node=worker.node,
        )

    def __repr__(self) -> str:
        return f"{self.worker.pid} {self.state}" if self.worker else str(self.state)


def jobs_limit(settings: Settings) -> int:
    """``max_jobs`` for one worker, lowered by up to ``JITTER``; 0 for no limit."""
    if not settings.max_jobs:
        return 0
    spread = settings.max_jobs * JITTER
    return max(1, settings.max_jobs - int(random.random() * spread))  # noqa: S311  # spreads load, guards nothing


def stop_all(workers: Sequence[Worker], deadline: float, clock: Callable[[], float]) -> None:
    """Stop workers in parallel until ``deadline``; those that are left then are killed."""
    stopping: list[tuple[Worker, threading.Thread]] = []
    for worker in workers:
        thread = threading.Thread(target=worker.stop, args=(deadline,), name=f"stop {worker.pid}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the kernel gives no thread, so it cannot be stopped politely
            worker.kill()
        else:
            stopping.append((worker, thread))
    for worker, thread in stopping:
        thread.join(max(0.0, deadline - clock()) + GRACE_S)
        if thread.is_alive():
            worker.kill()
