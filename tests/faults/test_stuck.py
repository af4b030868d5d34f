"""Scripts that do not come back: each ends at its deadline, and the log says where it was."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from runner.errors import ExecTimeout
from tests.programs import until
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from runner.hosts.message import MessageHost
    from runner.runner import Runner

SHORT_S = 0.5


@pytest.mark.parametrize(
    ("call", "stack"),
    [
        ("NeverReturns", "NeverReturns.Main"),
        ("NeverReturnsFromNative pause", "NeverReturnsFromNative.pause"),
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
    until(lambda: stack in caplog.text, "the stacks are in the log")
    assert works_on(runner)
