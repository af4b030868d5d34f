"""Via headers, as core/parser/parse_via.c of Kamailio 5.6.3 reads them."""

from __future__ import annotations

import pytest

from runner import sip
from runner.sip.via import Via, first_via, header_end, parse_header, vias


def message(*headers: str) -> sip.SipMessage:
    return sip.parse("\r\n".join(["OPTIONS sip:a@b.example SIP/2.0", *headers, "", ""]).encode())


def only(header: str) -> Via:
    (via,) = vias(message(header))
    return via


@pytest.mark.parametrize(
    ("sent_by", "host", "port"),
    [
        ("192.0.2.1", b"192.0.2.1", b""),
        ("192.0.2.1:5070", b"192.0.2.1", b"5070"),
        ("a.example : 5070", b"a.example", b"5070"),
        ("[2001:db8::1]", b"[2001:db8::1]", b""),
        ("[2001:db8::1]:5070", b"[2001:db8::1]", b"5070"),
    ],
)
def test_sent_by_is_a_host_and_a_port(sent_by: str, host: bytes, port: bytes) -> None:
    via = only(f"Via: SIP/2.0/TLS {sent_by};branch=z9hG4bK1")

    assert (via.transport, via.host, via.port) == (b"TLS", host, port)


def test_parameters_have_their_place_in_the_message_and_values_without_quotes() -> None:
    parsed = message('Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1; rport;X = "a;b"')
    (via,) = vias(parsed)

    assert [(param.name, param.value) for param in via.params] == [
        (b"branch", b"z9hG4bK1"),
        (b"rport", None),
        (b"X", b"a;b"),
    ]
    places = [parsed.data[param.start : param.start + param.length] for param in via.params]
    assert places == [b"branch=z9hG4bK1", b" rport", b'X = "a;b']
    assert parsed.data[: via.host_end].endswith(b"192.0.2.1")


def test_of_a_parameter_that_is_repeated_the_last_counts() -> None:
    via = only("Via: SIP/2.0/UDP 192.0.2.1;Branch=one;branch=two")

    found = via.param(b"branch")

    assert found is not None
    assert found.value == b"two"
    assert via.param(b"rport") is None


@pytest.mark.parametrize(
    ("name", "kind"), [("a", b"hidden"), ("al", b"ttl"), ("ali", b"branch"), ("ALIA", b"maddr"), ("alias", b"alias")]
)
def test_the_beginning_of_alias_is_taken_for_another_name(name: str, kind: bytes) -> None:
    """parse_via.c numbers these states alike; a real Kamailio gives $via0(branch) of ``ali=x``."""
    value = "" if kind in (b"hidden", b"alias") else "=x"

    assert only(f"Via: SIP/2.0/UDP 192.0.2.1;{name}{value}").params[0].kind == kind


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x", None),
        ("x=", None),
        ("x=;y", None),
        ("x ;y", None),
        ('x=""', b""),
        ('x="a b"', b"a b"),
        ('x="a\r\n b"', b"a\r\n b"),
        ("x = a", b"a"),
        ("x\r\n =\r\n\ta", b"a"),
        ("x=y(z)", b"y(z)"),
        ("branch ;y", None),
        ("branch=;y", None),
        ("rport", None),
        ("rport ,SIP/2.0/UDP h", None),
    ],
)
def test_a_value_may_be_missing_folded_or_quoted(text: str, value: bytes | None) -> None:
    assert vias(message(f"Via: SIP/2.0/UDP 192.0.2.1;{text}"))[0].params[0].value == value


@pytest.mark.parametrize(
    "text",
    [
        ";",
        ";;x",
        ";branch",
        ";branch;x",
        ";branch=",
        ";received,SIP/2.0/UDP h",
        ";x ,SIP/2.0/UDP h",
        ";alias=1",
        ";hidden=1",
        ";x=a=b",
        ';x=a"b',
        ';x="a"b',
        ';branch="a,b"',
        ";x=1 y",
        ",",
        ":",
        ":abc",
        ":123456",
        ":5060x",
        " (a",
        " (a))",
        " (a);x",
        "[",
    ],
)
def test_a_via_that_does_not_parse_ends_the_headers(text: str) -> None:
    parsed = message("Call-ID: 1", f"Via: SIP/2.0/UDP h{text}", "To: <sip:b>")

    assert [header.key for header in parsed.headers] == [b"call-id"]
    assert vias(parsed) == []
    assert first_via(parsed) is None


@pytest.mark.parametrize(
    ("start", "transport", "number"),
    [
        ("SIP/2.0/UDP", b"UDP", 1),
        ("sip / 2.0\r\n / tls", b"tls", 3),
        ("SIP/2.0/wss", b"wss", 6),
        ("SIP/2.0/TLS-SCTP", b"TLS-SCTP", 7),
        ("SIP/2.0/U;x,y", b"U;x,y", 7),
    ],
)
def test_any_word_is_a_transport(start: str, transport: bytes, number: int) -> None:
    via = only(f"Via: {start} h")

    assert (via.transport, via.protocol_number, via.name, via.version) == (
        transport,
        number,
        start[:3].encode(),
        b"2.0",
    )


@pytest.mark.parametrize(
    "start", ["HTTP/2.0/UDP", "SIP/2.1/UDP", "SIP/2.0/DTLS", "SIP/2.0/2", "SIP/2.0/U/X", "SIP/2.0"]
)
def test_another_protocol_and_a_transport_like_the_middle_of_a_known_one_are_not_read(start: str) -> None:
    assert vias(message(f"Via: {start} h")) == []


