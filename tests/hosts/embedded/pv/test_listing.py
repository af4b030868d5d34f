"""The list of pseudo-variables, as a page and by a filter."""

from __future__ import annotations

from runner.hosts.embedded.pv import listing
from tests.places import ROOT

PAGE = ROOT / "docs" / "pseudo-variables.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == listing.as_markdown()


def test_a_filter_looks_at_names_and_meanings() -> None:
    found = {variable.name for variable in listing.find("Call-ID")}

    assert "ci" in found
    assert "ru" not in found
