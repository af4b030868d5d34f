"""``{s.escape.*}`` and ``{s.unescape.*}``, as Kamailio 5.6.3 and 6.0.1 answer."""

from __future__ import annotations

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import transformed


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"a b", b"{s.escape.user}", b"a%20b"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    ("text", "chain", "older", "newer"),
    [
        ("a\nb\rc", "{s.escape.crlf}", None, "a\\nb\\rc"),
        ("", "{s.escape.crlf}", None, None),
        ("\\n\\r\\x\\", "{s.unescape.crlf}", None, "\n\r\\x\\"),
    ],
)
def test_a_transformation_of_6_0(text: str, chain: str, older: str | None, newer: str | None) -> None:
    assert versions.transformed(text, chain) == [older, newer]
