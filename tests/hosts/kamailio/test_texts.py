"""runner.hosts.kamailio.texts: which texts KSR takes."""

from __future__ import annotations

import pytest

from runner.hosts.kamailio import texts


@pytest.mark.parametrize(
    ("text", "taken"), [("", ""), ("a", "a"), ("a\0b", "a"), ("\0", ""), ("a\0b\0c", "a"), ("\udcff\0", "\udcff")]
)
def test_a_c_string_ends_at_its_first_nul(text: str, taken: str) -> None:
    assert texts.until_nul(text) == taken


@pytest.mark.parametrize(("text", "is_taken"), [("", True), ("ü€😀", True), ("a\udcffb", False), ("\ud800", False)])
def test_a_surrogate_is_no_utf_8(text: str, *, is_taken: bool) -> None:
    assert texts.is_utf8(text) is is_taken
