"""Workers without a process, where they are started, and callers that hold them: for the tests of the pool."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING

from runner.pool.pool import Pool
from runner.pool.upkeep import Upkeep
from runner.scripts.generation import Generation, Helper, Part
from runner.worker.holdings import Holdings
from runner.worker.worker import Worker as LiveWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.pool.slot import Slot
    from runner.settings import Settings

SOON_S = 30.0
"""Longest wait for what should come at once: it only keeps a broken test from hanging."""


def Lib(content: str) -> Helper:  # noqa: N802 - reads as what it makes
    return Helper(Part("/lib.dll", content))


def Build(number: str, path: str = "/a.exe", helpers: dict[str, Helper | None] | None = None) -> Generation:  # noqa: N802
    return Generation(number, path, Part(path, number), None, None, helpers or {})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Worker(LiveWorker):
    """A worker without a process: it does what it is told and remembers it."""

    is_alive = True

    def __init__(self, pid: int, clock: Callable[[], float]) -> None:
        self.pid = pid
        self.started_at = clock()
        self.version = "6.8"
        self.holdings = Holdings(last_used=clock())
        self.ended = ""
        self.memory_kib = 1024
        self.fail_load: Exception | None = None
        self.ends_at_load = False
        self.fail_finish: Exception | None = None
        self.needs: tuple[str, ...] = ()
        self._clock = clock

    def rss_kib(self) -> int:
        return self.memory_kib

    def load(self, generation: Generation, deadline: float, **_: object) -> tuple[str, ...]:
        assert deadline > self._clock()
        if self.fail_load:
            self.is_alive = not self.ends_at_load
            raise self.fail_load
        if self.needs:
            return self.needs
        self.holdings.loads += 1
        self.holdings.loaded[generation.path] = generation
        self.holdings.bound |= {name: lib.hash for name, lib in generation.helpers.items() if lib}
        return ()

    def run(self, generation: Generation) -> None:
        if not self.holdings.has(generation):
            self.load(generation, self._clock() + 1)
        self.holdings.execs += 1
        self.holdings.ran[generation.path] = generation.id
        self.holdings.last_used = self._clock()

    def finish(self, generation: Generation, deadline: float) -> None:
        assert deadline > self._clock()
        if self.fail_finish:
            raise self.fail_finish
        self.run(generation)

    def stop(self, deadline: float) -> None:
        assert deadline
        self.is_alive = False
        self.ended = self.ended or "stopped"

    def kill(self) -> None:
        self.is_alive = False
        self.ended = self.ended or "killed"


class Stable:
    """Starts workers and keeps all it ever started."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.all: list[Worker] = []
        self.fails: Exception | None = None
        self.tries = 0
        self.gate = threading.Event()
        self.gate.set()
        self.fail_load: Exception | None = None
        self.ends_at_load = False
        self._clock = clock
        self._pids = itertools.count(100)

    def __call__(self) -> Worker:
        self.tries += 1
        assert self.gate.wait(SOON_S)
        if self.fails:
            raise self.fails
        worker = Worker(next(self._pids), self._clock)
        worker.fail_load, worker.ends_at_load = self.fail_load, self.ends_at_load
        self.all.append(worker)
        return worker

    @property
    def ended(self) -> dict[int, str]:
        return {worker.pid: worker.ended for worker in self.all if worker.ended}


class KeptPool(Pool):
    """A pool with its upkeep."""

    def __init__(self, settings: Settings, start: Stable, clock: Callable[[], float]) -> None:
        super().__init__(settings, start, clock)
        self.lost: list[Generation] = []
        self.upkeep = Upkeep(self, self.lost.append)


class Held:
    """A lease held by another thread until ``release``."""

    def __init__(self, pool: Pool, generation: Generation | None = None, deadline_s: float = SOON_S) -> None:
        self._leave = threading.Event()
        self.has = threading.Event()
        self.worker: LiveWorker | None = None
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(pool, generation, time.monotonic() + deadline_s))
        self._thread.start()

    def _run(self, pool: Pool, generation: Generation | None, deadline: float) -> None:
        try:
            with pool.lease(generation, deadline) as self.worker:
                self.has.set()
                assert self._leave.wait(SOON_S)
        except Exception as error:  # noqa: BLE001  # handed to the test
            self.error = error
            self.has.set()

    def release(self) -> None:
        self._leave.set()
        self._thread.join(SOON_S)
        assert not self._thread.is_alive()


def living(slot: Slot) -> Worker:
    assert isinstance(slot.living, Worker)
    return slot.living


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON_S
    while not what():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(0.001)


def soon() -> float:
    return time.monotonic() + SOON_S
