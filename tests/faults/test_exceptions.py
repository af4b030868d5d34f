"""Exceptions, and ends of the process, in every place that a script has for them."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptError, WorkerDied
from tests.programs import until
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost
    from runner.runner import Runner

SHORT_S = 0.3


@pytest.mark.parametrize(("name", "said"), [("ThrowsInAFinaliser", "in a finaliser"), ("ThrowsInATimer", "in a timer")])
def test_an_exception_outside_main_ends_the_worker_and_is_reported(
    runner: Runner, host: MessageHost, name: str, said: str
) -> None:
    result = run(runner, name, host)

    assert isinstance(result.error, WorkerDied)
    assert any(said in line for line in result.error.last_lines)
    assert works_on(runner)


def test_a_finaliser_that_throws_after_main_costs_no_later_exec(
    runner: Runner, host: MessageHost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = set(runner.snapshot().pids)

    result = run(runner, "ThrowsInAFinaliser", host, "later")

    assert result.ok
    until(lambda: not before <= set(runner.snapshot().pids), "its worker is replaced")
    assert works_on(runner)
    until(lambda: "in a finaliser" in caplog.text, "the log says what it was")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("ThrowsInAStaticConstructor", "TypeInitializationException", "in a static constructor"),
        ("ThrowsInAnEvent", "InvalidOperationException", "in an event"),
        ("ThrowsInANativeCallback", "InvalidOperationException", "in a native callback"),
    ],
)
def test_an_exception_that_reaches_main_indirectly_is_the_scripts_error(
    runner: Runner, host: MessageHost, name: str, kind: str, said: str
) -> None:
    for _ in range(2):
        result = run(runner, name, host)

        assert isinstance(result.error, ScriptError), result
        assert kind in str(result.error)
        assert said in result.error.detail
    assert works_on(runner)


def test_a_script_that_survives_its_own_aborts_goes_on(runner: Runner, host: MessageHost) -> None:
    assert run(runner, "RefusesToBeAborted", host).exit_code == 10
    assert works_on(runner)


def test_a_thread_that_keeps_aborting_the_main_thread_costs_at_most_its_own_exec(
    runner: Runner, host: MessageHost
) -> None:
    """Main runs on the thread that reads the wire, so the abort hits the bridge itself."""
    before = set(runner.snapshot().pids)

    run(runner, "AbortsTheMainThread", host)

    assert works_on(runner)
    until(lambda: not before <= set(runner.snapshot().pids), "its worker is replaced")
    assert works_on(runner)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE])
def test_a_script_that_ends_its_process_by_a_signal_is_an_error_that_names_one(
    runner: Runner, host: MessageHost, number: signal.Signals
) -> None:
    result = run(runner, "SendsItselfASignal", host, str(int(number)))

    assert isinstance(result.error, WorkerDied)
    assert "signal SIG" in str(result.error)
    assert works_on(runner)


def test_a_script_that_stops_its_process_ends_at_the_deadline(runner: Runner, host: MessageHost) -> None:
    result = run(runner, "SendsItselfASignal", host, str(int(signal.SIGSTOP)), timeout_s=SHORT_S)

    assert result.error is not None
    assert works_on(runner)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE, signal.SIGCHLD])
def test_other_signals_do_not_affect_later_execs(runner: Runner, host: MessageHost, number: signal.Signals) -> None:
    run(runner, "SendsItselfASignal", host, str(int(number)), timeout_s=SHORT_S)

    assert works_on(runner)
