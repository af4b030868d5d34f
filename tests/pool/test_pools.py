"""runner.pool.pools: a pool for each runtime, made at its first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from runner.errors import PoolExhausted, WorkerFailedToStart
from runner.pool.pools import Pools
from runner.settings import Settings

if TYPE_CHECKING:
    from runner.scripts.poison import Poison
    from runner.worker.worker import Worker


class Starts:
    """Notes what is started, and starts nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, runtime: str) -> Worker:
        self.asked.append(runtime)
        raise WorkerFailedToStart(f"{runtime}: there is no such program")


def pools_of(starts: Starts, **sizes: int) -> Pools:
    return Pools(
        lambda runtime: Settings(max_workers=sizes.get(runtime, 4)),
        starts,
        cast("Poison", None),
        lost=lambda _: None,
        loaded=lambda _: None,
    )


def test_a_runtime_without_scripts_costs_nothing() -> None:
    starts = Starts()
    pools = pools_of(starts)

    assert (pools.all(), starts.asked, pools.snapshot().workers) == ([], [], ())
    pools.close()


def test_a_runtime_has_sizes_of_its_own_and_its_trouble_is_not_that_of_others() -> None:
    starts = Starts()
    pools = pools_of(starts, java=2)
    java, mono = pools.first("java"), pools.first("mono")
    try:
        java.upkeep.tick()

        assert (java.pool.settings.max_workers, mono.pool.settings.max_workers) == (2, 4)
        assert starts.asked == ["java"]
        assert (java.pool.snapshot().start_failures, mono.pool.snapshot().start_failures) == (1, 0)
        assert pools.snapshot().start_error == "java: there is no such program"
    finally:
        pools.close()


def test_settings_that_are_read_again_are_those_of_each_runtime() -> None:
    pools = pools_of(Starts())
    java = pools.first("java")
    pools.take_settings(lambda runtime: Settings(max_workers={"java": 9}.get(runtime, 1)))

    assert java.pool.settings.max_workers == 9
    assert pools.first("mono").pool.settings.max_workers == 1
    pools.close()


def test_a_closed_one_makes_no_more() -> None:
    pools = pools_of(Starts())
    pools.close()

    with pytest.raises(PoolExhausted):
        pools.of("python")
