from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, ensure_bridge
from runner.errors import (
    CallRefused,
    ConfigError,
    ExecTimeout,
    ScriptInvalid,
    WorkerDied,
    WorkerFailedToStart,
    WorkerGone,
)
from runner.hosts.embedded.host import MessageHost
from runner.scripts.current import CurrentScripts
from runner.settings import Settings
from runner.wire.session import State
from runner.worker.rundir import BLOBS
from runner.worker.stderr import Drain
from runner.worker.worker import Worker
from tests.places import INVITE, SHELF
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.scripts.generation import Generation


class RefusingHost(MessageHost):
    def set_s(self, name: str, value: str) -> int:
        raise CallRefused(f"not {name} = {value}")


class BrokenHost(MessageHost):
    def set_s(self, name: str, value: str) -> int:
        raise ZeroDivisionError(f"{name} {value}")


@pytest.fixture
def drain() -> Iterator[Drain]:
    with Drain() as running:
        yield running


@pytest.fixture
def worker(drain: Drain, tmp_path: Path) -> Iterator[Worker]:
    started = Worker.start(Settings(), ensure_bridge().bridge_exe, tmp_path, drain)
    yield started
    started.kill()


def soon() -> float:
    return time.monotonic() + WAIT_S


def loaded(worker: Worker, name: str, tmp_path: Path) -> Generation:
    scripts = CurrentScripts(Settings(observer="none"), tmp_path / BLOBS)
    generation = scripts.current(str(compile_script(SHELF / f"{name}.cs")))
    assert worker.load(generation, soon()) == ()
    return generation


def test_a_worker_that_many_threads_kill_is_killed_once_and_each_sees_its_end(
    drain: Drain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each of them used to close its descriptors, whose numbers might already belong to other files."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    worker = Worker.start(Settings(), ensure_bridge().bridge_exe, tmp_path, drain)
    start = threading.Barrier(8)
    codes: list[int | None] = []
    failures: list[BaseException] = []

    def kill() -> None:
        worker.kill()
        codes.append(worker._process.exit_code)

    def look() -> None:
        while worker._process.exit_code is None:
            worker._process.has_ended(0.001)
            worker._process.send_signal(signal.SIGQUIT)

    def run(step: Callable[[], None]) -> None:
        start.wait(WAIT_S)
        try:
            step()
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(step,)) for step in [kill, look] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)

    assert failures == []
    assert codes == [-signal.SIGKILL] * 4
    assert worker._process.has_ended(0)
    worker._process.send_signal(signal.SIGKILL)  # to none
    until(lambda: len(list(Path("/proc/self/fd").iterdir())) == before, "every descriptor is closed, once")
    assert [record for record in caplog.records if record.exc_info] == []


def test_a_worker_is_ready_when_start_returns(worker: Worker) -> None:
    assert worker.state is State.IDLE
    assert worker.is_alive
    assert worker.runtime.startswith(("4.", "5.", "6."))
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


@pytest.mark.parametrize("kind", [RefusingHost, BrokenHost])
def test_a_call_that_the_host_refuses_or_fails_at_gives_the_error_value(
    worker: Worker, tmp_path: Path, kind: type[MessageHost]
) -> None:
    generation = loaded(worker, "LoneSurrogates", tmp_path)

    outcome = worker.exec(generation, None, kind(INVITE), soon())

    assert outcome.code == 0
    assert worker.is_alive


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


def test_a_parameter_that_is_too_long_is_refused_and_the_worker_keeps_serving(worker: Worker, tmp_path: Path) -> None:
    generation = loaded(worker, "ReturnsIntTakesArguments", tmp_path)

    with pytest.raises(ConfigError, match="expected a line of at most"):
        worker.exec(generation, "x" * (9 * 1024 * 1024), MessageHost(INVITE), soon())

    assert worker.exec(generation, "four", MessageHost(INVITE), soon()).code == 4


def test_a_file_that_is_not_an_assembly_is_refused_and_the_worker_keeps_serving(worker: Worker, tmp_path: Path) -> None:
    good = loaded(worker, "ReturnsInt", tmp_path)
    vanished = replace(good, id="other", path="/x/other.exe", assembly=replace(good.assembly, hash="0" * 64))

    with pytest.raises(ScriptInvalid, match=r"other\.exe"):
        worker.load(vanished, soon())

    assert worker.exec(good, None, MessageHost(INVITE), soon()).code == 7


def test_processes_of_a_script_end_with_the_wire_without_being_killed(worker: Worker, tmp_path: Path) -> None:
    generation = loaded(worker, "LeavesAChild", tmp_path)
    host = MessageHost(INVITE)
    worker.exec(generation, None, host, soon())
    child = Path(f"/proc/{host.get_s('$var(child)')}/cmdline")
    until(lambda: b"sleep" in child.read_bytes(), "the child becomes sleep")

    worker.lend().close()

    until(lambda: not child.exists() or not child.read_bytes(), "the child ends")
    until(lambda: not worker.is_alive, "its own end is seen")


def test_a_worker_that_comes_back_from_a_loan_was_used_until_now(worker: Worker) -> None:
    """Only its last load here counted, so a busy worker was retired as one that nobody uses."""
    wire = worker.lend()
    worker.holdings.last_used = 0.0

    worker.take_back(wire)

    assert time.monotonic() - worker.holdings.last_used < WAIT_S


def test_stop_ends_the_process_and_removes_its_directory(worker: Worker, tmp_path: Path) -> None:
    (directory,) = tmp_path.glob("worker-*")

    worker.stop(soon())
    worker.stop(soon())

    assert not worker.is_alive
    assert not directory.exists()
    assert not Path(f"/proc/{worker.pid}").exists()


def test_a_mono_that_cannot_be_started_is_one_clear_error(drain: Drain, tmp_path: Path) -> None:
    with pytest.raises(WorkerFailedToStart, match="no-such-mono: mono cannot be started"):
        Worker.start(Settings(mono="no-such-mono"), tmp_path / "x.exe", tmp_path, drain)

    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_is_never_ready_is_ended_in_time(drain: Drain, tmp_path: Path) -> None:
    script = compile_script(SHELF / "NeverReturns.cs")

    with pytest.raises(WorkerFailedToStart, match="was not ready"):
        Worker.start(Settings(start_timeout_s=0.5), script, tmp_path, drain)

    assert not list(tmp_path.glob("worker-*"))
