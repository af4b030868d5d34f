"""A daemon and a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    # Of the default, 0.4 s, a machine with other tests on it may take more to start a worker.
    with RunningDaemon(tmp_path, "allocate_timeout_s = 2.0") as running:
        yield running


@pytest.fixture
def lease(daemon: RunningDaemon) -> Iterator[Lease]:
    lease = Lease(str(daemon.socket))
    yield lease
    lease.close()
