"""runner.worker.worker: one mono process and the conversation with it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script
from runner.errors import (
    ExecTimeout,
    WorkerDied,
    WorkerFailedToStart,
    WorkerGone,
)
from runner.hosts.embedded.host import MessageHost
from runner.runtimes.known import MONO
from runner.settings import Settings
from runner.wire.session import State
from runner.worker.worker import Worker
from tests.places import INVITE, SHELF
from tests.programs import WAIT_S, until
from tests.worker.workers import loaded, soon

if TYPE_CHECKING:
    from runner.worker.stderr import Drain


def test_a_worker_is_ready_when_start_returns(worker: Worker) -> None:
    assert worker.state is State.IDLE
    assert worker.is_alive
    assert worker.version.startswith(("4.", "5.", "6."))
    assert worker.rss_kib() > 0


def test_an_exec_gives_its_code_and_counts_its_calls(worker: Worker, tmp_path: Path) -> None:
    generation = loaded(worker, "MakesEveryCall", tmp_path)

    outcome = worker.exec(generation, None, MessageHost(INVITE), soon())

    assert (outcome.code, outcome.calls, outcome.edits) == (0, 17, 9)
    assert worker.state is State.IDLE
    assert worker.holdings.loaded == {generation.path: generation}


def test_a_build_that_is_loaded_again_counts_as_not_run(worker: Worker, tmp_path: Path) -> None:
    """Its statics are new, so it is slow again the first time. It used to count as warm."""
    generation = loaded(worker, "ReturnsInt", tmp_path)
    worker.exec(generation, None, MessageHost(INVITE), soon())
    assert worker.holdings.has_run(generation)

    worker.load(replace(generation, id="another build"), soon())
    worker.load(generation, soon())

    assert not worker.holdings.has_run(generation)


def test_the_error_of_a_worker_that_dies_in_an_exec_says_how(worker: Worker, tmp_path: Path) -> None:
    generation = loaded(worker, "FailsFast", tmp_path)

    with pytest.raises(WorkerDied, match=f"worker {worker.pid}") as caught:
        worker.exec(generation, None, MessageHost(INVITE), soon())

    assert caught.value.exit_code == -signal.SIGABRT
    assert caught.value.step == "RUNNING"
    assert any("no way on" in line for line in caught.value.last_lines)
    assert not worker.is_alive


def test_a_worker_that_died_before_the_exec_runs_nothing(worker: Worker, tmp_path: Path) -> None:
    generation = loaded(worker, "ReturnsInt", tmp_path)
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: not worker.is_alive, "it ends")

    with pytest.raises(WorkerGone):
        worker.exec(generation, None, MessageHost(INVITE), soon())


def test_a_timeout_says_how_many_edits_stand_and_ends_the_process(worker: Worker, tmp_path: Path) -> None:
    generation = loaded(worker, "NeverReturns", tmp_path)

    with pytest.raises(ExecTimeout, match="0 edits stand"):
        worker.exec(generation, None, MessageHost(INVITE), time.monotonic() + 0.3)

    assert not worker.is_alive
    assert not Path(f"/proc/{worker.pid}").exists()


def test_a_worker_that_comes_back_from_a_loan_was_used_until_now(worker: Worker) -> None:
    """Only its last load here counted, so a busy worker was retired as one that nobody uses."""
    wire = worker.lend()
    worker.holdings.last_used = 0.0

    worker.take_back(wire)

    assert time.monotonic() - worker.holdings.last_used < WAIT_S


def test_a_worker_that_is_never_ready_is_ended_in_time(drain: Drain, tmp_path: Path) -> None:
    script = compile_script(SHELF / "NeverReturns.cs")

    with pytest.raises(WorkerFailedToStart, match="was not ready"):
        Worker.start(Settings(start_timeout_s=0.5), MONO, script, tmp_path, drain)

    until(lambda: not list(tmp_path.glob("worker-*")), "its directory is removed")  # after 50 ms in the background
