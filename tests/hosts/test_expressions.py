"""runner.hosts.expressions: which regular expressions the C library survives."""

from __future__ import annotations

import pytest

from runner.hosts.expressions import is_too_deep


@pytest.mark.parametrize(
    ("text", "is_deep"),
    [
        ("(" * 2000, False), ("(" * 2001, True), ("a{1,10000}", False), ("a{1,10001}", True), ("a{10001}", True),
        ("(a{1,100}){100}", False), ("(a{1,100}){101}", True), ("(a{,101}){100,}", True), ("{}{,}{a}" * 999, False),
        ('{"a": {"1": 2}}' * 100, False), ("", False),
    ],
)  # fmt: skip
def test_an_expression_with_too_many_brackets_or_repetitions_is_too_deep(text: str, is_deep: bool) -> None:  # noqa: FBT001  # by its name in the table
    assert is_too_deep(text) is is_deep


@pytest.mark.parametrize("text", ["{" + " " * 2_000_000, "{1," + " " * 2_000_000, "{999999999}" * 400_000])
def test_a_text_is_looked_at_once(text: str) -> None:
    """It took hours, in a process of Kamailio, with a deadline that nobody looked at meanwhile."""
    assert is_too_deep(text) is ("9" in text)
