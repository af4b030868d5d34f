"""runner.pool.late_runs: what becomes of a worker whose first run of a build went on after its caller was answered."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ExecTimeout, ScriptRefused, WorkerDied
from runner.pool.late_runs import LateRuns
from runner.scripts.poison import Poison
from tests.pool.stable import Build, living, soon, until

if TYPE_CHECKING:
    from runner.pool.slot import Slot
    from runner.pool.warming import FirstRun
    from tests.pool.stable import KeptPool, Stable

BUILD = Build("1")


class Site:
    """A pool in which one worker is late with its first run."""

    def __init__(self, pool: KeptPool) -> None:
        self.pool = pool
        self.poison = Poison(pool.settings)
        self.late_runs = LateRuns(pool, self.poison)

    def is_late(self) -> tuple[Slot, FirstRun]:
        slot = self.pool.acquire(BUILD, soon())
        first = self.pool.warming.begin(BUILD, soon())
        assert first.may_finish(slot.living.pid)
        return slot, first


@pytest.fixture
def site(make: Any) -> Site:
    return Site(make(max_workers=2, poison_losses=3))


def test_a_worker_that_finishes_is_idle_and_warm(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "runner")
    slot, first = site.is_late()

    site.late_runs.finish(slot, first, "1@x")

    until(lambda: not site.pool.warming.now())
    assert repr(site.pool) == "<Pool 1/2: 100 idle; 0 waiting>"
    assert "worker 100: warm for /a.exe" in caplog.text


def test_an_endless_first_run_refuses_the_build_when_as_many_as_may_have_tried(
    site: Site, stable: Stable, caplog: pytest.LogCaptureFixture
) -> None:
    slot, first = site.is_late()
    living(slot).fail_finish = ExecTimeout("not done in time")

    site.late_runs.finish(slot, first, "1@x")

    until(lambda: not site.pool.warming.now())
    assert stable.ended == {100: "killed"}
    assert "/a.exe: the first run in a worker (Call-ID 1@x): not done in time" in caplog.text
    with pytest.raises(ScriptRefused):
        site.poison.check(BUILD)


def test_a_worker_that_dies_counts_once(site: Site, stable: Stable) -> None:
    for pid in (100, 101, 102):
        site.poison.check(BUILD)
        slot, first = site.is_late()
        living(slot).fail_finish = WorkerDied("killed")
        site.late_runs.finish(slot, first, None)
        until(lambda: not site.pool.warming.now())
        assert stable.ended[pid] == "killed"

    with pytest.raises(ScriptRefused):
        site.poison.check(BUILD)


def test_without_a_thread_the_worker_is_killed(site: Site, stable: Stable, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    slot, first = site.is_late()
    monkeypatch.setattr(threading.Thread, "start", no_thread)

    site.late_runs.finish(slot, first, None)

    assert stable.ended == {100: "killed"}
    assert site.pool.warming.now() == {}
