"""exec_counts: a program that uses Runner itself counts its execs as a daemon does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.control.status import BuildStatus, ScriptStatus

ASKS = 'static int Main(string[] a) {{ PV.SetS("$var(x)", PV.GetS("$ru")); return {}; }}'
THROWS = 'static int Main() { throw new Exception("boom"); }'
LOOPS = "static int Main() { while (true) { } }"


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    settings = Settings(exec_timeout_s=WAIT_S, first_exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, poison_losses=0)
    with Runner(settings) as running:
        yield running


def run(runner: Runner, script: Path | str, timeout_s: float = WAIT_S) -> None:
    runner.mono_exec(script, host=MessageHost(INVITE), timeout_s=timeout_s)


def counted(runner: Runner, path: Path | str) -> ScriptStatus:
    (found,) = [script for script in runner.counters() if script.path == str(path)]
    return found


def outcomes(builds: tuple[BuildStatus, ...]) -> list[dict[str, float]]:
    return [build.outcomes for build in builds]


def test_each_build_of_a_script_is_counted_with_its_questions_and_edits(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, "Asks", ASKS.format(0))
    for _ in range(3):
        run(runner, script)
    compiled(tmp_path, "Asks", ASKS.format(5))
    for _ in range(2):
        run(runner, script)

    told = counted(runner, script)

    assert outcomes(told.builds) == [{"true": 3}, {"false": 2}]
    assert [sum(build.times) for build in told.builds] == [3, 2]
    assert [build.edits for build in told.builds] == [3, 2]
    assert all(0 < build.load_s < build.time_s for build in told.builds)
    assert all(build.questions for build in told.builds)
    assert (told.reloads, 0 < told.live_s < WAIT_S) == (1, True)


def test_what_fails_is_counted_by_what_it_came_to(runner: Runner, tmp_path: Path) -> None:
    throws, loops = compiled(tmp_path, "Throws", THROWS), compiled(tmp_path, "Loops", LOOPS)
    broken = tmp_path / "Broken.exe"
    broken.write_bytes(b"MZ")
    runner.check(str(loops))  # loading it takes none of its time
    run(runner, throws)
    run(runner, loops, 1.0)
    run(runner, broken)
    run(runner, tmp_path / "Missing.exe")

    assert outcomes(counted(runner, throws).builds) == [{"exception": 1}]
    assert outcomes(counted(runner, loops).builds) == [{"timeout": 1}]
    assert outcomes(counted(runner, broken).builds) == [{"invalid": 1}]
    assert counted(runner, "").builds[0].outcomes["not_found"] == 1


def test_an_exec_that_gets_no_worker_is_counted_by_its_script(tmp_path: Path) -> None:
    """Bug: it was counted as one of a script that is not there."""
    script = compiled(tmp_path, "Asks", ASKS.format(0))
    with Runner(Settings(max_workers=1, spare_workers=0, allocate_timeout_s=WAIT_S)) as runner:
        with runner.pools.of("mono").pool.lease(None, time.monotonic() + WAIT_S):
            run(runner, script, 0.2)

        assert outcomes(counted(runner, script).builds) == [{"busy": 1}]


def test_the_script_of_mono_run_is_counted_by_its_path(tmp_path: Path) -> None:
    script = compiled(tmp_path, "Asks", ASKS.format(0))
    settings = Settings(load=script, exec_timeout_s=WAIT_S, first_exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S)
    with Runner(settings) as runner:
        runner.mono_run(host=MessageHost(INVITE))

        assert outcomes(counted(runner, script).builds) == [{"true": 1}]
