"""Selects of the message, its headers and its body; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hosts.embedded.reading import host_with, is_unknown, values

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost

REPLY = (
    b"SIP/2.0 486 Busy Here\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5100;branch=z9hG4bK1\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bK2\r\n"
    b"From: <sip:a@h>;tag=a\r\nTo: <sip:b@h>;tag=b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)


def test_the_message_and_its_first_line(host: MessageHost) -> None:
    assert values(host, "msg.type method msg.request.uri.user version msg.response.status code reason") == [
        "1",
        "INVITE",
        "bob",
        "SIP/2.0",
        None,
        None,
        None,
    ]
    assert values(host_with(REPLY), "msg.type method code reason msg.res.code ruri next_hop msg.request") == [
        "2",
        None,
        "486",
        "Busy Here",
        "486",
        None,
        None,
        None,
    ]


def test_a_line_of_the_description_in_a_multipart_body(host: MessageHost) -> None:
    assert values(host, 'msg.body.sdp.line.m msg.content.sdp.line["m="] msg.body.sdp.line.k msg.body.sdp.line.x') == [
        "audio 4 RTP/AVP 0",
        "audio 4 RTP/AVP 0",
        None,
        None,
    ]
    assert host.get_s("$sel(msg.body.sdp)") == "v=0\r\ns=-\r\nm=audio 4 RTP/AVP 0\r\nk=\r\nz=end"
    assert is_unknown(host, "msg.body.sdp.line.mm")


def test_event_is_its_name_and_expires_its_number(host: MessageHost) -> None:
    assert values(host, "event expires call_id cseq.num cseq.method") == ["presence", "60", "c1", "7", "INVITE"]


def test_any_header_has_a_number_and_one_below_one_is_the_last(host: MessageHost) -> None:
    last = '"N" <sip:xc@example.com;up=1>;p=q;r-s="t u", last'

    assert values(host, 'msg.header.x_custom msg.h["X-Custom"] msg.header.X_CUSTOM[2] msg.header.x_custom[0]') == [
        "one;a=1",
        "one;a=1",
        last,
        last,
    ]
    assert values(host, "msg.header.x_custom[3] msg.header.s msg.header.nosuch") == [None, "one", None]
    assert is_unknown(host, 'msg.header["a b"]')
