"""Where a message came through and where its reply goes; each value was given by a real Kamailio 5.6.3."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, through


def reply(*vias: str) -> MessageHost:
    return through("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK9", *vias, first_line="SIP/2.0 200 OK")


def test_of_a_repeated_via_parameter_the_last_is_shown_by_its_variable_and_the_first_by_params() -> None:
    request = through("SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa;branch=z9hG4bKb")

    assert request.get_s("$via0(branch)") == "z9hG4bKb"
    assert request.get_s("$sel(via.branch)") == "z9hG4bKb"
    assert request.get_s("$sel(via.params.branch)") == "z9hG4bKa"


def test_a_comment_is_no_part_of_the_parameter_in_front_of_it() -> None:
    request = through("SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKq (a comment)")

    assert (request.get_s("$via0(branch)"), request.get_s("$sel(via.comment)")) == ("z9hG4bKq", "a comment")


def test_a_transport_that_is_not_known_has_number_7() -> None:
    request = through("SIP/2.0/UDP 192.0.2.5;branch=z9hG4bK1", "SIP/2.0/TLS-SCTP 192.0.2.9;branch=z9hG4bKq")

    assert (request.get_s("$via1(proto)"), request.get_i("$via1(protoid)")) == ("TLS-SCTP", 7)


def test_a_via_without_a_host_has_none_to_show_and_is_not_forwarded() -> None:
    request = through("SIP/2.0/UDP ::1]")

    assert (request.get_s("$via0(host)"), request.get_s("$sel(via.host)"), request.forwarded()) == (None, None, None)


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
    broken = through("SIP/2.0/UDP a", first_line="SIP/2.0 200 OK", behind="Via: SIP/2.0/UDP h;")
    assert [broken.get_s(name) for name in ("$rpl(cntvia)", "$rpl(cntrr)", "$via0(host)")] == [None, None, None]
    assert (broken.get_s("$sel(via.host)"), broken.get_s("$sel(via[-1].host)")) == ("a", None)


def test_the_host_of_the_next_hop_is_an_address_as_kamailio_reads_them() -> None:
    hosts = ("6...", "192.0.2.1", "[2001:db8::1]", "1.2.3", "b.example")

    assert [
        MessageHost(MESSAGE.replace(b"example.com SIP", host.encode() + b" SIP")).get_s("$nh(i)") for host in hosts
    ] == ["4", "4", "6", "0", "0"]


@pytest.mark.parametrize("uri", [b"sip:e;TRANSPORT=tls", b"sips:e", b"tel:1;transport=tls"])
def test_the_port_of_the_next_hop_is_5060_whatever_its_transport(uri: bytes) -> None:
    host = MessageHost(MESSAGE.replace(b"sip:bob@example.com SIP", uri + b" SIP"))

    assert (host.get_s("$nh(p)"), host.get_i("$nh(p)")) == ("5060", 0)


@pytest.mark.parametrize(
    ("expression", "older", "newer"),
    [
        ("$via0(params)", None, versions.VIA.partition(";")[2]),
        ("$via0(oc)", None, "2"),
        ("$via0(ocval)", None, "20"),
        ("$via0(oc-val)", None, "20"),
        ("$via0(ocalgo)", None, "loss"),
        ("$via0(ocvalidity)", None, "500"),
        ("$via0(oc-seq)", None, "5"),
    ],
)
def test_a_variable_of_6_0(expression: str, older: str | None, newer: str | None) -> None:
    assert versions.both(expression, versions.message(f"Contact: {versions.CONTACT}")) == [older, newer]
