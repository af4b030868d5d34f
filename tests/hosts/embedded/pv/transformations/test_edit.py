"""Texts with something replaced or put in, as Kamailio 5.6.3 and 6.0.1 answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, having, transformed

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_one_byte_has_no_line_to_break_however_far_it_would_be_indented(host: MessageHost) -> None:
    assert host.get_s("$(fU{s.select,1,l}{s.strip,2}{s.fmtlines,5,99999})") == "e"


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"abc", b"{s.prefixes,0}", b"a,ab,abc"),
        (b"xaby", b"{s.replace,ab,}", b"xy"),
        (b"xaby", b"{s.rm,ab}", b"xy"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    ("text", "chain", "older", "newer"),
    [
        ("a\r\n b\r\n\tc\r\n", "{s.rmhdws}", None, "a b c"),
        ("\r\n \r\n x", "{s.rmhdws}", None, "  x"),
        ("a\r\n b\r\n\tc\r\n", "{s.rmhlws}", None, "abc"),
    ],
)
def test_a_transformation_of_6_0(text: str, chain: str, older: str | None, newer: str | None) -> None:
    assert versions.transformed(text, chain) == [older, newer]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$(hdr(To){s.replace,$(tu{s.after,@}),2})", "<sip:bob@example.com>"),
        ("$(hdr(To){s.replace,@,$(fu{s.md5})})", "<sip:bob<sip:bob361555024acfcd35b3198865example.com>"),
        ("$(rd{s.rm,$(rU{s.tolower})})", "example.com"),
        ("$(rU{s.rm,$(rU{s.rm,x})})", ""),
        ("$(rU{s.rm,$(rU{s.strip,1})})", "bob"),
        ("$(rU{s.replace,$(rU{s.strip,1}),$(rU{s.len})})", "b3"),
        ("$(rU{s.replace,$(rU{s.strip,1}),$rU})", "bob"),
        ("$(rU{s.rm,$(rU{s.tolower}{s.len})})", "bob"),
        ("$(ru{s.replace,$(rU{s.trim}),$(rd{s.toupper})})", "sip:sip:PLE.COM@example.com"),
    ],
)
def test_the_result_is_written_over_an_argument_that_was_transformed_last(expression: str, value: str) -> None:
    assert having(MESSAGE).get_s(expression) == value
