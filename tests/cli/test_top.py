"""app-mono top: the daemon in a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pexpect
import pytest

from runner.client.lease import Lease
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE
from tests.programs import WAIT_S
from tests.running_daemon import COMMAND, ENVIRONMENT, RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path_factory.mktemp("daemon"), f"allocate_timeout_s = {WAIT_S}") as running:
        for name, count in (("Often", 3), ("Once", 1)):
            run(running, compiled(running.scripts, name, "static int Main() { return 0; }"), count)
        yield running


def run(daemon: RunningDaemon, script: Path, count: int) -> None:
    lease = Lease(str(daemon.socket))
    for _ in range(count):
        began = time.monotonic()
        outcome = lease.exec(str(script), None, MessageHost(INVITE), began + WAIT_S)
        lease.note(str(script), outcome, began, MessageHost(INVITE))
    lease.close()


def test_it_shows_scripts_and_workers_once(daemon: RunningDaemon) -> None:
    told = app_mono("top", "--once", "--socket", str(daemon.socket))

    assert told.returncode == 0, told.stderr
    often, once = [line for line in told.stdout.splitlines() if ".exe" in line]
    assert (often.split()[0], often.split()[3]) == ("Often.exe", "3")
    assert (once.split()[0], once.split()[3]) == ("Once.exe", "1")
    assert "execs per second" in told.stdout
    assert "mono" in told.stdout


def test_a_key_sorts_and_q_ends_it(daemon: RunningDaemon) -> None:
    terminal = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], "top", "--socket", str(daemon.socket)],
        env=ENVIRONMENT | {"TERM": "xterm"}, timeout=WAIT_S, encoding="utf-8", dimensions=(40, 140),
    )  # fmt: skip
    terminal.expect("by execs per second")
    terminal.send("l")
    terminal.expect("by latency, 99 %")
    terminal.send("x")  # no key of its own
    terminal.send("q")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 0


def test_without_a_daemon_it_says_so() -> None:
    told = app_mono("top", "--socket", "/nowhere/control.sock")

    assert told.returncode == 2
    assert "no daemon answers" in told.stderr
    assert "Traceback" not in told.stderr
