"""Everyone around an exec is killed in the middle of it: the daemon, the client, and the worker for its memory."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.client import lease as leases
from runner.client.lease import Lease
from runner.errors import ScriptError, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.faults.cgroup import memory_group
from tests.faults.client import publish_all, works
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import ENVIRONMENT, RunningDaemon
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from collections.abc import Iterator

GROWN_MIB = 200
CLIENT = """
import sys, time
from runner import MessageHost
from runner.client.lease import Lease
message = MessageHost(b"OPTIONS sip:a@example.com SIP/2.0\\r\\n\\r\\n")
Lease(sys.argv[1]).exec(sys.argv[2], None, message, time.monotonic() + 60)
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path, f"allocate_timeout_s = {WAIT_S}") as running:
        publish_all(running, "CallsFromATask", "NeverReturns")
        yield running


@pytest.fixture
def lease(daemon: RunningDaemon) -> Iterator[Lease]:
    with contextlib.closing(Lease(str(daemon.socket))) as lease:
        yield lease


def cpu_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[11])


def test_a_client_killed_in_the_middle_of_an_exec_takes_its_looping_worker_with_it(
    daemon: RunningDaemon, lease: Lease
) -> None:
    arguments = [str(daemon.socket), str(daemon.scripts / "NeverReturns.exe")]
    with subprocess.Popen([sys.executable, "-c", CLIENT, *arguments], env=ENVIRONMENT) as client:
        until(lambda: any(worker["client"] == client.pid for worker in daemon.workers()), "it holds a worker")
        (worker,) = [worker["pid"] for worker in daemon.workers() if worker["client"] == client.pid]
        before = cpu_ticks(worker)
        until(lambda: cpu_ticks(worker) > before + 10, "its script loops")
        client.kill()

    until(lambda: not Path(f"/proc/{worker}").exists(), "the worker has ended")
    assert works(lease, daemon)


def test_an_exec_goes_on_when_the_daemon_is_killed_in_the_middle_of_it(
    daemon: RunningDaemon, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kills(MessageHost):
        def get_s(self, name: str) -> str | None:
            daemon.kill()
            return super().get_s(name)

    assert works(lease, daemon)
    script = str(daemon.scripts / "CallsFromATask.exe")

    outcome = lease.exec(script, None, Kills(INVITE), time.monotonic() + WAIT_S)

    assert outcome.code == 0
    assert works(lease, daemon)
    monkeypatch.setattr(leases, "SWAP_S", WAIT_S)  # a daemon without CPU would be tried again more and more seldom
    daemon.start()
    until(lambda: works(lease, daemon) and any(worker["client"] for worker in daemon.workers()), "the next one serves")


def test_a_worker_that_the_kernel_ends_for_its_memory_is_an_error_and_the_next_exec_works(host: MessageHost) -> None:
    settings = Settings(
        exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, max_workers=1, max_address_space_mib=0
    )
    with contextlib.ExitStack() as stack:
        try:
            group = stack.enter_context(memory_group(GROWN_MIB))
        except LookupError as error:
            pytest.skip(str(error))
        runner = stack.enter_context(Runner(settings))
        (group / "cgroup.procs").write_text(str(runner.snapshot().pids[0]), "ascii")

        result = run(runner, "AllocatesWithoutEnd", host)

        assert isinstance(result.error, WorkerDied)
        assert "signal SIGKILL" in str(result.error)
        assert works_on(runner)


def test_a_leak_that_reaches_the_limit_of_its_worker_is_an_error_and_the_worker_is_replaced(host: MessageHost) -> None:
    settings = Settings(
        exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, max_workers=1, max_address_space_mib=1024
    )
    with Runner(settings) as runner:
        before = runner.snapshot().pids
        result = run(runner, "AllocatesWithoutEnd", host)

        assert isinstance(result.error, ScriptError | WorkerDied)
        assert works_on(runner)
        assert runner.snapshot().pids != before
