from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.settings import Settings
from tests.pool.stable import SOON_S, KeptPool, Stable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def stable() -> Stable:
    return Stable()


@pytest.fixture
def make(stable: Stable, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., KeptPool]]:
    monkeypatch.setattr("runner.pool.upkeep.STOP_S", 0.05)
    monkeypatch.setattr("runner.pool.slot.GRACE_S", SOON_S)  # a worker without a process is never stuck
    pools: list[KeptPool] = []

    def make(clock: Callable[[], float] = time.monotonic, **settings: Any) -> KeptPool:
        stable._clock = clock
        pool = KeptPool(Settings(**({"allocate_timeout_s": SOON_S} | settings)), stable, clock)
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.upkeep.close()
