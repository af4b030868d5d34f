"""runner.pool.queue: who of those that wait gets which worker, and who is refused."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest

from runner.errors import PoolExhausted, WorkerFailedToStart
from runner.pool.slot import Slot, State
from tests.pool.stable import SOON_S, Build, Clock, Held, Lib, Stable, soon, until

Make = Any  # Callable[..., KeptPool]; the fixture's type


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


def loading(make: Make) -> tuple[Any, Slot]:
    """A pool whose only worker loads a build ahead, and its slot."""
    pool = make(spare_workers=0)
    pool.upkeep.tick()
    (slot,) = pool.slots.all
    slot.state = State.PREPARING
    return pool, slot


def test_a_caller_that_finds_a_worker_loading_ahead_gets_that_one(
    make: Make, stable: Stable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.pool.pool.LOADING_S", SOON_S)
    pool, slot = loading(make)
    held = Held(pool, Build("1"))
    until(lambda: pool.queue.requests)

    pool.release(slot, survives=True)

    assert held.has.wait(SOON_S)
    assert (held.worker, stable.tries) == (slot.living, 1)
    held.release()


def test_a_caller_does_not_wait_for_a_load_that_takes_long(make: Make, stable: Stable) -> None:
    pool, slot = loading(make)

    with pool.lease(Build("1"), soon()) as other:
        assert other is not slot.living
    pool.release(slot, survives=True)

    assert stable.tries == 2


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
        before.release()
        assert held.has.wait(SOON_S)
        assert held.error is None
    waiting[-1].release()

    assert pool.snapshot().pids == (100,)


def test_a_caller_is_refused_at_once_when_too_many_wait(make: Make) -> None:
    pool = make(max_workers=1, max_queue_size=1)
    first = Held(pool)
    assert first.has.wait(SOON_S)
    second = Held(pool)
    until(lambda: pool.snapshot().waiting == 1)

    with pytest.raises(PoolExhausted, match="1 caller is already waiting"), pool.lease(None, soon()):
        pass

    first.release()
    second.release()
    assert second.error is None


def test_callers_fail_at_once_while_no_worker_can_be_started(make: Make, stable: Stable) -> None:
    clock = Clock()  # which stands still, so the pause after the first start does not end
    pool = make(clock)
    stable.fails = WorkerFailedToStart("mono: not found")
    before = time.monotonic()

    for _ in range(2):
        with pytest.raises(PoolExhausted, match="mono: not found") as caught, pool.lease(None, clock() + SOON_S):
            pass
        assert isinstance(caught.value.__cause__, WorkerFailedToStart)

    assert time.monotonic() - before < SOON_S, "nobody waited as long as a caller may"
    assert stable.tries == 1
