"""
Fork and thread bombs, under the limit that the unit of systemd sets: the daemon and all its workers together.

The limit is a cgroup's pids.max, so that nothing here can reach the machine; where it cannot be had they do not run.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.errors import ExecTimeout, RunnerError
from tests.faults.cgroup import PidsGroup, pids_group
from tests.faults.client import execute, publish_all, works
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST = 512  # TasksMax of kamailio/app-mono.service
SHORT_S = 1.0


@pytest.fixture
def group() -> Iterator[PidsGroup]:
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(pids_group())
        except LookupError as error:
            pytest.skip(str(error))
        yield made


@pytest.fixture
def daemon(group: PidsGroup, tmp_path: Path) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path, f"start_timeout_s = {WAIT_S}") as running:
        publish_all(running, "ForksWithoutEnd", "StartsThreadsWithoutEnd", "SendsItselfASignal")
        group.add(running.pid)
        for child in running.children():
            group.add(child)
        group.allow(MOST)
        yield running
        group.allow(None)
    until(lambda: not group.members(), "all of them have ended")


@pytest.fixture
def lease(daemon: RunningDaemon) -> Iterator[Lease]:
    lease = Lease(str(daemon.socket))
    yield lease
    lease.close()


def test_a_fork_bomb_ends_with_its_worker_at_the_deadline(
    group: PidsGroup, daemon: RunningDaemon, lease: Lease
) -> None:
    assert works(lease, daemon)
    errors = []

    def explode() -> None:
        with pytest.raises(ExecTimeout) as error:
            execute(lease, daemon, "ForksWithoutEnd", timeout_s=SHORT_S)
        errors.append(error)

    bomb = threading.Thread(target=explode)
    bomb.start()
    until(lambda: group.current > MOST // 2, "it has spread")
    bomb.join(WAIT_S)

    until(lambda: works(lease, daemon), "the next exec works")
    until(lambda: group.current < MOST // 2, "what it started has ended")
    assert daemon.pid in group.members()
    assert len(errors) == 1


def test_ten_thousand_threads_are_refused_by_the_kernel_and_the_next_exec_works(
    group: PidsGroup, daemon: RunningDaemon, lease: Lease
) -> None:
    assert works(lease, daemon)

    with pytest.raises(RunnerError):
        execute(lease, daemon, "StartsThreadsWithoutEnd", "10000", timeout_s=WAIT_S)

    until(lambda: works(lease, daemon), "the next exec works")
    until(lambda: group.current < MOST // 2, "what it started has ended")


def test_a_daemon_that_can_start_nothing_says_so_and_recovers_by_itself(
    group: PidsGroup, daemon: RunningDaemon, lease: Lease
) -> None:
    """It can start neither a process for a worker nor a thread for a client."""
    assert works(lease, daemon)
    group.allow(1)

    with pytest.raises(RunnerError):
        execute(lease, daemon, "SendsItselfASignal", "9", timeout_s=SHORT_S)
    with contextlib.closing(Lease(str(daemon.socket))) as other:
        assert not works(other, daemon)
        until(lambda: "mono cannot be started: Resource temporarily" in daemon.log(), "the log says what is missing")
        group.allow(MOST)

        until(lambda: works(lease, daemon), "the next exec works")
        until(lambda: works(other, daemon), "a new client is served")
