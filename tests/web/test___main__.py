"""The page docs/metrics.md."""

from __future__ import annotations

from runner.control.counters import OUTCOMES
from runner.web.__main__ import MEANINGS, page
from tests.places import ROOT


def test_the_page_is_what_the_metrics_are() -> None:
    """`python -m runner.web > docs/metrics.md` writes it."""
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == page()


def test_every_outcome_has_its_meaning() -> None:
    assert tuple(MEANINGS) == OUTCOMES
