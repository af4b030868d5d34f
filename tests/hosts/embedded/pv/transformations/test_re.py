"""``{re.subst}``; every expectation is what Kamailio 5.6.3 gives."""

from __future__ import annotations

import pytest

from tests.hosts.embedded.reading import fails, is_malformed, transformed


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"abab", b"{re.subst,/(a)b/<\\1>/g}", b"<a><a>"),
        (b"xx", b"{re.subst,/a|x|xx/y/}", b"y"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    "chain",
    [
        b"{re.subst,/(/x/}",
        b"{re.subst,/a/b}",
    ],
)
def test_a_malformed_or_unknown_chain_is_refused(chain: bytes) -> None:
    assert is_malformed(chain)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (b"abc", b"{re.subst,/x*/y/}"),
    ],
)
def test_where_kamailio_fails_there_is_no_value(text: bytes | None, chain: bytes) -> None:
    assert fails(text, chain)
