"""``{uri.*}``, as Kamailio 5.6.3 and 6.0.1 answer."""

from __future__ import annotations

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import fails, transformed


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"sip:a@b:5070;x=1", b"{uri.port}", b"5070"),
        (b"sip:a@b;x=1;X=2", b"{uri.param,x}", b"2"),
        (b"sip:a@b", b"{uri.tosocket}", b""),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (None, b"{uri.user}"),
        (b"no uri", b"{uri.user}"),
    ],
)
def test_where_kamailio_fails_there_is_no_value(text: bytes | None, chain: bytes) -> None:
    assert fails(text, chain)


@pytest.mark.parametrize(
    ("text", "chain", "older", "newer"),
    [
        ("urn:service:sos", "{uri.user}", "service", ""),
        ("urn:service:sos", "{uri.host}", "sos", "service:sos"),
        ("urn:a:b", "{uri.host}", "b", None),
        ("sip:u@h:5070", "{uri.saor}", "sip:\0u@h", "sip:u@h"),
        ("sip:u@h:5070", "{uri.duri}", "sip:\0h:5070", "sip:h:5070"),
    ],
)
def test_a_transformation_of_6_0(text: str, chain: str, older: str | None, newer: str | None) -> None:
    assert versions.transformed(text, chain) == [older, newer]
