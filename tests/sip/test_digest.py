"""Digest credentials, as core/parser/digest of Kamailio 5.6.3 reads them. Each value was given by a real one."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from runner.sip.digest import Credentials, parse_credentials


def host(*headers: str, method: str = "REGISTER") -> MessageHost:
    lines = [f"{method} sip:example.org SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bK1", *headers]
    lines += ["From: <sip:alice@example.org>;tag=t1", "To: <sip:bob@example.com>", "Call-ID: 1"]
    return MessageHost("\r\n".join([*lines, f"CSeq: 1 {method}", "", ""]).encode())


@pytest.mark.parametrize("blank", [" ", "\t", "\r\n\t", "\r\n ", ",", "  "])
def test_any_white_space_and_a_comma_end_the_scheme(blank: str) -> None:
    request = host(f'Authorization: Digest{blank}username="u",realm="x"')

    assert (request.get_s("$au"), request.get_s("$ar")) == ("u", "x")


def test_a_backslash_does_not_hide_a_quote() -> None:
    request = host(r'Authorization: Digest username="a\"b", realm="r"')

    assert (request.get_s("$au"), request.get_s("$ar")) == ("a\\", "r")


@pytest.mark.parametrize(
    "body",
    [
        "Basic dXNlcg==",
        "Digest",
        "Digest ",
        'Digest username="u",',
        'Digest username="u',
        "Digest username=,realm=x",
        "Digest username",
        'Digestx username="u"',
    ],
)
def test_what_does_not_parse_has_no_value(body: str) -> None:
    request = host(f"Authorization: {body}")

    assert parse_credentials(body.encode()) is None
    assert [request.get_s(name) for name in ("$au", "$aU", "$ad", "$ar", "$adu", "$au")] == [None] * 6


def test_what_is_missing_is_empty_but_for_the_uri() -> None:
    request = host("Authorization: Digest realm=x")

    assert [request.get_s(name) for name in ("$au", "$ad", "$aU", "$aa", "$adn", "$adu")] == ["", "", "", "", "", None]


@pytest.mark.parametrize(
    ("username", "user", "domain"),
    [
        ("bob", b"bob", None),
        ("bob@example.com", b"bob", b"example.com"),
        ("sip:bob@example.com", b"bob", b"example.com"),
        ("sip:a:b@c", b"a:b", b"c"),
        ("a@b@c:d", b"a", b"b@c:d"),
        ("a@", b"a@", None),
        ("a:b", b"b", None),
        ("", b"", None),
    ],
)
def test_a_username_of_three_bytes_or_more_is_taken_apart(username: str, user: bytes, domain: bytes | None) -> None:
    found = parse_credentials(f'Digest username="{username}"'.encode())

    assert found is not None
    assert (found.user, found.domain, found.params[b"username"]) == (user, domain, username.encode())


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ("Digest nc=1, NC=00000002", {b"nc": b"00000002"}),
        ('Digest username="u"x y, qop = auth', {b"username": b"u", b"qop": b"auth"}),
        ("Digest username2=u, realm=x", {b"realm": b"x"}),
        ("Digest x=1, uri=sip:b, response=r", {b"uri": b"sip:b", b"response": b"r"}),
        # param_parser.c looks for the "=" of a name like realm behind what it compared it with.
        ('Digest realname="x", username="u", nc=2', {b"nc": b"2"}),
        ("Digest realXXXXe=1", {b"nonce": b"1"}),
        ("Digest noncXonse=1", {}),
        ("Digest noncronse=1", {}),
    ],
)
def test_names_are_compared_four_bytes_at_a_time(body: str, params: dict[bytes, bytes]) -> None:
    assert parse_credentials(body.encode()) == Credentials(params)


def test_an_ack_and_a_cancel_have_no_credentials_and_a_reply_may() -> None:
    header = "Authorization: Digest username=u"

    assert [host(header, method=method).get_s("$au") for method in ("ACK", "CANCEL", "BYE")] == [None, None, "u"]
    assert (
        MessageHost(
            bytes(host(header, method="ACK").context.message).replace(b"ACK sip:example.org SIP/2.0", b"SIP/2.0 200 OK")
        ).get_s("$au")
        == "u"
    )


def test_the_first_proxy_authorization_goes_before_any_authorization() -> None:
    request = host("Authorization: Digest username=u", "Proxy-Authorization: Digest username=p")

    assert request.get_s("$au") == "p"


def test_a_header_that_cannot_be_parsed_is_in_the_way_unless_both_stand_before_it() -> None:
    one = ["Authorization: Digest username=u"]

    assert host(*one, "b ad: x").get_s("$au") is None
    assert host(*one, "Proxy-Authorization: Digest username=p", "b ad: x").get_s("$au") == "p"
