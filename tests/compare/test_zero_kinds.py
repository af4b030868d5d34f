"""Some cases of the judge: nothing differs from a real Kamailio, with the seed that everybody can play again."""

from __future__ import annotations

import itertools
import math
import os
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.routes import needs_app_mono
from tools.compare import ksr_core_steps, steps
from tools.compare.__main__ import release, sides
from tools.compare.apart import trouble
from tools.compare.judge import Judge
from tools.compare.report import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tools.compare.cases import Case

SEED = 16
needs_namespace = pytest.mark.skipif(bool(trouble()), reason=f"no network namespace here: {trouble()}")


@needs_app_mono
@needs_namespace
@pytest.mark.timeout(300)  # what differs is shrunk, which takes longer
@pytest.mark.parametrize(("mode", "count"), [("embedded", 600), ("inside", 300)])
def test_nothing_differs_from_a_real_kamailio(mode: str, count: int, tmp_path: Path) -> None:
    judged(mode, itertools.islice(steps.cases(SEED), count), count, tmp_path)


@needs_namespace
@pytest.mark.timeout(300)
def test_functions_of_ksr_give_and_do_what_they_do_in_a_real_kamailio(tmp_path: Path) -> None:
    """More for a longer time: make compare MODE=ksr, or KSR_CASES in the environment."""
    count = int(os.environ.get("KSR_CASES", "400"))

    judged("ksr", itertools.islice(ksr_core_steps.cases(SEED), count), count, tmp_path)


def judged(mode: str, cases: Iterable[Case], count: int, kept: Path) -> None:
    with sides(mode) as (real, ours):
        judge = Judge(real, ours)
        judge.run(cases, math.inf)
    report = judge.report

    assert (report.cases, report.facts > 10 * count) == (count, True)
    assert report.kinds == 0, text_of([(mode, report)], SEED, kamailio=release(), kept=kept)
