"""Substitutions, without pseudo-variables; those of ``{re.subst}`` and of textops have tests of their own."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.substitution import REQUEST_URI, Replaced, parse_subst, replaced, run
from runner.hosts.embedded.value import CannotEvaluate, Value


def measure(text: bytes) -> int:
    if not text.startswith(b"$x"):
        raise CannotEvaluate("no variable")
    return 2


def read(name: bytes) -> Value:
    if name == REQUEST_URI:
        return Value(b"uri")
    raise CannotEvaluate("it has no value")


@pytest.mark.parametrize(
    ("subst", "result"),
    [
        (b"/b/X/", b"aXab"),
        (b"#b#X#g", b"aXaX"),
        (b"/(a)(b)/\\2\\1\\0/", b"baabab"),
        (b"/B/\\u$x\\n/i", b"auri\nab"),
        (b"/c/X/", b"abab"),
    ],
)
def test_matches_are_replaced(subst: bytes, result: bytes) -> None:
    found = run(parse_subst(subst, measure), b"abab\0b", read)

    assert replaced(b"abab\0b", found) == result


def test_a_match_has_its_place() -> None:
    assert run(parse_subst(b"/b/X/g", measure), b"abab", read) == [Replaced(1, 2, b"X"), Replaced(3, 4, b"X")]


@pytest.mark.parametrize(
    "subst", [b"", b"/a", b"/a/", b"/a/b", b"/a/b/x", b"/(/b/", b"\\a\\b\\", b"/a/$y/", b"/a/" + b"\\1" * 100 + b"/"]
)
def test_what_is_no_substitution_is_refused(subst: bytes) -> None:
    with pytest.raises(CannotEvaluate):
        parse_subst(subst, measure)


def test_nothing_is_replaced_by_an_expression_that_matches_nothing_or_by_too_much() -> None:
    with pytest.raises(CannotEvaluate, match="empty text"):
        run(parse_subst(b"/x*/y/", measure), b"abc", read)
    with pytest.raises(CannotEvaluate, match="too big"):
        run(parse_subst(b"/a/" + b"y" * 1023 + b"/", measure), b"abc", read)
