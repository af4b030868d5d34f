"""runner.pool.slots: the state that a pool and its upkeep share."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from runner.pool.slot import Slot, State
from runner.pool.slots import FIRST_BACK_OFF_S, RECENT_SCRIPTS, Slots
from runner.settings import Settings
from tests.pool.stable import Build, Clock, Worker

if TYPE_CHECKING:
    from runner.scripts.generation import Generation


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slots(clock: Clock) -> Slots:
    return Slots(Settings(max_workers=2), clock)


def filled(slots: Slots, pid: int, state: State = State.IDLE, **values: Any) -> Slot:
    slot = slots.reserve()
    assert slot is not None
    slot.worker, slot.state = Worker(pid, slots.clock), state
    for name, value in values.items():
        setattr(slot, name, value)
    return slot


def ran(slot: Slot, generation: Generation) -> None:
    assert isinstance(slot.worker, Worker)
    slot.worker.run(generation)


def test_there_are_no_more_slots_than_workers_allowed(slots: Slots) -> None:
    assert slots.reserve() is not None
    assert slots.reserve() is not None

    assert slots.reserve() is None
    assert slots.reserve(beyond=1) is not None


def test_no_slot_is_reserved_while_starts_pause(slots: Slots, clock: Clock) -> None:
    slots.backoff.fail()

    assert slots.reserve() is None

    clock.now += FIRST_BACK_OFF_S
    assert slots.reserve() is not None


def test_a_closed_pool_reserves_nothing_and_says_when_its_last_slot_is_gone(slots: Slots) -> None:
    slot = filled(slots, 1)
    slots.is_closed = True

    assert slots.reserve() is None
    assert not slots.are_gone.is_set()

    slots.remove(slot)
    assert slots.are_gone.is_set()


def test_a_retired_worker_leaves_its_slot_and_waits_for_its_end(slots: Slots, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "runner.pool")
    first, second = filled(slots, 1), filled(slots, 2)
    slots.released = first

    slots.retire(first, "reset")
    slots.retire(second, "ttl_s")

    assert not slots.all
    assert slots.released != first
    assert slots.wake.is_set()
    assert slots.take_retired(keep=1) == [first.worker]
    assert slots.take_retired(keep=1) == []
    assert slots.take_retired() == [second.worker]
    assert "retired worker 1: reset (0 execs, 0 loads, 0 s)" in caplog.text


def test_of_the_workers_that_have_a_build_the_one_that_has_run_it_is_best(slots: Slots) -> None:
    build = Build("1")
    runs, loads = filled(slots, 1), filled(slots, 2)
    ran(runs, build)
    assert isinstance(loads.worker, Worker)
    loads.worker.load(build, slots.clock() + 1)
    loads.worker.holdings.last_used += 1

    assert slots.best_loaded(build, None) is runs

    runs.state = State.LEASED
    assert slots.best_loaded(build, None) is loads
    assert slots.best_loaded(Build("2"), None) is None


def test_the_script_used_longest_ago_is_forgotten(slots: Slots) -> None:
    builds = [Build("1", f"/{number}.exe") for number in range(RECENT_SCRIPTS + 1)]
    for build in builds[:-1]:
        slots.use(build)
    slots.use(builds[0])

    slots.use(builds[-1])

    assert "/1.exe" not in slots.recent
    assert "/0.exe" in slots.recent


def test_a_newer_build_takes_the_place_of_a_script_in_use_only(slots: Slots) -> None:
    old, new = Build("1"), Build("2")
    slots.renew(new)
    assert not slots.recent

    slots.use(old)
    slots.renew(new)
    slots.forget(old)

    assert slots.recent["/a.exe"] is new

    slots.forget(new)
    assert not slots.recent
