"""runner.pool: who serves next, who is retired and why."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import PoolExhausted, ScriptError, ScriptInvalid, WorkerDied, WorkerFailedToStart
from runner.pool.pool import Pool
from runner.pool.upkeep import Upkeep
from runner.scripts.generation import Generation, Helper, Part
from runner.settings import Settings
from runner.worker.holdings import Holdings
from runner.worker.worker import Worker as LiveWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.pool.slot import Slot

SOON_S = 5.0


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
        self.holdings = Holdings(last_used=clock())
        self.ended = ""
        self.memory_kib = 1024
        self.fail_load: Exception | None = None
        self.needs: tuple[str, ...] = ()
        self._clock = clock

    def rss_kib(self) -> int:
        return self.memory_kib

    def load(self, generation: Generation, deadline: float, **_: object) -> tuple[str, ...]:
        assert deadline > self._clock()
        if self.fail_load:
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
        self._clock = clock
        self._pids = itertools.count(100)

    def __call__(self) -> Worker:
        self.tries += 1
        assert self.gate.wait(SOON_S)
        if self.fails:
            raise self.fails
        worker = Worker(next(self._pids), self._clock)
        worker.fail_load = self.fail_load
        self.all.append(worker)
        return worker

    @property
    def ended(self) -> dict[int, str]:
        return {worker.pid: worker.ended for worker in self.all if worker.ended}


class KeptPool(Pool):
    """A pool with its upkeep."""

    def __init__(self, settings: Settings, start: Stable, clock: Callable[[], float]) -> None:
        super().__init__(settings, start, clock)
        self.upkeep = Upkeep(self)


class Held:
    """A lease held by another thread until it is let go."""

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

    def let_go(self) -> None:
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


@pytest.fixture
def stable() -> Stable:
    return Stable()


@pytest.fixture
def make(stable: Stable) -> Iterator[Callable[..., KeptPool]]:
    pools: list[KeptPool] = []

    def make(clock: Callable[[], float] = time.monotonic, **settings: Any) -> KeptPool:
        stable._clock = clock
        pool = KeptPool(
            Settings(**({"allocate_timeout_s": SOON_S, "destroy_timeout_s": 0.05} | settings)), stable, clock
        )
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.upkeep.close()


Make = Any  # Callable[..., KeptPool]; the fixture's type


def test_a_worker_is_started_by_the_first_caller_and_kept(make: Make, stable: Stable) -> None:
    pool = make()

    with pool.lease(None, soon()) as first:
        pass
    with pool.lease(None, soon()) as second:
        pass

    assert first is second
    assert stable.tries == 1
    assert repr(pool) == "<Pool 1/4: 100 idle; 0 waiting>"


def test_the_worker_that_has_the_generation_is_preferred_then_the_most_recently_used(make: Make) -> None:
    pool = make(num_workers=3, spare_workers=0)
    pool.upkeep.tick()
    one, two, three = (slot.living for slot in pool.slots.all)
    one.run(Build("1"))
    two.run(Build("2"))
    three.run(Build("3", "/other.exe"))

    with pool.lease(Build("1"), soon()) as has_it:
        assert has_it is one
    with pool.lease(Build("9", "/new.exe"), soon()) as recent:
        assert recent is three
    assert two.is_alive


def test_a_worker_bound_to_another_content_of_a_helper_is_not_chosen(make: Make) -> None:
    pool = make()
    with pool.lease(None, soon()) as bound:
        bound.run(Build("1", helpers={"H": Lib("old")}))

    b = Build("2", "/b.exe", {"H": Lib("new")})
    with pool.lease(b, soon()) as other:
        assert other is not bound
        other.run(b)
    with pool.lease(Build("4", "/d.exe", {"H": Lib("old"), "I": Lib("x")}), soon()) as same:
        assert same is bound
    with pool.lease(Build("3", "/c.exe", {"H": None}), soon()) as without:
        assert without not in (bound, other)


def test_without_room_the_least_recently_used_incompatible_worker_makes_place(make: Make, stable: Stable) -> None:
    pool = make(num_workers=2, max_workers=2, spare_workers=0)
    pool.upkeep.tick()
    for index, slot in enumerate(list(pool.slots.all)):
        slot.living.run(Build(str(index), helpers={"H": Lib(str(index))}))

    with pool.lease(Build("9", helpers={"H": Lib("9")}), soon()) as fresh:
        assert fresh.pid == 102
    pool.upkeep.tick()

    assert stable.ended == {100: "stopped"}
    assert pool.snapshot().pids == (101, 102)


def test_two_scripts_with_different_helpers_alternate_without_starting_again(make: Make, stable: Stable) -> None:
    pool = make()
    builds = [Build("a", "/a.exe", {"H": Lib("a")}), Build("b", "/b.exe", {"H": Lib("b")})]

    for build in builds * 500:
        with pool.lease(build, soon()) as worker:
            worker.run(build)
            assert worker.holdings.bound == {"H": build.id}

    assert stable.tries == 2


def test_callers_are_served_in_the_order_they_came(make: Make) -> None:
    pool = make(max_workers=1)
    first = Held(pool)
    assert first.has.wait(SOON_S)
    waiting = []
    for count in range(1, 4):
        waiting.append(Held(pool))
        until(partial(lambda count: pool.snapshot().waiting == count, count))

    for before, held in zip([first, *waiting], waiting, strict=False):
        assert not held.has.is_set()
        before.let_go()
        assert held.has.wait(SOON_S)
        assert held.error is None
    waiting[-1].let_go()

    assert pool.snapshot().pids == (100,)


def test_no_two_callers_hold_one_worker(make: Make) -> None:
    pool = make(max_workers=3, max_queue_size=50)
    held: set[int] = set()
    most = []

    def run(number: int) -> None:
        build = Build("x", helpers={"H": Lib(str(number % 4))})
        for _ in range(30):
            with pool.lease(build, time.monotonic() + 30) as worker:
                assert worker.pid not in held
                held.add(worker.pid)
                most.append(len(held))
                worker.run(build)
                held.remove(worker.pid)
            pool.upkeep.tick()

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(run, range(12)))

    assert max(most) <= 3
    assert pool.snapshot().waiting == 0


def test_a_caller_waits_no_longer_than_allocate_timeout(make: Make) -> None:
    pool = make(max_workers=1, allocate_timeout_s=0.02)

    with (
        pool.lease(None, soon()),
        pytest.raises(PoolExhausted, match=r"no worker free after 0.0.*1 of 1 workers"),
        pool.lease(None, soon()),
    ):
        pass

    assert pool.snapshot().waiting == 0


def test_a_caller_waits_no_longer_than_its_deadline(make: Make) -> None:
    pool = make(max_workers=1)

    with pool.lease(None, soon()), pytest.raises(PoolExhausted), pool.lease(None, time.monotonic() + 0.02):
        pass
    with pytest.raises(PoolExhausted, match="deadline passed"), pool.lease(None, time.monotonic() - 1):
        pass


def test_a_caller_is_refused_at_once_when_too_many_wait(make: Make) -> None:
    pool = make(max_workers=1, max_queue_size=1)
    first = Held(pool)
    assert first.has.wait(SOON_S)
    second = Held(pool)
    until(lambda: pool.snapshot().waiting == 1)

    with pytest.raises(PoolExhausted, match="1 callers wait already"), pool.lease(None, soon()):
        pass

    first.let_go()
    second.let_go()
    assert second.error is None


def test_an_error_of_the_script_keeps_the_worker(make: Make) -> None:
    pool = make()

    with pytest.raises(ScriptError), pool.lease(None, soon()):
        raise ScriptError("boom")

    assert pool.snapshot().pids == (100,)


@pytest.mark.parametrize("error", [WorkerDied("gone"), ValueError("a bug of the host"), KeyboardInterrupt()])
def test_any_other_error_costs_the_worker(make: Make, stable: Stable, error: BaseException) -> None:
    pool = make()

    with pytest.raises(type(error)), pool.lease(None, soon()):
        raise error

    assert stable.ended == {100: "killed"}
    assert pool.snapshot().pids == ()
    assert pool.wake.is_set()


def test_a_worker_that_died_idle_is_never_handed_out(make: Make, stable: Stable) -> None:
    pool = make()
    with pool.lease(None, soon()) as worker:
        worker.run(Build("1"))
    worker.is_alive = False

    with pool.lease(None, soon()) as other:
        assert other is not worker

    assert stable.ended == {100: "killed"}


@pytest.mark.parametrize(
    ("settings", "use", "line"),
    [
        ({"max_jobs": 2, "max_jobs_jitter": 0}, {"execs": 2}, "max_jobs (2 execs, 0 loads, 0 s)"),
        ({"max_loads": 3}, {"loads": 3}, "max_loads (0 execs, 3 loads, 0 s)"),
        ({"max_worker_memory_mib": 10}, {"memory_kib": 11 * 1024}, "max_worker_memory_mib, 11 MiB (0 execs"),
        ({"ttl_s": 30}, {"started_at": 0.0}, "ttl_s (0 execs, 0 loads, 1000 s)"),
    ],
)
def test_a_worker_over_a_limit_is_retired_after_its_lease(
    make: Make, caplog: pytest.LogCaptureFixture, settings: dict[str, Any], use: dict[str, Any], line: str
) -> None:
    caplog.set_level(logging.INFO, "runner.pool")
    clock = Clock()
    pool = make(clock, **settings)

    with pool.lease(None, clock() + 1) as worker:
        for name, value in use.items():
            setattr(worker.holdings if hasattr(worker.holdings, name) else worker, name, value)
    pool.upkeep.tick()

    assert worker.ended == "stopped"
    assert f"retired worker 100: {line}" in caplog.text
    assert len(pool.snapshot().workers) == 2


def test_jitter_spreads_the_limits_of_the_workers(make: Make) -> None:
    pool = make(num_workers=50, max_workers=50, max_jobs=1000, max_jobs_jitter=0.5)
    pool.upkeep.tick()

    limits = {slot.max_jobs for slot in pool.slots.all}

    assert len(limits) > 10
    assert min(limits) >= 500
    assert max(limits) <= 1000


def test_tick_keeps_the_workers_and_the_spare_alive(make: Make, stable: Stable) -> None:
    pool = make(num_workers=2, spare_workers=1)
    pool.upkeep.tick()
    assert pool.snapshot().pids == (100, 101, 102)
    for worker in stable.all:
        worker.holdings.execs = 1
    stable.all[1].is_alive = False

    pool.upkeep.tick()

    assert pool.snapshot().pids == (100, 102, 103)


def test_tick_stops_idle_workers_above_the_warm_ones_after_idle_ttl(make: Make, stable: Stable) -> None:
    clock = Clock()
    pool = make(clock, num_workers=1, spare_workers=0, max_workers=3, idle_ttl_s=10)
    with pool.lease(None, clock() + 1), pool.lease(None, clock() + 1), pool.lease(None, clock() + 1) as last:
        pass
    last.holdings.last_used += 1
    assert pool.upkeep.tick() == pytest.approx(1)
    clock.now += 9.5

    assert pool.upkeep.tick() == pytest.approx(0.5)
    clock.now += 0.5
    pool.upkeep.tick()

    assert pool.snapshot().pids == (last.pid,)
    assert sorted(stable.ended.values()) == ["stopped", "stopped"]


def test_failing_starts_back_off_and_say_so_once_a_step(
    make: Make, stable: Stable, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    pool = make(clock)
    stable.fails = WorkerFailedToStart("mono: not found")
    dues = []

    for _ in range(6):
        dues.append(pool.slots.backoff.next_try - clock())
        clock.now += max(0.0, dues[-1])
        pool.upkeep.tick()
        pool.upkeep.tick()

    assert stable.tries == 6
    assert len([r for r in caplog.records if "mono: not found" in r.getMessage()]) == 6
    assert dues[5] > dues[1] * 3
    assert pool.snapshot().start_failures == 6
    assert pool.snapshot().start_error == "mono: not found"
    assert pool.snapshot().next_start_s > 0


def test_callers_fail_at_once_while_no_worker_can_be_started(make: Make, stable: Stable) -> None:
    pool = make()
    stable.fails = WorkerFailedToStart("mono: not found")
    before = time.monotonic()

    for _ in range(2):
        with pytest.raises(PoolExhausted, match="mono: not found") as caught, pool.lease(None, soon()):
            pass
        assert isinstance(caught.value.__cause__, WorkerFailedToStart)

    assert time.monotonic() - before < 1
    assert stable.tries == 1


def test_a_caller_whose_start_fails_takes_a_worker_that_comes_free(make: Make, stable: Stable) -> None:
    pool = make()
    first = Held(pool)
    assert first.has.wait(SOON_S)
    stable.fails = WorkerFailedToStart("no memory")
    second = Held(pool)
    until(lambda: stable.tries == 2 and pool.snapshot().waiting == 1)

    first.let_go()
    assert second.has.wait(SOON_S)
    second.let_go()

    assert second.error is None
    assert second.worker is first.worker


def test_workers_that_die_before_their_first_exec_back_off_too(make: Make, stable: Stable) -> None:
    clock = Clock()
    pool = make(clock, num_workers=1, spare_workers=0)
    for _ in range(5):
        pool.upkeep.tick()
        stable.all[-1].is_alive = False

    assert stable.tries == 1
    assert "before its first exec" in pool.snapshot().start_error


def test_a_start_that_breaks_unexpectedly_gives_its_place_back(make: Make, stable: Stable) -> None:
    pool = make(max_workers=1)
    stable.fails = KeyboardInterrupt()  # type: ignore[assignment]  # as Ctrl-C does

    with pytest.raises(KeyboardInterrupt), pool.lease(None, soon()):
        pass
    stable.fails = None

    with pool.lease(None, soon()) as worker:
        assert worker.pid == 100


def test_a_new_worker_has_the_recently_used_scripts_loaded(make: Make) -> None:
    pool = make()
    a, b = Build("a", "/a.exe", {"H": Lib("1")}), Build("b", "/b.exe", {"H": Lib("2")})
    for build in (a, b):
        with pool.lease(build, soon()) as worker:
            worker.run(build)
    c = Build("c", "/c.exe")
    with pytest.raises(WorkerDied), pool.lease(c, soon()):
        raise WorkerDied("gone")

    pool.upkeep.tick()

    newest = pool.snapshot().workers[-1]
    assert set(newest.loaded) == {"/c.exe", "/b.exe"}


def test_a_script_that_kills_its_worker_while_loading_is_not_loaded_ahead_again(make: Make, stable: Stable) -> None:
    pool = make()
    stable.fail_load = WorkerDied("stack overflow")
    with pytest.raises(WorkerDied), pool.lease(Build("1"), soon()):
        raise WorkerDied("stack overflow")

    pool.upkeep.tick()

    assert stable.tries == 4
    assert len(pool.snapshot().workers) == 2


def test_prepare_loads_a_new_generation_on_idle_workers_that_had_the_old_one(make: Make) -> None:
    pool = make(num_workers=3, spare_workers=0)
    pool.upkeep.tick()
    one, two, three = (slot.living for slot in pool.slots.all)
    one.run(Build("1"))
    two.run(Build("1"))

    assert pool.upkeep.prepare(Build("2")) == ()

    assert one.holdings.loaded["/a.exe"] == two.holdings.loaded["/a.exe"] == Build("2")
    assert three.holdings.loaded == {}
    assert {worker.state for worker in pool.snapshot().workers} == {"idle"}


def test_prepare_says_which_names_are_needed(make: Make) -> None:
    pool = make()
    with pool.lease(Build("1"), soon()) as worker:
        worker.run(Build("1"))
    worker.needs = ("H",)

    assert pool.upkeep.prepare(Build("2")) == ("H",)
    worker.needs = ()
    assert pool.upkeep.prepare(Build("2", helpers={"H": Lib("h")})) == ()


def test_prepare_raises_for_a_script_that_cannot_be_loaded_and_keeps_the_worker(make: Make) -> None:
    pool = make()
    with pool.lease(Build("1"), soon()) as worker:
        worker.run(Build("1"))
    worker.fail_load = ScriptInvalid("not .NET")

    with pytest.raises(ScriptInvalid):
        pool.upkeep.prepare(Build("2"))

    assert repr(pool) == "<Pool 1/4: 100 idle; 0 waiting>"


def test_prepare_starts_the_replacement_of_a_worker_with_outdated_helpers_first(make: Make, stable: Stable) -> None:
    pool = make(num_workers=1, spare_workers=0, max_workers=2)
    old = Build("1", helpers={"H": Lib("1")})
    with pool.lease(old, soon()) as worker:
        worker.run(old)
    new = Build("2", helpers={"H": Lib("2")})

    pool.upkeep.prepare(new)
    pool.upkeep.tick()

    assert stable.ended == {100: "stopped"}
    (only,) = pool.snapshot().workers
    assert (only.pid, only.loaded, only.helpers) == (101, ("/a.exe",), ("H",))
    with pool.lease(new, soon()) as prepared:
        assert prepared.holdings.loads == 1


def test_a_busy_worker_with_outdated_helpers_drains(make: Make) -> None:
    pool = make()
    old = Build("1", helpers={"H": Lib("1")})

    with pool.lease(old, soon()) as worker:
        worker.run(old)
        pool.upkeep.prepare(Build("2", helpers={"H": Lib("2")}))
        assert worker.is_alive
    pool.upkeep.tick()

    assert worker.ended == "stopped"


def test_tick_never_stops_a_leased_worker(make: Make) -> None:
    clock = Clock()
    pool = make(clock, num_workers=0, spare_workers=0, ttl_s=1, idle_ttl_s=1)

    with pool.lease(None, clock() + 1) as worker:
        clock.now += 100
        pool.upkeep.tick()
        assert worker.is_alive
    pool.upkeep.tick()

    assert worker.ended == "stopped"


def test_reset_replaces_idle_workers_now_and_busy_ones_after_their_lease(make: Make, stable: Stable) -> None:
    pool = make(num_workers=2, spare_workers=0)
    pool.upkeep.tick()
    with pool.lease(None, soon()) as busy:
        pool.upkeep.reset()
        pool.upkeep.tick()
        assert busy.is_alive
        assert len(stable.ended) == 1
    pool.upkeep.tick()

    assert set(stable.ended) == {100, 101}
    assert pool.snapshot().pids == (102, 103)


def test_close_stops_idle_workers_and_kills_busy_ones_at_the_deadline(make: Make, stable: Stable) -> None:
    pool = make(num_workers=2, spare_workers=0)
    pool.upkeep.tick()
    held = Held(pool)
    assert held.has.wait(SOON_S)

    pool.upkeep.close()
    held.let_go()

    assert sorted(stable.ended.values()) == ["killed", "stopped"]
    assert repr(pool) == "<Pool closed, 0/4: none; 0 waiting>"
    with pytest.raises(PoolExhausted, match="closed"), pool.lease(None, soon()):
        pass


def test_close_refuses_those_who_wait_and_buries_what_was_starting(make: Make, stable: Stable) -> None:
    pool = make(max_workers=1)
    stable.gate.clear()
    starting = Held(pool)
    until(lambda: stable.tries == 1)
    waiting = Held(pool)
    until(lambda: pool.snapshot().waiting == 1)

    pool.upkeep.close()
    stable.gate.set()

    for held in (starting, waiting):
        assert held.has.wait(SOON_S)
        assert isinstance(held.error, PoolExhausted)
    assert stable.ended == {100: "killed"}


def test_a_keeper_replaces_a_dead_worker_when_it_is_woken(make: Make, stable: Stable) -> None:
    pool = make(num_workers=1, spare_workers=0)
    keeper = threading.Thread(target=pool.upkeep.keep)
    keeper.start()
    until(lambda: pool.snapshot().pids == (100,))
    stable.all[0].holdings.execs = 1
    stable.all[0].is_alive = False

    pool.wake.set()

    until(lambda: pool.snapshot().pids == (101,))
    pool.upkeep.close()
    keeper.join(SOON_S)
    assert not keeper.is_alive()


def test_callers_alone_do_not_pile_up_retired_workers_that_nobody_stops(make: Make, stable: Stable) -> None:
    pool = make(max_jobs=1, max_workers=2)

    for _ in range(10):
        with pool.lease(None, soon()) as worker:
            worker.holdings.execs = 1

    assert sum(worker.is_alive for worker in stable.all) <= 2
