"""Scripts that do not come back: each ends at its deadline, and the log says where it was."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.errors import ExecTimeout
from runner.hosts.embedded.host import MessageHost
from tests.faults.client import execute, publish_all, works
from tests.places import INVITE
from tests.programs import until
from tests.running_daemon import RunningDaemon
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from pathlib import Path

    from runner.runner import Runner

SHORT_S = 1.0  # long enough to load a script on a busy machine


@pytest.mark.parametrize(
    ("call", "stack"),
    [
        ("NeverReturns", "NeverReturns.Main"),
        ("NeverReturnsFromNative read", "NeverReturnsFromNative.read"),
        ("NeverReturnsFromNative qsort", ""),  # mono gives no stack of a callback that loops
        ("Deadlocks", "Deadlocks.Hold"),
    ],
)
def test_what_never_returns_ends_at_the_deadline_and_its_managed_stack_is_logged(
    runner: Runner, host: MessageHost, caplog: pytest.LogCaptureFixture, call: str, stack: str
) -> None:
    caplog.set_level(logging.WARNING)
    assert works_on(runner)

    name, *param = call.split()
    result = run(runner, name, host, *param, timeout_s=SHORT_S)

    assert isinstance(result.error, ExecTimeout)
    assert result.error.step == "RUNNING"
    until(lambda: stack in caplog.text, "the stacks are in the log")
    assert works_on(runner)


def test_the_daemons_log_of_a_stuck_script_has_its_calls_its_stack_and_the_call_id(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path) as daemon, contextlib.closing(Lease(str(daemon.socket))) as lease:
        publish_all(daemon, "NeverReturnsFromNative")
        assert works(lease, daemon)

        with pytest.raises(ExecTimeout, match=r"PV.SetS '\$var\(before\)'"):
            execute(lease, daemon, "NeverReturnsFromNative", "read", timeout_s=SHORT_S)

        until(lambda: "NeverReturnsFromNative.read" in daemon.log(), "the stacks are logged")
        (told,) = [line for line in daemon.log().splitlines() if "it was not done in time" in line]
        assert "it was not done in time; 1 calls were answered, 1 edits stand" in told
        assert "it asked last: PV.SetS '$var(before)'" in told
        assert f"Call-ID {MessageHost(INVITE).get_s('$ci')}" in told
        assert works(lease, daemon)
