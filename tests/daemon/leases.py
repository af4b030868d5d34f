"""What a client does with its lease, and what the daemon says of it."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from runner.errors import PoolExhausted
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE
from tests.running_daemon import RunningDaemon, app_mono

if TYPE_CHECKING:
    from pathlib import Path

    from runner.client.lease import Lease


RETURNS = "static int Main(string[] a) {{ return {0}; }}"
LONG_S = 5.0  # for execs of which no deadline is tested: a machine under load starts a worker in more than 0.4 s


def run(lease: Lease, script: Path | None, param: str | None = None, timeout_s: float = LONG_S) -> int | None:
    path = str(script) if script else None
    return lease.exec(path, param, MessageHost(INVITE), time.monotonic() + timeout_s).code


def status(daemon: RunningDaemon) -> dict[str, object]:
    told = app_mono("status", "--json", "--socket", str(daemon.socket))
    assert told.returncode == 0, told.stderr
    answer: dict[str, object] = json.loads(told.stdout)
    return answer


def workers(daemon: RunningDaemon) -> list[dict[str, object]]:
    told = app_mono("workers", "--json", "--socket", str(daemon.socket))
    answer: list[dict[str, object]] = json.loads(told.stdout)
    return answer


def held(daemon: RunningDaemon) -> int:
    """The pid of the worker that this process holds."""
    (pid,) = [worker["pid"] for worker in workers(daemon) if worker["client"] == os.getpid()]
    assert isinstance(pid, int)
    return pid


def run_or_none(lease: Lease, script: Path) -> int | None:
    try:
        return run(lease, script)
    except PoolExhausted:
        return None
