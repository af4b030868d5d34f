"""Where a message came through and where its reply goes; each value was given by a real Kamailio 5.6.3."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost


def host(
    *vias: str,
    first_line: str = "INVITE sip:bob@example.com SIP/2.0",
    behind: str = "",
    environment: Environment | None = None,
) -> MessageHost:
    lines = [first_line, *(f"Via: {via}" for via in vias), "From: <sip:alice@example.org>;tag=t1"]
    lines += ["To: <sip:bob@example.com>", "Call-ID: 1", "CSeq: 1 INVITE", *filter(None, [behind])]
    data = "\r\n".join([*lines, "", ""]).encode()
    return MessageHost(data, source=Address("127.0.0.1", 5163), environment=environment)


def reply(*vias: str) -> MessageHost:
    return host("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK9", *vias, first_line="SIP/2.0 200 OK")


def test_of_a_repeated_via_parameter_the_last_is_shown_by_its_variable_and_the_first_by_params() -> None:
    request = host("SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa;branch=z9hG4bKb")

    assert request.get_s("$via0(branch)") == "z9hG4bKb"
    assert request.get_s("$sel(via.branch)") == "z9hG4bKb"
    assert request.get_s("$sel(via.params.branch)") == "z9hG4bKa"


def test_a_comment_is_no_part_of_the_parameter_in_front_of_it() -> None:
    request = host("SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKq (a comment)")

    assert (request.get_s("$via0(branch)"), request.get_s("$sel(via.comment)")) == ("z9hG4bKq", "a comment")


def test_a_transport_that_is_not_known_has_number_7() -> None:
    request = host("SIP/2.0/UDP 192.0.2.5;branch=z9hG4bK1", "SIP/2.0/TLS-SCTP 192.0.2.9;branch=z9hG4bKq")

    assert (request.get_s("$via1(proto)"), request.get_i("$via1(protoid)")) == ("TLS-SCTP", 7)


def test_the_protocol_of_a_via_is_shown_as_written() -> None:
    request = host("sip/2.0/udp 192.0.2.5:5060;rport;branch=z9hG4bKq")

    assert [request.get_s(f"$sel(via.{name})") for name in ("name", "version", "transport")] == ["sip", "2.0", "udp"]


def test_a_via_without_a_host_has_none_to_show_and_is_not_forwarded() -> None:
    request = host("SIP/2.0/UDP ::1]")

    assert (request.get_s("$via0(host)"), request.get_s("$sel(via.host)"), request.forwarded()) == (None, None, None)


def test_any_negative_index_of_a_via_is_the_last() -> None:
    request = host("SIP/2.0/UDP a", "SIP/2.0/UDP b,SIP/2.0/UDP c")

    assert [request.get_s(f"$sel(via[{at}].host)") for at in (1, 3, -1, -3, 0, 4)] == ["a", "c", "c", "c", None, None]


@pytest.mark.parametrize(
    ("via", "uri", "port"),
    [
        ("SIP/2.0/UDP h:5070", "sip:h:5070;transport=udp", 5070),
        ("SIP/2.0/UDP h:5070;rport=5080;received=192.0.2.1", "sip:192.0.2.1:5080;transport=udp", 5080),
        ("SIP/2.0/UDP h;rport=+5", "sip:h:5;transport=udp", 5),
        ('SIP/2.0/UDP h;rport=""', "sip:h:5060;transport=udp", 5060),
        ("SIP/2.0/UDP h;received ;x", "sip::5060;transport=udp", 5060),
        ("SIP/2.0/WSS h:1", "sip:h:1;transport=ws", 1),
        ("SIP/2.0/XUDP h", "sip:h:5060;transport=udp", 5060),
        ("SIP/2.0/UDP h;rport=x", None, 0),
        ("SIP/2.0/UDP h;rport=4294967296", None, 0),
    ],
)
def test_a_reply_goes_where_its_second_via_says(via: str, uri: str | None, port: int) -> None:
    message = reply(via)

    assert (message.get_s("$rpl(duri)"), message.get_i("$rpl(dport)")) == (uri, port)
    assert (message.get_s("$nh(u)"), message.get_i("$nh(p)")) == (uri, port)


def test_only_nh_knows_the_port_of_tls() -> None:
    message = reply("SIP/2.0/TLS h")

    assert (message.get_i("$nh(p)"), message.get_i("$rpl(dport)")) == (5061, 5060)


def test_vias_are_counted_only_where_all_headers_can_be_parsed() -> None:
    assert reply("SIP/2.0/UDP a,SIP/2.0/UDP b").get_s("$rpl(cntvia)") == "3"
    broken = host("SIP/2.0/UDP a", first_line="SIP/2.0 200 OK", behind="Via: SIP/2.0/UDP h;")
    assert [broken.get_s(name) for name in ("$rpl(cntvia)", "$rpl(cntrr)", "$via0(host)")] == [None, None, None]
    assert (broken.get_s("$sel(via.host)"), broken.get_s("$sel(via[-1].host)")) == ("a", None)


@pytest.mark.parametrize(
    ("sent", "forwarded", "replied"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("[127.0.0.1]", "[127.0.0.1];received=127.0.0.1", "[127.0.0.1];received=127.0.0.1"),
        ("h : 5070", "h : 50;received=127.0.0.170", "h : 5070;received=127.0.0.1"),
        ("h;rport ;x", "h;received=127.0.0.1;rport=5163;x", "h;rport=5163;x;received=127.0.0.1"),
        ('h;rport="1";x', 'h;received=127.0.0.1;rport=5163";x', 'h;rport=5163";x;received=127.0.0.1'),
        ("h;x;received=9;rport", "h;x;received=127.0.0.1;rport=5163", "h;x;received=9;rport=5163;received=127.0.0.1"),
    ],
)
def test_received_and_rport_go_where_kamailio_puts_them(sent: str, forwarded: str, replied: str) -> None:
    request = host(f"SIP/2.0/UDP {sent}")

    via = b"\r\nVia: SIP/2.0/UDP %b\r\n"
    assert via % forwarded.encode() in (request.forwarded() or b"")
    assert via % replied.encode() in (request.reply(200, "OK") or b"")


SOCKETS = (
    Socket(Address("127.0.0.1", 5100), "main"),
    Socket(Address("127.0.0.1", 5101), "alt", Address("203.0.113.5", 5070)),
    Socket(Address("2001:db8::1", 5060), "six"),
)


@pytest.mark.parametrize(
    ("text", "status", "socket"),
    [
        ("UDP:127.0.0.1:5101", 0, "udp:127.0.0.1:5101"),
        ("203.0.113.5", 0, "udp:127.0.0.1:5101"),
        ("203.0.113.5:5101", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:5070", 0, "udp:127.0.0.1:5101"),
        ("[127.0.0.1]:5101", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:0", 0, "udp:127.0.0.1:5100"),
        ("udp:127.0.0.1: 5101", 0, "udp:127.0.0.1:5101"),
        ("udp:127.0.0.1:+5101", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:70637", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:-60435", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:" + "9" * 5000, 0, None),
        ("[2001:DB8:0::1]:5060", 0, "udp:[2001:db8::1]:5060"),
        (":5060", 0, None),
        ("udp::5101", 0, None),
        ("tcp:127.0.0.1:5101", 0, None),
        ("[", 0, None),
        ("tls:127.0.0.1:5101", -1, None),
        ("ws:127.0.0.1", -1, None),
        ("none:127.0.0.1:5101", -1, None),
        ("sip:127.0.0.1:5101", -1, None),
        ("sip:", -1, None),
        ("1:", -1, None),
        ("::1", -1, None),
        ("]", -1, None),
        ("[[::1]]", -1, None),
        ("udp:127.0.0.1:5101 ", -1, None),
    ],
)
def test_a_socket_is_written_as_in_the_configuration(text: str, status: int, socket: str | None) -> None:
    request = host("SIP/2.0/UDP 192.0.2.5", environment=Environment(sockets=SOCKETS))

    assert (request.set_s("$fs", text), request.get_s("$fs")) == (status, socket)


def test_a_branch_keeps_its_socket_when_another_does_not_parse_and_loses_it_when_none_matches() -> None:
    request = host("SIP/2.0/UDP 192.0.2.5", environment=Environment(sockets=SOCKETS))
    request.set_s("$sbranch(uri)", "sip:x@example.com")
    request.set_s("$sbranch(send_socket)", "127.0.0.1")

    given = [
        (request.set_s("$sbranch(send_socket)", text), request.get_s("$sbranch(send_socket)")) for text in (":", "x")
    ]

    assert given == [(-1, "udp:127.0.0.1:5100"), (0, None)]


def test_the_last_via_needs_the_empty_line_behind_the_headers() -> None:
    data = b"OPTIONS sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP a,SIP/2.0/UDP b\r\nCSeq: 1 OPTIONS\r\n"

    given = [[MessageHost(text).get_s(f"$sel(via[{at}].host)") for at in (1, 2, -1)] for text in (data, data + b"\r\n")]

    assert given == [["a", "b", None], ["a", "b", "b"]]


@pytest.mark.parametrize(
    ("target", "own"),
    [
        ("0", "127.0.0.1"),
        ("1.2.3:99", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("08", None),
        ("1.2.3;transport=tcp", None),
    ],
)
def test_the_own_address_is_known_for_a_next_hop_that_no_server_need_be_asked_about(
    target: str, own: str | None
) -> None:
    request = host("SIP/2.0/UDP 192.0.2.5:5060", first_line=f"INVITE sip:{target} SIP/2.0")

    assert request.get_s("$sel(next_hop.src_ip)") == own


def test_an_r_uri_that_was_written_empty_is_the_next_hop_of_a_select_alone() -> None:
    request = host("SIP/2.0/UDP 192.0.2.5:5060")

    assert request.set_s("$ru", "") == 0
    assert (request.get_s("$sel(next_hop)"), request.get_s("$nh(u)")) == ("", "sip:bob@example.com")
    assert (request.get_s("$sel(next_hop.host)"), request.is_null("$ru")) == (None, 1)
