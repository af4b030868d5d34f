"""The registry of pseudo-variables documents itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.hosts.embedded.pv import listing
from tests.places import ROOT

if TYPE_CHECKING:
    from runner.hosts.embedded.pv.registry import Variable

PAGE = ROOT / "docs" / "pseudo-variables.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == listing.as_markdown()


@pytest.mark.parametrize("variable", listing.find(), ids=lambda variable: variable.name)
def test_a_variable_says_what_it_is_and_where_that_is_from(variable: Variable) -> None:
    assert variable.meaning.endswith((".", "text"))
    assert ":" in variable.source


def test_a_filter_looks_at_names_and_meanings() -> None:
    found = {variable.name for variable in listing.find("Call-ID")}

    assert "ci" in found
    assert "ru" not in found
