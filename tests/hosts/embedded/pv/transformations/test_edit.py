"""Texts with something replaced or put in, as Kamailio 5.6.3 and 6.0.1 answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, having, transformed, with_headers

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


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$(var(a){s.rm,$(var(blank){s.trim})})", ".exampl"),
        ("$(var(a){s.replace,e,$(var(blank){s.ltrim})})", "a..xampl."),
        ("$(var(a){s.replace,$(var(one){s.unquote}),xy})", "xy.exxymple"),
        ("$(var(a){s.replace,$(var(one){s.tolower}),xy})", "xy.exyample"),
    ],
)
def test_an_argument_begins_behind_its_blanks_and_is_not_there_when_nothing_was_copied(
    host: MessageHost, expression: str, value: str
) -> None:
    for name, text in (("a", "a.example"), ("blank", " a"), ("one", "a")):
        host.set_s(f"$var({name})", text)

    assert host.get_s(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$(var(a){s.replace,.,$hdr(X-Custom)})", "aa\0\0example"),
        ("$(var(a){s.replace,.,$(hdr(X-Custom){s.tolower})})", "aa\0\0example"),
        ("$(hdr(X-Other){s.rm,$hdr(X-Custom)})", "x"),
    ],
)
def test_an_argument_ends_at_its_nul_and_keeps_its_length(expression: str, value: str) -> None:
    one = with_headers("X-Custom: a\0b", "X-Other: xa\0c")
    one.set_s("$var(a)", "a.example")

    assert one.get_s(expression) == value


@pytest.mark.parametrize(("size", "is_null"), [(32767, False), (32768, True)])
def test_a_result_that_the_buffer_does_not_hold_fails(host: MessageHost, size: int, *, is_null: bool) -> None:
    host.set_s("$var(x)", "." * size)

    assert (host.get_s("$(var(x){s.replace,.,ab})") is None) is is_null
