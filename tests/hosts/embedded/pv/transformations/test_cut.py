"""Pieces of a text, as Kamailio 5.6.3 and 6.0.1 answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import fails, is_malformed, transformed

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_a_piece_whose_end_is_beyond_32_bits_fails(host: MessageHost) -> None:
    names = ("0,2147483647", "1,2147483647", "-1,2147483647")

    assert [host.get_s(f"$(fU{{s.substr,{name}}})") for name in names] == ["alice", None, "e"]


def test_a_negative_length_of_a_piece_is_malformed_also_when_written_with_many_digits(host: MessageHost) -> None:
    assert host.set_s("$(var(x){s.substr,0,1})", "v") == 0
    assert host.set_s("$(var(x){s.substr,0,%s})" % ("9" * 50), "v") == -1


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"abcdef", b"{s.substr,1,2}", b"bc"),
        (b"abcdef", b"{s.substr,-2,0}", b"ef"),
        (b"abcdef", b"{s.substr,-2,5}", b"ef"),
        (b"a:b:c", b"{s.select,-1,:}", b"c"),
        (b"a:b:c", b"{s.select,7,:}", b""),
        (b"abc", b"{s.strip,-1}", b"abc"),
        (b"abc", b"{s.strip,9}", b""),
        (b"a:b:", b"{s.rbefore,:}", b"a:b"),
        (b"a:b", b"{s.rafter,:}", b""),
        (b"'a'", b"{s.unquote}", b"a"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    "chain",
    [
        b"{s.substr,1}",
        b"{s.substr,1,-1}",
        b"{s.substr,x,1}",
        b"{s.select,1,}",
    ],
)
def test_a_malformed_or_unknown_chain_is_refused(chain: bytes) -> None:
    assert is_malformed(chain)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (b"abc", b"{s.substr,3,1}"),
        (b"abc", b"{s.rbefore,:}"),
        (b"a:b", b"{s.before,$var(e)}"),
        (b"a:b", b"{s.before,$vn(x)}"),
    ],
)
def test_where_kamailio_fails_there_is_no_value(text: bytes | None, chain: bytes) -> None:
    assert fails(text, chain)


def test_one_digit_without_brackets_stays_where_it_is() -> None:
    assert transformed(2, b"{s.unbracket}{s.strip,$var(n)}").text == b""
    assert transformed(2, b"{s.unbracket}{s.before,$var(n)}").text == transformed(2, b"{s.before,$var(n)}").text


@pytest.mark.parametrize(
    ("text", "chain", "older", "newer"),
    [
        ("a b\tc", "{s.select,1,\1}", "", "b"),
        ("a\1b c", "{s.select,1,\1}", "b c", "b"),
        ("abcdef", "{s.substr,4294967297,2}", "bc", "bc"),
        ("abcdef", "{s.substr,12884901888000000001,2}", "bc", None),
    ],
)
def test_a_transformation_of_6_0(text: str, chain: str, older: str | None, newer: str | None) -> None:
    assert versions.transformed(text, chain) == [older, newer]
