"""Twenty seconds of the judge: nothing differs from a real Kamailio, with the seed that everybody can play again."""

from __future__ import annotations

import pytest

from tests.kamailio.routes import needs_app_mono
from tools.compare.__main__ import MODES, run
from tools.compare.apart import trouble
from tools.compare.report import text_of

SECONDS, SEED = 10.0, 16
needs_namespace = pytest.mark.skipif(bool(trouble()), reason=f"no network namespace here: {trouble()}")


@needs_app_mono
@needs_namespace
@pytest.mark.timeout(180)  # what differs is shrunk, which takes longer
@pytest.mark.parametrize("mode", MODES)
def test_nothing_differs_from_a_real_kamailio(mode: str) -> None:
    reports = run([mode], SECONDS, SEED)

    assert reports[0][1].facts > 1000
    assert reports[0][1].kinds == 0, text_of(reports, SEED)
