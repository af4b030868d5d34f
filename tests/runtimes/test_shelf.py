"""
What scripts do to a runner, in every language that comes with app-mono.

What happens is in shelf.json, which docs/languages.md shows; ``RECORD=1`` writes what happens now into it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tools.languages import RECORDED, page

from .box import LANGUAGES, Box
from .deeds import DEEDS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=LANGUAGES, ids=[language.runtime for language in LANGUAGES])
def shared(request: pytest.FixtureRequest) -> Iterator[Box]:
    missing = next((program for program in request.param.programs if shutil.which(program) is None), None)
    if missing:
        pytest.skip(f"{missing} is not installed: apt-get install {request.param.package}")
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


def recorded() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(RECORDED.read_text("utf-8"))
    return found


def record(what: str, language: str, seen: str) -> None:
    known = recorded()
    rows = {each: known.get(each, {}) for each in DEEDS}
    rows[what] |= {language: seen}
    RECORDED.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


def test_all_that_is_recorded_was_tried_here() -> None:
    names = {language.name for language in LANGUAGES}

    assert {what: set(cells) for what, cells in recorded().items()} == dict.fromkeys(DEEDS, names)