@pytest.mark.parametrize(
    ("port", "number"), [("5070", 5070), ("0", 5060), ("65536", 5060), ("99999", 34463), ("00001", 1)]
)
def test_a_port_has_five_digits_and_sixteen_bits(port: str, number: int) -> None:
    via = only(f"Via: SIP/2.0/UDP h:{port}")

    assert (via.port, via.port_number) == (port.encode(), number)


def test_an_address_without_its_first_bracket_is_no_host() -> None:
    via = only("Via: SIP/2.0/UDP ::1]")

    assert (via.host, via.host_end) == (b"", None)


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        (" (a comment)", b"a comment"),
        ("(a (b) c)", b"a (b) c"),
        (" ((x) y)", b"x) y"),
        (" ( a ) ", b"a "),
        (" (a;b,c\r\n d)", b"a;b,c\r\n d"),
        (" (a) (b)", b"b"),
        (" (a)()", b"a)("),
        (" ()", None),
        ("", None),
    ],
)
def test_a_comment_ends_a_body(text: str, comment: bytes | None) -> None:
    assert only(f"Via: SIP/2.0/UDP h;x=1{text}" if text[:1] == " " else f"Via: SIP/2.0/UDP h{text}").comment == comment


def test_a_comma_in_quotes_ends_the_header() -> None:
    parsed = message('Via: SIP/2.0/UDP h;x="a,b"', "To: <sip:b>")

    assert [(header.key, header.body) for header in parsed.headers] == [(b"via", b'SIP/2.0/UDP h;x="a')]
    assert parsed.broken_at is not None


def test_a_cr_alone_ends_the_header() -> None:
    parsed = message("Via: SIP/2.0/UDP h;x\rTo: <sip:b>", "Call-ID: 1")

    assert [header.key for header in parsed.headers] == [b"via", b"to", b"call-id"]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("h", b"", b""),
        ("h ", b"h", b""),
        ("h\r\n ", b"h", b""),
        ("h:5070", b"h", b""),
        ("h:5070x", b"h", b""),
        ("h:5070 ", b"h", b"5070"),
        ("[::1]", b"[::1]", b""),
        ("h;x=1 ", b"h", b""),
        ('h;x="a"', b"h", b""),
        ("h (a)", b"h", b""),
        ("h;alias ", b"h", b""),
    ],
)
def test_a_via_that_is_cut_off_is_read_but_its_last_word_may_be_lost(text: str, host: bytes, port: bytes) -> None:
    start = "OPTIONS sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP "

    for end in ("", "\0"):
        (via,) = vias(sip.parse(f"{start}{text}{end}".encode()))
        assert (via.host, via.port) == (host, port)


@pytest.mark.parametrize("text", ["h;x", "h;x ", "h;x=1", "h;alias", "h,", "h:", "h\r\n", "h\r", 'h;x="a', "h (a"])
def test_a_via_that_is_cut_off_inside_a_parameter_or_behind_its_line_is_not_read(text: str) -> None:
    assert vias(sip.parse(f"OPTIONS sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP {text}".encode())) == []


@pytest.mark.parametrize(
    "header",
    [
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport",
        "Via: SIP/2.0/TCP a.example;rport=1;received=192.0.2.1;alias",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;branch=2",
    ],
)
def test_a_common_via_is_known_to_parse_without_being_taken_apart(header: str) -> None:
    data = message(header).data
    start = data.index(b": ") + 1

    found = parse_header(data, start)

    assert found is not None
    assert header_end(data, start) == found[1]


def test_bodies_of_one_line_and_of_several_are_in_order() -> None:
    parsed = message("Via: SIP/2.0/UDP 192.0.2.1 , SIP/2.0/UDP 192.0.2.2", "v: SIP/2.0/TCP 192.0.2.3")

    assert [via.host for via in vias(parsed)] == [b"192.0.2.1", b"192.0.2.2", b"192.0.2.3"]
    assert vias(parsed)[0].text == b"SIP/2.0/UDP 192.0.2.1 ,"
    assert first_via(parsed) == vias(parsed)[0]


def test_a_header_that_cannot_be_read_ends_the_list() -> None:
    parsed = message("Via: SIP/2.0/UDP 192.0.2.1", "Via: SIP/2.0/UDP h,nonsense", "Via: SIP/2.0/UDP 192.0.2.3")

    assert [via.host for via in vias(parsed)] == [b"192.0.2.1"]
    assert parsed.broken_at is not None


def test_without_a_via_there_is_no_first_one() -> None:
    assert first_via(message("Call-ID: 1")) is None


@pytest.mark.parametrize(
    ("params", "written"),
    [
        (b";t ", b"t "),
        (b";t=1 ", b"t=1"),
        (b";t ;u ", b"t ;u "),
        (b'; t="a" ', b' t="a'),
        (b';t = ""', b"t"),
        (b";rport ", b"rport "),
        (b";alias ", b"alias"),
        (b";t=1 (c)", b"t=1 "),
        (b";t=1 (c)(d)", b"t=1 (c)"),
        (b" (c)", b""),
    ],
)
def test_the_parameters_as_written_end_where_kamailio_6_ends_them(params: bytes, written: bytes) -> None:
    found = parse_header(b"SIP/2.0/UDP h" + params + b"\r\nX", 0)

    assert found is not None
    assert found[0][0].written == written
