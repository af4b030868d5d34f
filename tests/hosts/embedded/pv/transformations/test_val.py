"""``{val.*}``, as Kamailio 5.6.3 and 6.0.1 answer."""

from __future__ import annotations

import pytest

from tests.hosts.embedded import versions


@pytest.mark.parametrize(
    ("expression", "older", "newer"),
    [
        ("$(hdr(X){val.n0})", None, "0"),
        ("$(hdr(X){val.ne})", None, ""),
        ("$(hdr(X){val.jsonqe})", None, '""'),
    ],
)
def test_a_variable_of_6_0(expression: str, older: str | None, newer: str | None) -> None:
    assert versions.both(expression, versions.message(f"Contact: {versions.CONTACT}")) == [older, newer]


@pytest.mark.parametrize(
    ("text", "chain", "older", "newer"),
    [
        ("a\\b\"c'd", "{val.json}", None, "a\\\\b\\\"c'd"),
        ("\x1f\x07", "{val.jsonqe}", None, '"\\u001f\\u0007"'),
        ("plain", "{val.jsonqe}", None, "plain"),
        ("x", "{val.n0}", None, "x"),
    ],
)
def test_a_transformation_of_6_0(text: str, chain: str, older: str | None, newer: str | None) -> None:
    assert versions.transformed(text, chain) == [older, newer]
