"""A client that acts like a Kamailio process: it leases a worker and runs scripts of the shelf in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runner.build import publish
from runner.errors import RunnerError
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE
from tests.programs import WAIT_S
from tests.shelf import script

if TYPE_CHECKING:
    from runner.client.lease import Lease
    from tests.running_daemon import RunningDaemon


def publish_all(daemon: RunningDaemon, *names: str) -> None:
    """Copy scripts of the shelf, and the one that ``works`` runs, to the directory that the daemon serves."""
    for name in {"ReturnsInt", *names}:
        publish(script(name), daemon.scripts)


def execute(lease: Lease, daemon: RunningDaemon, name: str, param: str | None = None, timeout_s: float = WAIT_S) -> int:
    """Run one exec; returns its exit code."""
    deadline = time.monotonic() + timeout_s
    code = lease.exec(str(daemon.scripts / f"{name}.exe"), param, MessageHost(INVITE), deadline).code
    assert code is not None
    return code


def works(lease: Lease, daemon: RunningDaemon) -> bool:
    """Whether the next exec works."""
    try:
        return execute(lease, daemon, "ReturnsInt") == 7
    except RunnerError:
        return False


def held(daemon: RunningDaemon) -> int:
    """The one worker that a client holds."""
    (pid,) = [worker["pid"] for worker in daemon.workers() if worker["client"]]
    assert isinstance(pid, int)
    return pid
