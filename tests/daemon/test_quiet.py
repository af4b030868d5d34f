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
