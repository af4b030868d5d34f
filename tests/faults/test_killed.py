"""Everybody around an exec is killed in the middle of it: daemon, client, and the worker for its memory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptError, WorkerDied
from runner.hosts.message import MessageHost
from runner.lease import Lease
from runner.runner import Runner
from runner.settings import Settings
from tests.daemon import ENVIRONMENT, RunningDaemon
from tests.faults.client import publish_all, workers, works
from tests.programs import WAIT_S, until
from tests.shelf import INVITE, run, works_on

if TYPE_CHECKING:
    from collections.abc import Iterator

GROWN_MIB = 200
CLIENT = """
import sys, time
from runner.hosts.message import MessageHost
from runner.lease import Lease
message = MessageHost(b"OPTIONS sip:a@example.com SIP/2.0\\r\\n\\r\\n")
Lease(sys.argv[1]).exec(sys.argv[2], None, message, time.monotonic() + 60)
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path) as running:
        publish_all(running, "CallsFromATask", "NeverReturns")
        yield running


@pytest.fixture
def lease(daemon: RunningDaemon) -> Iterator[Lease]:
    with contextlib.closing(Lease(str(daemon.socket))) as lease:
        yield lease


def cpu_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[11])


def resident_mib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024 // 1024


def test_a_client_killed_in_the_middle_of_an_exec_takes_its_looping_worker_with_it(
    daemon: RunningDaemon, lease: Lease
) -> None:
    arguments = [str(daemon.socket), str(daemon.scripts / "NeverReturns.exe")]
    with subprocess.Popen([sys.executable, "-c", CLIENT, *arguments], env=ENVIRONMENT) as client:
        until(lambda: any(worker["client"] == client.pid for worker in workers(daemon)), "it holds a worker")
        (worker,) = [worker["pid"] for worker in workers(daemon) if worker["client"] == client.pid]
        before = cpu_ticks(worker)
        until(lambda: cpu_ticks(worker) > before + 10, "its script loops")
        client.kill()

    until(lambda: not Path(f"/proc/{worker}").exists(), "the worker has ended")
    assert works(lease, daemon)


def test_a_daemon_killed_in_the_middle_of_an_exec_changes_nothing_for_it(daemon: RunningDaemon, lease: Lease) -> None:
    class Kills(MessageHost):
        def get_s(self, name: str) -> str | None:
            daemon.kill()
            return super().get_s(name)

    assert works(lease, daemon)
    script = str(daemon.scripts / "CallsFromATask.exe")

    outcome = lease.exec(script, None, Kills(INVITE), time.monotonic() + WAIT_S)

    assert outcome.code == 0
    assert works(lease, daemon)
    daemon.start()
    until(lambda: works(lease, daemon) and any(worker["client"] for worker in workers(daemon)), "the next one serves")


def test_a_worker_killed_while_its_script_allocates_is_an_error_and_the_next_exec_works(
    runner: Runner, host: MessageHost
) -> None:
    """The kernel's way out of memory is SIGKILL to the process that has most of it; here this test is the kernel."""

    def largest() -> tuple[int, int]:
        return max((resident_mib(pid), pid) for pid in runner.snapshot().pids)

    def kill_it() -> None:
        until(lambda: largest()[0] > GROWN_MIB, "it has grown")
        os.kill(largest()[1], signal.SIGKILL)

    kernel = threading.Thread(target=kill_it)
    kernel.start()
    result = run(runner, "AllocatesWithoutEnd", host)
    kernel.join(WAIT_S)

    assert isinstance(result.error, WorkerDied)
    assert "signal SIGKILL" in str(result.error)
    assert works_on(runner)


def test_a_leak_that_meets_the_limit_of_its_worker_is_an_error_and_the_worker_is_replaced(host: MessageHost) -> None:
    settings = Settings(
        exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, max_workers=1, max_address_space_mib=1024
    )
    with Runner(settings) as runner:
        before = runner.snapshot().pids
        result = run(runner, "AllocatesWithoutEnd", host)

        assert isinstance(result.error, ScriptError | WorkerDied)
        assert works_on(runner)
        assert runner.snapshot().pids != before
