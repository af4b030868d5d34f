"""A short rain of faults; ``make chaos`` is the long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(300)
def test_every_kind_of_fault_once_and_no_request_is_lost(tmp_path: Path) -> None:
    report = run(8, 1, tmp_path)

    assert report.problems() == [], str(report)
    assert report.answered == report.sent > 200
