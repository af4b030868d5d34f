"""
``{s.decode.base58}`` of an empty value: Kamailio reads on up to a NUL (core/basex.c, b58_decode).

So it has a value where the empty text is the end of a copy or stands nowhere, and none where more of a text is behind.
"""

from __future__ import annotations

import pytest

from runner import sip
from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost

ADDRESS = Address("127.0.0.1", 5060)
HEADERS = (
    b"Via: SIP/2.0/UDP 127.0.0.1\r\nFrom: <sip:a@b>;tag=\r\nTo: <sip:c>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
    b"Diversion: <sip:d>;reason=;privacy\r\n"
    b'Authorization: Digest username="a", realm="", nonce="", uri="sip:u", response=""\r\n\r\n'
)


def decoded(uri: bytes, name: str) -> str | None:
    message = sip.parse(b"INVITE " + uri + b" SIP/2.0\r\n" + HEADERS)
    host = MessageHost(message, source=ADDRESS, received_on=Socket(ADDRESS), environment=Environment())
    return host.get_s(name)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        (b"sip:a:", "$(rp{s.decode.base58})"),
        (b"sip:a:", "$(op{s.decode.base58})"),
        (b"sip:a:", "$(nh(p){s.decode.base58})"),
        (b"sip:a:;x", "$(ru{uri.port}{s.decode.base58})"),
        (b"sip:a:;", "$(ru{uri.port}{s.decode.base58})"),
        (b"sip:a:?x=y", "$(ru{uri.port}{s.decode.base58})"),
        (b"sip:a:@b", "$(ru{uri.passwd}{s.decode.base58})"),
        (b"sip:a", "$(hdr(From){nameaddr.name}{s.decode.base58})"),
        (b"sip:a", "$(hdr(From){tobody.tag}{s.decode.base58})"),
        (b"sip:a", "$(dir{s.decode.base58})"),
        (b"sip:a", "$(adn{s.decode.base58})"),
    ],
)
def test_a_text_with_more_behind_it_has_no_value(uri: bytes, name: str) -> None:
    assert decoded(uri, name) is None


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        (b"sip:a:", "$(ru{uri.port}{s.decode.base58})"),
        (b"sip:a;x", "$(ru{uri.port}{s.decode.base58})"),
        (b"sip:a", "$(ru{uri.passwd}{s.decode.base58})"),
        (b"sip:a", "$(hdr(CSeq){nameaddr.name}{s.decode.base58})"),
        (b"sip:a", "$(hdr(To){tobody.tag}{s.decode.base58})"),
    ],
)
def test_the_end_of_a_copy_and_what_stands_nowhere_is_one_nul(uri: bytes, name: str) -> None:
    assert decoded(uri, name) == "\0"


@pytest.mark.parametrize(("uri", "value"), [("sip:b:", "\0"), ("sip:b:;x", None)])
def test_a_written_r_uri_ends_with_a_nul(uri: str, value: str | None) -> None:
    message = sip.parse(b"INVITE sip:a: SIP/2.0\r\n" + HEADERS)
    host = MessageHost(message, source=ADDRESS, received_on=Socket(ADDRESS), environment=Environment())

    host.set_s("$ru", uri)

    assert host.get_s("$(rp{s.decode.base58})") == value


def test_the_reason_of_a_reply_is_followed_by_the_message() -> None:
    message = sip.parse(b"SIP/2.0 200 \r\n" + HEADERS)
    host = MessageHost(message, source=ADDRESS, received_on=Socket(ADDRESS), environment=Environment())

    assert host.get_s("$(rr{s.decode.base58})") is None
