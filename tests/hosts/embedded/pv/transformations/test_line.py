"""``{line.*}``; every expectation is what Kamailio 5.6.3 gives."""

from __future__ import annotations

import pytest

from tests.hosts.embedded.reading import transformed


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"a\r\nb\r\n", b"{line.at,-1}", b"b"),
        (b"a\nb", b"{line.count}", b"2"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


def test_counts_are_of_integer_type_and_lines_are_not() -> None:
    assert transformed(b"a=1", b"{param.count}").is_integer
    assert not transformed(b"a", b"{line.count}").is_integer
