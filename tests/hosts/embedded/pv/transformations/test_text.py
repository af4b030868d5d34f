"""Length, number and time of a text, as Kamailio 5.6.3 and 6.0.1 answer."""

from __future__ import annotations

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import fails, transformed


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"abc", b"{s.len}", b"3"),
        (b"abc", b"{ s.LEN }".replace(b" s", b"s"), b"3"),
        (b"a,b,c", b"{s.count,,}", b"2"),
        (b"0", b"{s.ftime,%Y}", b"1970"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (None, b"{s.len}"),
        (b"abc", b"{s.int}"),
    ],
)
def test_where_kamailio_fails_there_is_no_value(text: bytes | None, chain: bytes) -> None:
    assert fails(text, chain)


@pytest.mark.parametrize(
    ("text", "chain", "older", "newer"),
    [
        ("3000000000", "{s.int}", None, "3000000000"),
        ("9223372036854775808", "{s.int}", None, None),
        ("-5", "{s.ftime,%Y}", None, "1969"),
        ("4294967297", "{s.ftime,%Y}", None, "2106"),
    ],
)
def test_a_transformation_of_6_0(text: str, chain: str, older: str | None, newer: str | None) -> None:
    assert versions.transformed(text, chain) == [older, newer]


@pytest.mark.parametrize(
    ("form", "length"),
    [(b"%4256S", b"4256"), (b"a%4256", b"4257"), (b"%65534S", b"65534"), (b"%65535S", b"0"), (b"%9999999S", b"0")],
)
def test_a_time_may_be_as_long_as_the_buffer_of_transformations(form: bytes, length: bytes) -> None:
    assert transformed(b"0", b"{s.ftime," + form + b"}{s.len}").text == length
