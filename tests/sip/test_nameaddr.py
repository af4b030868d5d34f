"""Addresses, as parse_nameaddr.c and parse_addr_spec.c of Kamailio 5.6.3 read them."""

import pytest

from runner.sip.nameaddr import NameAddr, ToBody, ToParam, parse_nameaddr, parse_route_body, parse_to_body


def body(text: bytes, *, is_list: bool = False) -> ToBody:
    parsed = parse_to_body(text, is_list=is_list)
    assert parsed is not None
    return parsed


def test_a_name_address_keeps_quotes_and_blanks_of_the_name() -> None:
    assert parse_nameaddr(b'"A <b>" <sip:a@b>;tag=1') == NameAddr(b'"A <b>" ', b"sip:a@b", 17)


def test_without_a_bracket_all_is_the_uri() -> None:
    assert parse_nameaddr(b"sip:a@b") == NameAddr(b"", b"sip:a@b", 7)


def test_an_open_bracket_is_refused() -> None:
    assert parse_nameaddr(b"a <sip:a@b") is None


@pytest.mark.parametrize(
    ("text", "display", "uri", "tag"),
    [
        (b"<sip:a@b>", b"", b"sip:a@b", None),
        (b"sip:a@b;tag=x", b"", b"sip:a@b", b"x"),
        (b'"A \\" B" <sip:a@b>;tag=x;y', b'"A \\" B"', b"sip:a@b", b"x"),
        (b"A B  <sip:a@b;lr> ; TAG = x", b"A B", b"sip:a@b;lr", b"x"),
        (b"A<sip:a@b>;tag", b"A", b"sip:a@b", None),
        (b"A<sip:a@b>;tag=", b"A", b"sip:a@b", b""),
        (b"A\r\n <sip:a@b>\r\n ;tag=1\r\nTo: x", b"A", b"sip:a@b", b"1"),
        (b"sip:a@b;tag=x,y", b"", b"sip:a@b", b"x,y"),
    ],
)
def test_a_to_body_is_split(text: bytes, display: bytes, uri: bytes, tag: bytes | None) -> None:
    parsed = body(text)

    assert (parsed.display, parsed.uri, parsed.tag) == (display, uri, tag)


def test_parameters_keep_order_and_missing_values() -> None:
    assert body(b'<sip:a@b>;x;y=;z="q r"').params == (ToParam(b"x", None), ToParam(b"y", b""), ToParam(b"z", b"q r"))


def test_in_a_list_a_comma_ends_the_address() -> None:
    parsed = body(b"<sip:a@b>;q=1, <sip:c@d>", is_list=True)

    assert (parsed.uri, parsed.end) == (b"sip:a@b", 13)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"A B",
        b'"A" sip:a@b',
        b"<>",
        b"<sip:a@b",
        b"<sip:a@b> x",
        b"<sip:a@b>;",
        b"<sip:a@b>;;x",
        b"<sip:a@b>;x=y=z",
        b'<sip:a@b>;x="a\\"b"',
        b'"A\r\n B" <sip:a@b>',
        b"<sip:a@b>, <sip:c@d>",
        b"<sip:a@b>;x\r,",
        b"<sip:a@b>\r\\",
    ],
)
def test_a_to_body_that_kamailio_refuses_is_refused(text: bytes) -> None:
    assert parse_to_body(text) is None


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        (b"a\0b <sip:a@b>", b"a"),
        (b"sip:a@b \0;tag=2", b"sip:a@b "),
        (b"<sip:a@b>\0;;", b"sip:a@b"),
        (b'"\\\0" <sip:a@b>', b"sip:a@b"),
    ],
)
def test_a_nul_ends_the_header_but_for_one_behind_a_backslash(text: bytes, uri: bytes) -> None:
    assert body(text).uri == uri


def test_commas_and_blanks_in_front_of_a_tag_are_passed() -> None:
    assert body(b"<sip:a@b>;tag= ,, x,y").tag == b"x,y"


def test_the_addresses_of_a_route_have_their_places() -> None:
    text = b' "A, B" <sip:a@b;lr>;x="1,2" ,\r\n <sip:c@d> ; y = 3 '

    found = parse_route_body(text)

    assert found is not None
    assert [(one.uri, text[one.start : one.end]) for one in found] == [
        (b"sip:a@b;lr", b'"A, B" <sip:a@b;lr>;x="1,2"'),
        (b"sip:c@d", b"<sip:c@d> ; y = 3"),
    ]


@pytest.mark.parametrize(
    "text", [b"", b"sip:a@b", b"sip:a@b>", b"<sip:a@b", b"<a> b", b"<a>,", b"<a>;", b"<a>;x=;y", b'<a>;x="1', b"<a>,b"]
)
def test_a_route_that_kamailio_refuses_is_refused(text: bytes) -> None:
    assert parse_route_body(text) is None


@pytest.mark.parametrize("piece", [b'"a" <sip:a@b>;q="1", ', b'"', b"<", b"\r\n ", b";x", b"a b,"])
def test_long_routes_take_linear_time(piece: bytes) -> None:
    assert parse_route_body(piece * 20_000 + b"<sip:c@d>") is not None


@pytest.mark.parametrize(
    ("start", "piece", "is_read"),
    [
        (b"<sip:c@d>", b";x", True),
        (b"<sip:c@d>", b"\r\n ", True),
        (b"<sip:c@d>;tag=", b" ,", True),
        (b"a", b" b", False),
        (b"", b"<", False),
        (b'"', b"\\a", False),
    ],
)
def test_long_addresses_take_linear_time(start: bytes, piece: bytes, *, is_read: bool) -> None:
    assert (parse_to_body(start + piece * 20_000) is not None) is is_read
