"""Some cases of the judge: nothing differs from a real Kamailio, with the seed that everybody can play again."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.routes import needs_app_mono
from tools.compare import steps
from tools.compare.__main__ import release, sides
from tools.compare.apart import trouble
from tools.compare.judge import Judge
from tools.compare.report import text_of

if TYPE_CHECKING:
    from pathlib import Path

SEED = 16
needs_namespace = pytest.mark.skipif(bool(trouble()), reason=f"no network namespace here: {trouble()}")


@needs_app_mono
@needs_namespace
@pytest.mark.timeout(300)  # what differs is shrunk, which takes longer
@pytest.mark.parametrize(("mode", "count"), [("embedded", 1600), ("inside", 800)])
def test_nothing_differs_from_a_real_kamailio(mode: str, count: int, tmp_path: Path) -> None:
    with sides(mode) as (real, ours):
        judge = Judge(real, ours)
        judge.run(itertools.islice(steps.cases(SEED), count), math.inf)
    report = judge.report

    assert (report.cases, report.facts > 10 * count) == (count, True)
    assert report.kinds == 0, text_of([(mode, report)], SEED, kamailio=release(), kept=tmp_path)
