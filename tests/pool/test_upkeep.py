"""runner.pool.upkeep: what is started, loaded ahead, retired and stopped."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from runner.errors import PoolExhausted, ScriptInvalid, WorkerDied, WorkerFailedToStart
from tests.pool.stable import SOON_S, Build, Clock, Held, Lib, Stable, soon, until

Make = Any  # Callable[..., KeptPool]; the fixture's type


def test_jitter_spreads_the_limits_of_the_workers(make: Make) -> None:
    pool = make(num_workers=50, max_workers=50, max_jobs=1000)
    pool.upkeep.tick()

    limits = {slot.max_jobs for slot in pool.slots.all}

    assert len(limits) > 10
    assert min(limits) >= 900
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


def test_workers_that_die_before_their_first_exec_back_off_too(make: Make, stable: Stable) -> None:
    clock = Clock()
    pool = make(clock, num_workers=1, spare_workers=0)
    for _ in range(5):
        pool.upkeep.tick()
        stable.all[-1].is_alive = False

    assert stable.tries == 1
    assert "before its first exec" in pool.snapshot().start_error


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


def test_a_script_that_ends_its_process_at_its_load_costs_one_worker_ahead(make: Make, stable: Stable) -> None:
    pool = make()
    for path in ("/a.exe", "/b.exe"):
        with pool.lease(Build("1", path), soon()):
            pass
    stable.fail_load, stable.ends_at_load = ScriptInvalid("the script ended the process"), True

    pool.upkeep.reset()
    pool.upkeep.tick()

    assert [lost.path for lost in pool.lost] == ["/b.exe", "/a.exe"]
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


def test_a_worker_that_was_busy_gets_the_new_generation_when_it_is_released_and_no_sooner(make: Make) -> None:
    """It had to wait for the next exec, which then had to wait for it, or for the keeper's nap."""
    pool = make(num_workers=2, spare_workers=0, max_workers=2)
    pool.upkeep.tick()
    one, two = (slot.living for slot in pool.slots.all)
    one.run(Build("1"))
    two.run(Build("1"))

    with pool.lease(Build("1"), soon()) as busy:
        idle = two if busy is one else one
        pool.wake.clear()
        pool.upkeep.prepare(Build("2"))
        assert (idle.holdings.loaded["/a.exe"], busy.holdings.loaded["/a.exe"]) == (Build("2"), Build("1"))
        assert not pool.wake.is_set()
    assert pool.wake.is_set()
    pool.upkeep.tick()

    assert busy.holdings.loaded["/a.exe"] == Build("2")
    pool.wake.clear()
    with pool.lease(Build("2"), soon()):
        pass
    assert not pool.wake.is_set()


def test_workers_are_always_left_for_callers_while_a_generation_is_loaded_ahead(make: Make) -> None:
    """Where two loaded at one time, a caller that came just then had to wait for a new worker's start."""
    pool = make(num_workers=2, spare_workers=0, max_workers=2)
    pool.upkeep.tick()
    for slot in pool.slots.all:
        slot.living.run(Build("1"))
    idle: list[int] = []
    for slot in pool.slots.all:
        load = slot.living.load

        def counted(generation: Any, deadline: float, load: Any = load) -> Any:
            idle.append(len(pool.slots.idle()))
            return load(generation, deadline)

        slot.living.load = counted

    pool.upkeep.prepare(Build("2"))

    assert idle == [1, 1]


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
    held.release()

    assert sorted(stable.ended.values()) == ["killed", "stopped"]
    assert repr(pool) == "<Pool closed, 0/4: none; 0 waiting>"
    with pytest.raises(PoolExhausted, match="closed"), pool.lease(None, soon()):
        pass


def test_close_refuses_waiting_callers_and_kills_what_was_starting(make: Make, stable: Stable) -> None:
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
