"""A daemon and a client of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# Of the default, 0.4 s, a machine with other tests on it may take more to start a worker.
PATIENT = f"allocate_timeout_s = {WAIT_S}"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path, PATIENT) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """The daemon of those tests of a file that neither end it nor change its settings."""
    with RunningDaemon(tmp_path_factory.mktemp("shared"), PATIENT) as running:
        yield running


@pytest.fixture
def borrower(shared: RunningDaemon) -> Iterator[Lease]:
    """The only client of that daemon in this process: the next test begins when the daemon knows that it has gone."""
    lease = Lease(str(shared.socket))
    yield lease
    lease.close()
    until(lambda: all(worker["client"] != os.getpid() for worker in shared.workers()), "its workers are back")


@pytest.fixture
def lease(daemon: RunningDaemon) -> Iterator[Lease]:
    lease = Lease(str(daemon.socket))
    yield lease
    lease.close()
