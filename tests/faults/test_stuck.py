"""Scripts that do not come back: each ends at its deadline, and the log says where it was."""

from __future__ import annotations

import contextlib
import itertools
import logging
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.errors import ExecTimeout
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.faults.client import execute, publish_all, works
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from pathlib import Path

SHORT_S = 3.0  # long enough to load a script on a busy machine
FIRST_S = 1.0  # a first run may go on for so long beyond the deadline of its caller, then its worker is ended
ENDED = "the first run in a worker"

# A worker has Runtime.stacks_s to write its stacks before it is killed, and a busy machine may give it none of that
# time. So a test tries again until they are in the log, each time from the start, and each try has to end at its
# deadline.


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
    host: MessageHost, caplog: pytest.LogCaptureFixture, call: str, stack: str
) -> None:
    caplog.set_level(logging.WARNING)
    name, *param = call.split()
    patient = Settings(
        exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, start_timeout_s=WAIT_S, first_exec_timeout_s=FIRST_S
    )

    def ends_with_its_stack_in_the_log() -> bool:
        caplog.clear()
        with Runner(patient) as runner:
            assert works_on(runner)
            result = run(runner, name, host, *param, timeout_s=SHORT_S)
            assert isinstance(result.error, ExecTimeout)
            assert result.error.step == "RUNNING"
            until(lambda: ENDED in caplog.text, "its worker is ended")
            assert works_on(runner)
        return stack in caplog.text

    until(ends_with_its_stack_in_the_log, "the stacks are in the log")


def test_the_daemons_log_of_a_stuck_script_has_its_calls_its_stack_and_the_call_id(tmp_path: Path) -> None:
    places = map(tmp_path.joinpath, map(str, itertools.count()))

    def ends_with_its_stack_in_the_log() -> bool:
        place = next(places)
        place.mkdir()
        with (
            RunningDaemon(place, f"first_exec_timeout_s = {FIRST_S}\nallocate_timeout_s = {WAIT_S}") as daemon,
            contextlib.closing(Lease(str(daemon.socket))) as lease,
        ):
            publish_all(daemon, "NeverReturnsFromNative")
            assert works(lease, daemon)

            with pytest.raises(ExecTimeout, match=r"PV.SetS '\$var\(before\)'"):
                execute(lease, daemon, "NeverReturnsFromNative", "read", timeout_s=SHORT_S)

            until(lambda: ENDED in daemon.log(), "its worker is ended")
            (told,) = [line for line in daemon.log().splitlines() if "it was not done in time" in line]
            assert "it was not done in time; 1 calls were answered, 1 edits stand" in told
            assert "it asked last: PV.SetS '$var(before)'" in told
            assert f"Call-ID {MessageHost(INVITE).get_s('$ci')}" in told
            assert works(lease, daemon)
            return "NeverReturnsFromNative.read" in daemon.log()

    until(ends_with_its_stack_in_the_log, "the stacks are in the log")
