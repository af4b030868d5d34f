"""runner.daemon.quiet: lines that clients could cause in any number."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from runner.daemon.quiet import PAUSE_S, Quiet
from tests.daemon.borrowers import Clock

if TYPE_CHECKING:
    import pytest


def test_of_lines_that_clients_can_make_one_comes_each_second_with_their_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    quiet = Quiet(logging.getLogger("runner.test"), logging.WARNING, "it happened", clock)
    for number in range(2000):
        quiet.tell(f"case {number}")
        clock.now += PAUSE_S / 1000

    assert [record.getMessage() for record in caplog.records] == [
        "it happened (1 until now): case 0",
        "it happened (1001 until now): case 1000",
    ]


def test_a_rare_line_is_always_logged_at_its_level_and_counts_on(caplog: pytest.LogCaptureFixture) -> None:
    clock, log = Clock(), logging.getLogger("runner.test")
    caplog.set_level(logging.INFO, "runner.test")
    rare, other = Quiet(log, logging.INFO, "rare", clock), Quiet(log, logging.WARNING, "other", clock)
    for number in range(3):
        rare.tell(str(number))
        clock.now += PAUSE_S
    other.tell("x")

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.INFO, "rare (1 until now): 0"),
        (logging.INFO, "rare (2 until now): 1"),
        (logging.INFO, "rare (3 until now): 2"),
        (logging.WARNING, "other (1 until now): x"),
    ]
