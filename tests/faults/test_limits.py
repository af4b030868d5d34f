"""A daemon and a client that run out of descriptors, and a mono that is removed."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import shutil
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from runner.build import ensure_bridge
from runner.client.lease import Lease
from runner.errors import PoolExhausted, RunnerError
from runner.runner import Runner
from runner.settings import Settings
from tests.faults.client import execute, held, publish_all, works
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.hosts.embedded.host import MessageHost

SHORT_S = 1.0
STANDARD = 3  # descriptors 0 to 2 are open; all others that are open stay open


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path, f'observer = "none"\nidle_ttl_s = 1\nallocate_timeout_s = {WAIT_S}') as running:
        publish_all(running, "SendsItselfASignal")
        yield running


@pytest.fixture
def lease(daemon: RunningDaemon) -> Iterator[Lease]:
    with contextlib.closing(Lease(str(daemon.socket))) as lease:
        yield lease


@contextlib.contextmanager
def no_descriptor_left(pid: int) -> Iterator[None]:
    """The process cannot open anything more."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (STANDARD, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_a_daemon_without_descriptors_says_so_leaves_clients_their_workers_and_recovers(
    daemon: RunningDaemon, lease: Lease
) -> None:
    assert works(lease, daemon)
    worker = held(daemon)
    until(lambda: len(daemon.workers()) == 2, "the spare worker is there")
    before = daemon.descriptors()

    with no_descriptor_left(daemon.pid):
        assert works(lease, daemon)
        with socket.socket(socket.AF_UNIX) as new:
            new.connect(str(daemon.socket))
            until(lambda: "cannot accept a connection: " in daemon.log(), "the log says why nobody is accepted")
        os.kill(worker, signal.SIGKILL)
        until(lambda: "mono cannot be started: Too many open files" in daemon.log(), "and why no worker starts")

    until(lambda: works(lease, daemon), "the next exec works")
    with contextlib.closing(Lease(str(daemon.socket))) as other:
        until(lambda: works(other, daemon), "a new client is served")
    assert "Traceback" not in daemon.log()
    until(lambda: daemon.descriptors() <= before, "nothing is left open")


def test_a_client_without_descriptors_gets_one_clear_error_and_recovers_by_itself(
    daemon: RunningDaemon, lease: Lease
) -> None:
    with no_descriptor_left(os.getpid()), pytest.raises(PoolExhausted, match="Too many open files"):
        execute(lease, daemon, "ReturnsInt")

    until(lambda: works(lease, daemon), "the next exec works")


def test_a_client_that_cannot_take_its_worker_gets_an_error_and_the_worker_ends(
    daemon: RunningDaemon, lease: Lease
) -> None:
    """It is connected, but the kernel has no room for the descriptor of the wire."""
    assert works(lease, daemon)
    with pytest.raises(RunnerError):
        execute(lease, daemon, "SendsItselfASignal", "9")

    with no_descriptor_left(os.getpid()), pytest.raises(RunnerError):
        execute(lease, daemon, "ReturnsInt", timeout_s=SHORT_S)

    until(lambda: works(lease, daemon), "the next exec works")


def test_a_mono_that_vanishes_is_one_clear_error_and_its_return_is_noticed(
    host: MessageHost, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    mono = tmp_path / "mono"
    mono.symlink_to(shutil.which("mono") or "mono")
    settings = Settings(
        mono=str(mono), exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, max_workers=1
    )
    with Runner(settings) as runner:
        assert works_on(runner)
        mono.rename(tmp_path / "elsewhere")

        run(runner, "SendsItselfASignal", host, "9")
        result = run(runner, "ReturnsInt", host)
        (tmp_path / "elsewhere").rename(mono)

        assert isinstance(result.error, PoolExhausted)
        assert f"{mono}: mono cannot be started: there is no such program" in str(result.error)
        until(lambda: works_on(runner), "the next exec works")


def test_without_mono_on_the_path_a_runner_does_not_start_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_bridge()
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RunnerError, match="mono cannot be started: there is no such program"), Runner():
        pass
