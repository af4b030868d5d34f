"""The page docs/settings.md."""

from __future__ import annotations

from runner.settings.__main__ import page
from tests.places import ROOT


def test_the_page_of_settings_is_current() -> None:
    """`python -m runner.settings > docs/settings.md` writes it."""
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page()
