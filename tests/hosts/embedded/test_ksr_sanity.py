"""Checks of a message, as a Kamailio 5.6.3 made them; tests/compare/test_zero_kinds.py compares many more."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import with_headers

DIGEST = 'Authorization: Digest username="a", realm="r", nonce="n", uri="sip:a", response="x"'


def checked(host: MessageHost, checks: int, uri_checks: int = 7) -> tuple[object, list[str]]:
    """The value, and the first line of each reply."""
    value = host.ksr("sanity.sanity_check", [checks, uri_checks])
    return value, [reply.split(b"\r\n")[0].decode() for reply in host.replies]


@pytest.mark.parametrize(
    ("checks", "header", "reply"),
    [
        (1 << 8, "Expires: 60", ""),
        (1 << 8, "Expires: 4294967297", "400 Expires value is illegal"),
        (1 << 8, "Expires: ", "400 Bad Expires Header"),
        (1 << 7, "Content-Length: 0", ""),
        (1 << 7, "Content-Length: 5", "400 Content-Length mis-match"),
        (1 << 9, "Proxy-Require: a, b", "420 Bad Proxy Require Extension"),
        (1 << 10, "Contact: <sip:a@b>", ""),
        (1 << 10, "Contact: <nothing>", "400 Bad Contact URI"),
        (1 << 11, DIGEST, ""),
        (1 << 11, DIGEST.replace('"n"', '""'), "400 Auth Empty Nonce"),
        (1 << 11, DIGEST + ", qop=auth", "400 Bad Auth Credentials"),
        (1 << 11, "Authorization: Digest x", "400 Bad Auth Header"),
        (1 << 13, "Authorization: Basic x", ""),
        (1 << 14, "X: 1", ""),
        (1 << 15, "Expires: x", ""),
    ],
)
def test_what_fails_is_said_in_the_reply(checks: int, header: str, reply: str) -> None:
    assert checked(with_headers(header), checks, 15) == ((-1, [f"SIP/2.0 {reply}"]) if reply else (1, []))


def test_another_scheme_than_digest_is_no_success_and_no_reason_for_a_reply() -> None:
    assert checked(with_headers("Authorization: Basic x"), 1 << 11) == (-1, [])


def test_what_is_not_supported_is_named() -> None:
    host = with_headers("Proxy-Require: one , two")
    checked(host, 1 << 9)

    assert b"\r\nUnsupported: one\r\n" in host.replies[0]


def test_a_message_that_cannot_be_answered_is_not_answered_later_either() -> None:
    host = with_headers("X: 1")
    data = host.context.message.data.replace(b"From: <sip:alice@example.org>;tag=a1", b"From: <>")
    broken = MessageHost(data)

    assert checked(broken, 1 << 12) == (-1, [])
    assert (broken.ksr("sl.send_reply", [200, "OK"]), broken.replies) == (-2, [])


def test_the_defaults_pass_a_plain_request_and_a_put_off_reply_there_is_none() -> None:
    host = with_headers("Content-Length: 0")

    assert (host.ksr("sanity.sanity_check_defaults", []), host.ksr("sanity.sanity_reply", [])) == (1, 1)


def test_a_reply_never_passes_for_its_reason_stands_where_a_request_has_its_version() -> None:
    data = (
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\n\r\n"
    )

    assert checked(MessageHost(data), 1) == (-1, [])
