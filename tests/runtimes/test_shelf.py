"""
What scripts do to a runner, in every language that comes with app-mono.

What happens is in shelf.json, which docs/languages.md shows. After a change that was meant, ``RECORD=1`` with these
tests writes what happens now into it, and ``python -m tools.languages`` writes the page.
"""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING

import pytest

from tools.languages import BEGIN, END, PAGE, RECORDED, recorded, written

from .box import LANGUAGES, Box, missing
from .deeds import DEEDS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=LANGUAGES, ids=[language.runtime for language in LANGUAGES])
def shared(request: pytest.FixtureRequest) -> Iterator[Box]:
    if why := missing(request.param):
        pytest.skip(why)
    with Box(request.param) as box:
        yield box


@pytest.mark.parametrize("what", DEEDS, ids=[deed.seen.__name__ for deed in DEEDS.values()])
def test_what_a_script_does_has_the_outcome_that_is_documented(
    shared: Box, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    deed = DEEDS[what]

    if deed.settings:
        with Box(shared.language, **deed.settings) as own:
            seen = deed.seen(own, caplog)
    else:
        seen = deed.seen(shared, caplog)

    if os.environ.get("RECORD"):
        record(what, shared.language.name, seen)
    assert recorded()[what][shared.language.name] == seen


def record(what: str, language: str, seen: str) -> None:
    known = recorded()
    rows = {each: known.get(each, {}) for each in DEEDS}
    rows[what] |= {language: seen}
    RECORDED.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


def test_all_that_is_recorded_was_tried_here() -> None:
    names = {language.name for language in LANGUAGES}

    assert {what: set(cells) for what, cells in recorded().items()} == dict.fromkeys(DEEDS, names)


def test_the_page_shows_what_is_recorded() -> None:
    """`python -m tools.languages` writes it."""
    page = PAGE.read_text("utf-8")

    assert written(page, recorded()) == page


def test_a_page_has_what_differs_apart_and_a_bar_ends_no_column() -> None:
    rows = {"reads": {"A": "it is empty", "B": "it is empty"}, "ends": {"A": "result 3|4", "B": "an error"}}

    page = written(f"before\n{BEGIN}old\n{END}after\n", rows)

    assert page.startswith(f"before\n{BEGIN}\nThe same")
    assert page.endswith(f"{END}after\n")
    assert "| a script that | what happens |\n|---|---|\n| reads | it is empty |\n" in page
    assert "| a script that | A | B |\n|---|---|---|\n| ends | result 3\\|4 | an error |\n" in page
    with pytest.raises(ValueError, match="in the page"):
        written("no place\n", rows)
