"""``{param.*}``, as Kamailio 5.6.3 and 6.0.1 answer."""

from __future__ import annotations

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import fails, is_malformed, transformed


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"a=1;b=2;c", b"{param.name,-1}", b"c"),
        (b"a=1&b=2", b"{param.value,b,&}", b"2"),
        (b"a=1;b", b"{param.count}", b"2"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    "chain",
    [
        b"{param.value,a,ab}",
    ],
)
def test_a_malformed_or_unknown_chain_is_refused(chain: bytes) -> None:
    assert is_malformed(chain)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (b"", b"{param.count}"),
    ],
)
def test_where_kamailio_fails_there_is_no_value(text: bytes | None, chain: bytes) -> None:
    assert fails(text, chain)


@pytest.mark.parametrize(
    ("text", "chain", "older", "newer"),
    [
        ("a,b,c", "{param.count,,}", "1", "3"),
    ],
)
def test_a_transformation_of_6_0(text: str, chain: str, older: str | None, newer: str | None) -> None:
    assert versions.transformed(text, chain) == [older, newer]
