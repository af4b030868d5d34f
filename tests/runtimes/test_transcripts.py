"""runner.runtimes.transcripts: what the recorded conversations are, and what is expected of a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from runner.errors import ConfigError
from runner.runtimes.transcripts import directory, every, filled, language, matches
from runner.wire.events import CAN
from tests.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("suffix", [".lua", ".exe", ".class"])
def test_scripts_that_do_not_come_with_app_mono_have_to_be_named(suffix: str) -> None:
    with pytest.raises(ConfigError, match=rf"no scripts for \{suffix} come with app-mono"):
        language(suffix, None)


@pytest.mark.parametrize(
    ("expected", "got", "is_match"),
    [
        ("a<...>b", "a\nx b", True),
        ("a<...>b", "xab", False),
        ("<anything>", None, True),
        ({"a": 1, "b": "<anything>"}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ([1], [1, 2], False),
        (1, True, False),
        (None, {}, False),
    ],
)
def test_what_is_expected_is_all_that_matches(expected: object, got: object, is_match: bool) -> None:  # noqa: FBT001
    assert matches(expected, got) is is_match


def test_a_placeholder_may_stand_for_more_than_a_text() -> None:
    places = {"<list>": ["<name>"], "<name>": "x", "<null>": None}

    assert filled({"a": "<list>", "b": "<null>", "c": "<name>y"}, places) == {"a": ["x"], "b": None, "c": "xy"}


def test_every_transcript_says_what_it_is_about_and_what_it_takes() -> None:
    for transcript in every():
        assert transcript.about
        assert set(transcript.can) <= set(CAN)
        text = json.dumps(transcript.rows)
        assert all(f'"{word}"' in text for word in transcript.can if word in {"values", "edits"})


@pytest.mark.parametrize("path", sorted(directory().glob("*/MySRTest.*")), ids=lambda path: path.name)
def test_the_sample_of_the_transcripts_is_that_of_the_examples(path: Path) -> None:
    assert path.read_bytes() == (ROOT / "examples" / path.name).read_bytes()
