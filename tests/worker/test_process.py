"""runner.worker.process: how the process of a worker starts and ends, with all that it started."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.build import ensure_bridge
from runner.errors import (
    WorkerFailedToStart,
)
from runner.hosts.embedded.host import MessageHost
from runner.runtimes.known import MONO
from runner.settings import Settings
from runner.worker import process
from runner.worker.worker import Worker
from tests.places import INVITE
from tests.programs import WAIT_S, has_ended, until
from tests.worker.workers import loaded, soon

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.worker.stderr import Drain


def test_a_worker_that_many_threads_kill_is_killed_once_and_each_sees_its_end(
    drain: Drain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each of them used to close its descriptors, whose numbers might already belong to other files."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    worker = Worker.start(Settings(start_timeout_s=WAIT_S), MONO, ensure_bridge().bridge_exe, tmp_path, drain)
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


def test_processes_of_a_script_end_with_the_wire_without_being_killed(worker: Worker, tmp_path: Path) -> None:
    generation = loaded(worker, "LeavesAChild", tmp_path)
    host = MessageHost(INVITE)
    worker.exec(generation, None, host, soon())
    child = int(host.get_s("$var(child)") or 0)
    until(lambda: b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes(), "the child becomes sleep")

    worker.lend().close()

    until(lambda: has_ended(child), "the child ends")
    until(lambda: not worker.is_alive, "its own end is seen")


def test_stop_ends_the_process_and_removes_its_directory(worker: Worker, tmp_path: Path) -> None:
    (directory,) = tmp_path.glob("worker-*")

    worker.stop(soon())
    worker.stop(soon())

    assert not worker.is_alive
    assert not Path(f"/proc/{worker.pid}").exists()
    until(lambda: not directory.exists(), "it is removed")  # after 50 ms in the background


def test_a_worker_that_has_not_ended_in_time_is_reaped_when_it_has(
    drain: Drain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a busy machine had no CPU for the end of a killed process, it was a zombie until the next start."""
    worker = Worker.start(Settings(start_timeout_s=WAIT_S), MONO, ensure_bridge().bridge_exe, tmp_path, drain)
    monkeypatch.setattr(process, "REAP_S", 0.0)

    worker.kill()

    assert worker._process.exit_code == -signal.SIGKILL
    until(lambda: not Path(f"/proc/{worker.pid}").exists(), "no zombie is left")


def test_a_mono_that_cannot_be_started_is_one_clear_error(drain: Drain, tmp_path: Path) -> None:
    with pytest.raises(WorkerFailedToStart, match="no-such-mono: mono cannot be started"):
        Worker.start(Settings(), replace(MONO, command=("no-such-mono",)), tmp_path / "x.exe", tmp_path, drain)

    assert list(tmp_path.iterdir()) == []
