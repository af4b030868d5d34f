"""A worker that is killed, stopped or crashed from outside, in each state of the table of docs/protocol.md."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from runner.errors import ExecTimeout, RunnerError, WorkerDied, WorkerError
from runner.hosts.embedded.host import MessageHost
from runner.runner import ExecResult, Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S, stop, until
from tests.running_daemon import compiled
from tests.shelf import run, script, works_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT_S = 2.0  # a script is loaded and has begun by then, also on a busy machine
HITS = [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV]
HIT = '[System.Runtime.InteropServices.DllImport("libc")] static extern int kill(int pid, int number);'


@pytest.fixture
def hit_once(tmp_path: Path) -> Path:
    """A mono that, while the file ``armed`` beside it exists, sends itself the signal that is written there."""
    mono = tmp_path / "mono"
    mono.write_text(
        f"#!/bin/sh\nif mv {tmp_path}/armed {tmp_path}/used 2>/dev/null; then kill -$(cat {tmp_path}/used) $$; fi\n"
        f'exec {shutil.which("mono")} "$@"\n',
        "utf-8",
    )
    mono.chmod(0o755)
    return mono


@pytest.fixture
def runner(hit_once: Path) -> Iterator[Runner]:
    """One worker and its spare, with short timeouts for a start, as a busy machine has them, and for a load ahead."""
    settings = Settings(
        mono=str(hit_once), exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, start_timeout_s=8, first_exec_timeout_s=2
    )
    with Runner(settings) as running:
        assert works_on(running)
        yield running


def hit(pid: int, number: signal.Signals) -> None:
    """Send a signal to a worker, and wait until it has taken effect."""
    if number is signal.SIGSTOP:
        stop(pid)
        return
    os.kill(pid, number)
    with contextlib.suppress(ChildProcessError):  # the pool may have stopped an idle one by now
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def works_again(runner: Runner) -> None:
    """The pool is as before: two workers, and each of them works."""
    until(lambda: works_on(runner), "the next exec works")
    until(lambda: len(runner.snapshot().pids) == 2, "there is a worker and its spare")
    assert works_on(runner)


def patience(number: signal.Signals) -> float:
    """How long to wait: only a stopped worker is recognised by its silence alone."""
    return SHORT_S if number is signal.SIGSTOP else WAIT_S


def check(result: ExecResult, number: signal.Signals, step: str) -> None:
    assert isinstance(result.error, ExecTimeout if number is signal.SIGSTOP else WorkerDied), result
    assert isinstance(result.error, WorkerError)
    assert result.error.step == step


@pytest.mark.parametrize("number", HITS)
def test_a_worker_hit_while_it_starts_is_started_again(
    runner: Runner, host: MessageHost, tmp_path: Path, caplog: pytest.LogCaptureFixture, number: signal.Signals
) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "armed").write_text(str(int(number)), "ascii")

    run(runner, "SendsItselfASignal", host, str(int(signal.SIGKILL)))
    until(lambda: "a worker did not start" in caplog.text, "the start has failed")

    works_again(runner)


@pytest.mark.parametrize("number", HITS)
def test_an_idle_worker_that_is_hit_costs_at_most_one_exec(runner: Runner, number: signal.Signals) -> None:
    """A stopped one looks alive until it does not answer; that the others are dead is seen before anything runs."""
    for pid in runner.snapshot().pids[:1]:
        hit(pid, number)

    result = run(runner, "ReturnsInt", MessageHost(INVITE), timeout_s=patience(number))

    assert result.exit_code == 7 or number is signal.SIGSTOP
    assert all(works_on(runner) for _ in range(3))
    works_again(runner)


@pytest.mark.parametrize("number", HITS)
def test_a_worker_hit_while_it_loads_is_an_error_of_that_exec(
    runner: Runner, host: MessageHost, tmp_path: Path, number: signal.Signals
) -> None:
    """A static constructor runs when the script is compiled at load, so the worker is hit there."""
    body = f"static Hit() {{ kill(System.Diagnostics.Process.GetCurrentProcess().Id, {int(number)}); }} {HIT} "
    script = compiled(tmp_path, "Hit", body + "static int Main() { return 0; }")

    result = runner.mono_exec(script, host=host, timeout_s=patience(number))

    check(result, number, "LOADING")
    works_again(runner)


@pytest.mark.parametrize("number", HITS)
def test_a_worker_hit_while_its_script_runs_is_an_error_of_that_exec(
    runner: Runner, host: MessageHost, number: signal.Signals
) -> None:
    runner.check(str(script("SendsItselfASignal")))  # loading it takes none of its time

    result = run(runner, "SendsItselfASignal", host, str(int(number)), timeout_s=patience(number))

    check(result, number, "RUNNING")
    works_again(runner)


@pytest.mark.parametrize("number", HITS)
def test_a_worker_hit_while_it_waits_for_an_answer_is_an_error_of_that_exec(
    runner: Runner, number: signal.Signals
) -> None:
    class Hits(MessageHost):
        def get_s(self, name: str) -> str | None:
            for worker in runner.snapshot().workers:
                if worker.state == "leased":
                    hit(worker.pid, number)
            return super().get_s(name)

    host = Hits(INVITE)

    result = run(runner, "CallsFromATask", host, timeout_s=patience(number))

    assert isinstance(result.error, RunnerError)
    assert isinstance(result.error, ExecTimeout if number is signal.SIGSTOP else WorkerDied)
    works_again(runner)
