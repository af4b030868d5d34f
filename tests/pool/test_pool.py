"""runner.pool.pool: how a caller takes a worker, gives it back, and what that does to the worker."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runner.errors import PoolExhausted, ScriptError, WorkerDied, WorkerFailedToStart
from tests.pool.stable import SOON_S, Build, Clock, Held, Lib, Stable, soon, until

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
        pytest.raises(PoolExhausted, match=r"no worker was free for [\d.]+ s; .*1 of 1 workers") as caught,
        pool.lease(None, soon()),
    ):
        pass

    assert 0.02 <= float(str(caught.value).split()[5]) < SOON_S
    assert pool.snapshot().waiting == 0


def test_a_caller_waits_no_longer_than_its_deadline(make: Make) -> None:
    pool = make(max_workers=1)

    with pool.lease(None, soon()), pytest.raises(PoolExhausted), pool.lease(None, time.monotonic() + 0.02):
        pass
    with pytest.raises(PoolExhausted, match="deadline passed"), pool.lease(None, time.monotonic() - 1):
        pass


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
        ({"max_jobs": 2}, {"execs": 2}, "max_jobs (2 execs, 0 loads, 0 s)"),
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


def test_a_caller_whose_start_fails_takes_a_worker_that_comes_free(make: Make, stable: Stable) -> None:
    pool = make()
    first = Held(pool)
    assert first.has.wait(SOON_S)
    stable.fails = WorkerFailedToStart("no memory")
    second = Held(pool)
    until(lambda: stable.tries == 2 and pool.snapshot().waiting == 1)

    first.release()
    assert second.has.wait(SOON_S)
    second.release()

    assert second.error is None
    assert second.worker is first.worker


def test_a_start_that_breaks_unexpectedly_gives_its_place_back(make: Make, stable: Stable) -> None:
    pool = make(max_workers=1)
    stable.fails = KeyboardInterrupt()  # type: ignore[assignment]  # as Ctrl-C does

    with pytest.raises(KeyboardInterrupt), pool.lease(None, soon()):
        pass
    stable.fails = None

    with pool.lease(None, soon()) as worker:
        assert worker.pid == 100


def test_callers_alone_do_not_pile_up_retired_workers_that_nobody_stops(make: Make, stable: Stable) -> None:
    pool = make(max_jobs=1, max_workers=2)

    for _ in range(10):
        with pool.lease(None, soon()) as worker:
            worker.holdings.execs = 1

    assert sum(worker.is_alive for worker in stable.all) <= 2
