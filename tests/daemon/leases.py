"""What a client does with its lease, and what the daemon says of it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from runner.errors import PoolExhausted
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

    from runner.client.lease import Lease
    from tests.running_daemon import RunningDaemon


RETURNS = "static int Main(string[] a) {{ return {0}; }}"
LONG_S = WAIT_S  # for execs of which no deadline is tested: a machine under load starts a worker in more than 0.4 s


def run(lease: Lease, script: Path | None, param: str | None = None, timeout_s: float = LONG_S) -> int | None:
    path = str(script) if script else None
    return lease.exec(path, param, MessageHost(INVITE), time.monotonic() + timeout_s).code


def held(daemon: RunningDaemon) -> int:
    """The pid of the worker that this process holds."""
    (pid,) = [worker["pid"] for worker in daemon.workers() if worker["client"] == os.getpid()]
    assert isinstance(pid, int)
    return pid


def run_or_none(lease: Lease, script: Path) -> int | None:
    try:
        return run(lease, script)
    except PoolExhausted:
        return None
