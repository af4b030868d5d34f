"""
A pool for each runtime: made when its first script is used, so that a runtime without scripts costs no process.

Must not know what a runtime is, beyond its name and the settings of its workers.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import PoolExhausted
from runner.worker.loading import try_load

from .late_runs import LateRuns
from .pool import Pool
from .slot import Life, PoolSnapshot
from .upkeep import STOP_S, Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.scripts.current import CurrentScripts
    from runner.scripts.generation import Generation
    from runner.scripts.poison import Poison
    from runner.settings import Settings
    from runner.worker.worker import Worker

    from .slot import Beyond, Slot


CLOSED_S = 60.0  # each of its own waits is shorter; nobody waits for ever for the end of a worker


class Kept:
    """
    One pool, with all that keeps it.

    Attributes:
        runtime: Its name.
        pool: The workers of that runtime, and who waits for them.
        upkeep: Starts, replaces and loads ahead, in a thread of its own.
        late_runs: Finishes what goes on after its caller was answered.
    """

    __slots__ = ("_keeper", "late_runs", "pool", "runtime", "upkeep")

    def __init__(self, runtime: str, pool: Pool, upkeep: Upkeep, late_runs: LateRuns) -> None:
        self.runtime = runtime
        self.pool = pool
        self.upkeep = upkeep
        self.late_runs = late_runs
        self._keeper = threading.Thread(target=upkeep.keep, name=f"keeper {runtime}", daemon=True)

    def await_worker(self, timeout_s: float) -> None:
        """
        Wait until a worker is ready; there is nothing to wait for where all workers are on other machines.

        Raises:
            PoolExhausted: None was, with the reason as its cause.
        """
        if self.pool.settings.max_workers:
            self.upkeep.tick()
            with self.pool.lease(None, time.monotonic() + timeout_s):
                pass

    def keep(self) -> None:
        """Begin the upkeep."""
        self._keeper.start()

    def close(self) -> None:
        """End all of its workers."""
        self.upkeep.close()
        if self._keeper.ident is not None:
            self._keeper.join(STOP_S + self.pool.settings.start_timeout_s)


class Pools:
    """
    The pools of a runner, by the name of the runtime. Safe to use from several threads.

    Args:
        settings_of: The settings of a runtime's workers.
        start: Starts a worker of a runtime.
        poison: Counts the workers that are lost in late runs.
        lost: As for ``Upkeep``.
        loaded: As for ``Upkeep``.

    Attributes:
        by_runtime: Those that are in use, by the name of the runtime.
    """

    def __init__(
        self,
        settings_of: Callable[[str], Settings],
        start: Callable[[str], Worker],
        poison: Poison,
        lost: Callable[[Generation], object],
        loaded: Callable[[Generation], object],
    ) -> None:
        self._settings_of = settings_of
        self._start = start
        self._poison = poison
        self._lost = lost
        self._loaded = loaded
        self.beyond: Beyond | None = None
        """Workers of other machines; None for none."""
        self.by_runtime: dict[str, Kept] = {}
        self._is_closed = False
        self._lock = threading.Lock()

    def of(self, runtime: str) -> Kept:
        """
        The pool of a runtime; made now where this is its first use.

        Raises:
            PoolExhausted: There was none, and all are closed.
        """
        kept = self.by_runtime.get(runtime)
        return kept or self._made(runtime, keeps=True)

    def first(self, runtime: str) -> Kept:
        """As ``of``, for whoever begins with it: its upkeep is done by ``tick`` until ``Kept.keep`` is called."""
        return self.by_runtime.get(runtime) or self._made(runtime, keeps=False)

    def of_slot(self, slot: Slot) -> Pool | Beyond:
        """The pool of a slot that has a worker."""
        return slot.beyond or self.by_runtime[slot.living.holdings.runtime].pool

    def all(self) -> list[Kept]:
        """Those that are in use."""
        return list(self.by_runtime.values())

    def take_settings(self, settings_of: Callable[[str], Settings]) -> None:
        """The settings were read again."""
        with self._lock:
            self._settings_of = settings_of
            for runtime, kept in self.by_runtime.items():
                kept.pool.settings = settings_of(runtime)
        for kept in self.all():
            kept.pool.wake.set()

    def loaded(self, generation: Generation, scripts: CurrentScripts) -> Generation:
        """
        Load a build in a worker of it, each try within ``first_exec_timeout_s``; a source is compiled before that.

        Returns:
            The build, or the one that has what it needs beside its helpers.

        Raises:
            ScriptError: It cannot be loaded.
            PoolExhausted, CompilerLost: As ``CurrentScripts.ready``.
            WorkerError: A worker was lost, or there was none.
        """
        pool = self.first(generation.runtime).pool
        while True:
            generation = scripts.ready(generation, may_replace=False)
            deadline = time.monotonic() + pool.settings.first_exec_timeout_s
            with pool.lease(generation, deadline) as worker:
                load = partial(_load_unless_there, worker, deadline)
                loaded = try_load(load, generation, accept=scripts.accept, extend=scripts.extend)
            if loaded is generation:
                return generation
            generation = loaded

    def release(self, slot: Slot, *, survives: bool) -> None:
        """As ``Pool.release``."""
        self.of_slot(slot).release(slot, survives=survives)

    def warming(self) -> dict[int, tuple[str, float]]:
        """As ``Warming.now``."""
        return {pid: found for kept in self.all() for pid, found in kept.pool.warming.now().items()}

    def reset(self) -> None:
        """Replace all workers."""
        for kept in self.all():
            kept.upkeep.reset()

    def snapshot(self) -> PoolSnapshot:
        """What all of them look like now, as one."""
        shots = [kept.pool.snapshot() for kept in self.all()]
        shots += [self.beyond.snapshot()] if self.beyond is not None else []
        failing = max(shots, key=lambda shot: shot.start_failures, default=None)
        return PoolSnapshot(
            workers=tuple(worker for shot in shots for worker in shot.workers),
            starting=sum(shot.starting for shot in shots),
            ending=sum(shot.ending for shot in shots),
            waiting=sum(shot.waiting for shot in shots),
            start_failures=failing.start_failures if failing else 0,
            next_start_s=failing.next_start_s if failing else 0.0,
            start_error=failing.start_error if failing else "",
            life=sum((shot.life for shot in shots), Life()),
        )

    def close(self) -> None:
        """End all workers; callers get ``PoolExhausted`` from now on."""
        with self._lock:
            self._is_closed = True
        closing = [threading.Thread(target=kept.close, name="close", daemon=True) for kept in self.all()]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(CLOSED_S)

    def _made(self, runtime: str, *, keeps: bool) -> Kept:
        with self._lock:
            kept = self.by_runtime.get(runtime)
            if kept is not None:
                return kept
            if self._is_closed:
                raise PoolExhausted("the pool is closed")
            pool = Pool(self._settings_of(runtime), lambda: self._start(runtime))
            upkeep = Upkeep(pool, lost=self._lost, loaded=self._loaded)
            kept = Kept(runtime, pool, upkeep, LateRuns(pool, self._poison))
            self.by_runtime[runtime] = kept
        if keeps:
            kept.keep()
        return kept


def _load_unless_there(worker: Worker, deadline: float, generation: Generation) -> tuple[str, ...]:
    return () if worker.holdings.has(generation) else worker.load(generation, deadline)
