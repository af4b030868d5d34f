"""``{nameaddr.*}`` and ``{tobody.*}``; every expectation is what Kamailio 5.6.3 gives."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.value import CannotEvaluate
from tests.hosts.embedded.reading import fails, transformed


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b'"A" <sip:a@b>;tag=x', b"{nameaddr.len}", b"13"),
        (b'"A" <sip:a@b>;tag=x', b"{tobody.params}", b"tag=x"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (b"", b"{tobody.uri}"),
    ],
)
def test_where_kamailio_fails_there_is_no_value(text: bytes | None, chain: bytes) -> None:
    assert fails(text, chain)


def test_an_address_whose_bracket_does_not_close_fails_each_time() -> None:
    """In Kamailio the second evaluation in a process takes what the first had left: docs/deviations.md."""
    for _ in range(2):
        with pytest.raises(CannotEvaluate):
            transformed(b"<sip:1@example.com", b"{nameaddr.uri}")
