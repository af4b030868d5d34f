"""Via headers, as core/parser/parse_via.c of Kamailio 5.6.3 reads them."""

from __future__ import annotations

import pytest

from runner import sip
from runner.sip.via import Via, first_via, split_outside_quotes, vias


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
    assert places == [b"branch=z9hG4bK1", b" rport", b'X = "a;b"']
    assert parsed.data[: via.host_end].endswith(b"192.0.2.1")


def test_a_parameter_is_found_without_regard_to_case() -> None:
    via = only("Via: SIP/2.0/UDP 192.0.2.1;Branch=one;branch=two")

    found = via.param(b"branch")

    assert found is not None
    assert found.value == b"one"
    assert via.param(b"rport") is None


def test_bodies_of_one_line_and_of_several_are_in_order() -> None:
    parsed = message("Via: SIP/2.0/UDP 192.0.2.1 , SIP/2.0/UDP 192.0.2.2", "v: SIP/2.0/TCP 192.0.2.3")

    assert [via.host for via in vias(parsed)] == [b"192.0.2.1", b"192.0.2.2", b"192.0.2.3"]
    assert vias(parsed)[0].text == b"SIP/2.0/UDP 192.0.2.1 ,"
    assert first_via(parsed) == vias(parsed)[0]


def test_a_body_that_cannot_be_read_ends_the_list() -> None:
    parsed = message("Via: SIP/2.0/UDP 192.0.2.1", "Via: nonsense", "Via: SIP/2.0/UDP 192.0.2.3")

    assert [via.host for via in vias(parsed)] == [b"192.0.2.1"]


def test_without_a_via_there_is_no_first_one() -> None:
    assert first_via(message("Call-ID: 1")) is None


def test_quotes_and_angle_brackets_protect_a_separator() -> None:
    assert split_outside_quotes(rb'a,"b\",c",<d,e>,f', ord(",")) == [
        (0, b"a"),
        (2, rb'"b\",c"'),
        (10, b"<d,e>"),
        (16, b"f"),
    ]
