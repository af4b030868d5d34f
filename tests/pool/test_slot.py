"""runner.pool.slot: whether a worker fits, and when it has done enough."""

from __future__ import annotations

from typing import Any

import pytest

from runner.pool.slot import Slot, jobs_limit
from runner.settings import Settings
from tests.pool.stable import Build, Clock, Worker


def slot_with(worker: Worker, **values: Any) -> Slot:
    return Slot(values.pop("max_jobs", 0), worker=worker, **values)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worker(clock: Clock) -> Worker:
    return Worker(7, clock)


def test_a_slot_without_a_worker_has_nothing_and_names_none() -> None:
    slot = Slot(0)

    assert not slot.has(Build("1"))
    assert not slot.has_run(Build("1"))
    assert repr(slot) == "starting"
    with pytest.raises(RuntimeError, match="no worker yet"):
        _ = slot.living


@pytest.mark.parametrize(
    ("lent_to", "user", "may"), [(None, None, True), (None, 5, True), (5, 5, True), (5, 6, False), (5, None, False)]
)
def test_a_worker_that_was_lent_serves_its_user_only(
    worker: Worker, lent_to: int | None, user: int | None, *, may: bool
) -> None:
    assert slot_with(worker, lent_to=lent_to).may_serve(user) is may


def test_a_script_has_an_older_build_here_when_another_one_is_loaded(worker: Worker) -> None:
    slot = slot_with(worker)
    assert not slot.has_older(Build("1"))

    worker.run(Build("1"))

    assert not slot.has_older(Build("1"))
    assert slot.has_older(Build("2"))


def test_each_limit_is_named(worker: Worker, clock: Clock) -> None:
    settings = Settings(max_loads=3, ttl_s=60)
    slot = slot_with(worker, max_jobs=2)
    assert slot.over_limit(settings, clock()) == ""

    assert slot.over_limit(settings, clock() + 60) == "ttl_s"
    worker.holdings.loads = 3
    assert slot.over_limit(settings, clock()) == "max_loads"
    worker.holdings.execs = 2
    assert slot.over_limit(settings, clock()) == "max_jobs"


def test_a_limit_of_0_is_none(worker: Worker, clock: Clock) -> None:
    worker.holdings.execs = worker.holdings.loads = 1_000_000
    worker.memory_kib = 1_000_000
    settings = Settings(max_loads=0, ttl_s=0, max_worker_memory_mib=0)
    slot = slot_with(worker, max_jobs=0)

    assert slot.over_limit(settings, clock() + 1_000_000) == ""
    assert slot.over_memory(settings) == ""


def test_memory_over_its_limit_is_named_with_its_size(worker: Worker) -> None:
    worker.memory_kib = 11 * 1024

    assert slot_with(worker).over_memory(Settings(max_worker_memory_mib=10)) == "max_worker_memory_mib, 11 MiB"
    assert slot_with(worker).over_memory(Settings(max_worker_memory_mib=11)) == ""


def test_the_limit_of_execs_is_lowered_by_the_jitter_at_most() -> None:
    assert jobs_limit(Settings(max_jobs=0)) == 0
    assert jobs_limit(Settings(max_jobs=1)) == 1
    assert {jobs_limit(Settings(max_jobs=100)) for _ in range(200)} <= set(range(90, 101))
