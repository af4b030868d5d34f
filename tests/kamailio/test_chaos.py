"""A short rain of faults; ``make chaos`` is the long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.chaos import Report, internal_errors, longest_gap, run
from tools.chaos_faults import ROUTES

if TYPE_CHECKING:
    from pathlib import Path


FIRST = """client 7: internal error
Traceback (most recent call last):
  File "a.py", line 1, in f
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 2, in f
ValueError: b"""
SECOND = """Traceback (most recent call last):
  File "b.py", line 1, in g
OSError: c"""


def test_an_internal_error_is_told_once_and_with_its_traceback() -> None:
    log = f"started worker 1\n{FIRST}\nretired worker 1\n{SECOND}\nended\n{FIRST.replace('7', '8')}\n"

    report = Report(seed=1, scraped=1, internal_errors=internal_errors(log))

    assert report.internal_errors == [FIRST, SECOND, FIRST.replace("7", "8")]
    assert report.problems() == [f"3 internal errors of 2 kinds were logged:\n{FIRST}\n{SECOND}"]


def test_the_traceback_of_a_script_is_no_internal_error() -> None:
    log = "client 7: /x/Chaos.py: ValueError: chaos\n  Traceback (most recent call last):\n    File ...\nended\n"

    assert internal_errors(f"{log}{FIRST}\n{log}") == [FIRST]


def test_a_gap_is_where_a_request_waits_and_not_where_none_was_sent() -> None:
    quick = [(0.0, 0.01), (0.02, 0.03), (5.0, 5.01)]

    assert longest_gap(quick) == pytest.approx(0.01)
    assert longest_gap([*quick, (0.04, 2.0)]) == pytest.approx(1.96)
    assert longest_gap([*quick, (0.025, 5.5)]) == pytest.approx(4.98)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("route", ROUTES)
def test_every_kind_of_fault_once_and_no_request_is_lost(tmp_path: Path, route: str) -> None:
    report = run(8, 1, tmp_path, route)

    assert report.problems() == [], str(report)
    assert report.answered == report.sent > 200
