"""What a URI is to Kamailio; every expectation is what parse_uri.c of 5.6.3 gives."""

import pytest

from runner.sip.uri import Proto, Scheme, Uri, parse_uri, rest_of_bad_uri


def parsed(text: bytes) -> Uri:
    uri = parse_uri(text)
    assert uri is not None
    return uri


def test_a_full_uri_is_split_into_its_parts() -> None:
    uri = parsed(b"sip:alice:secret@example.com:5070;transport=TCP;lr;x=y?Subject=hi&a=b")

    assert (uri.scheme, uri.user, uri.password) == (Scheme.SIP, b"alice", b"secret")
    assert (uri.host, uri.port, uri.port_number) == (b"example.com", b"5070", 5070)
    assert uri.params == uri.sip_params == b"transport=TCP;lr;x=y"
    assert uri.headers == b"Subject=hi&a=b"
    assert (uri.proto, uri.transport, uri.param(b"lr").text) == (Proto.TCP, b"TCP", b"lr")


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        (b"sip:example.com", b"", b"example.com", None),
        (b"sip:example.com:", b"", b"example.com", b""),
        (b"SIPS:a@b", b"a", b"b", None),
        (b"sip:a@[::1]:5060", b"a", b"[::1]", b"5060"),
        (b"sip:[::1];x", b"", b"[::1]", None),
        (b"sip:a;b=c@host", b"a;b=c", b"host", None),
        (b"sip:a?b@host", b"a?b", b"host", None),
        (b"sip:@@host", b"@", b"host", None),
        (b"sip:under_score", b"", b"under_score", None),
        (b"tel:+49-30", b"+49-30", b"", None),
        (b"urn:service:sos", b"service", b"sos", None),
    ],
)
def test_user_host_and_port_are_found(text: bytes, user: bytes, host: bytes, port: bytes | None) -> None:
    uri = parsed(text)

    assert (uri.user, uri.host, uri.port) == (user, host, port)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"sip:",
        b"sips:",
        b"http://x",
        b"tels:123",
        b"sip::a@b",
        b"sip:a@",
        b"sip:@host",
        b"sip:a@under_score",
        b"sip:a@b:70000",
        b"sip:a@b:000080",
        b"sip:a:123456@b",
        b"sip:a@[::1",
        b"sip:a@b;x@y",
        b"sip:a@b?x=y;z",
        b"sip:host:abc",
        b"urn:a:b:c",
    ],
)
def test_a_uri_that_kamailio_refuses_is_refused(text: bytes) -> None:
    assert parse_uri(text) is None


def test_a_uri_that_ends_in_the_middle_of_maddr_is_refused() -> None:
    """The end states of maddr are missing in parse_uri.c; in the middle of a URI the same text passes."""
    assert parse_uri(b"sip:a@b;ma") is None
    assert parse_uri(b"sip:a@b;maddr=") is None
    assert parse_uri(b"sip:a@b;ma;x") is not None


def test_user_phone_makes_a_tel_uri_of_the_user_part() -> None:
    uri = parsed(b"sip:+1;isub=2@gw;user=phone")

    assert (uri.scheme, uri.user, uri.params, uri.host) == (Scheme.TEL, b"+1", b"isub=2", b"gw")
    assert uri.sip_params == b"user=phone"


def test_a_bare_lr_keeps_the_value_of_an_earlier_one() -> None:
    assert parsed(b"sip:a@b;lr=on;lr").param(b"lr").value == b"on"


def test_long_uris_take_linear_time() -> None:
    assert parse_uri(b"sip:" + b"1" * 200_000 + b":" + b"1" * 200_000) is None
    assert parse_uri(b"sip:a" + b";x:" * 100_000) is not None


@pytest.mark.parametrize(
    ("text", "user", "host"),
    [
        (b"sip:bob@example.com:65536", b"bob", b"example.com"),
        (b"sip:example.com:65536", b"example.com", b""),
        (b"sip:example.com:000005060", b"", b"example.com"),
        (b"sip:bob@h_x", b"bob", b""),
        (b"sip:bob:pw@h;a@b", b"bob", b"h"),
        (b"sip:a;b=c@[::1", b"a;b=c", b""),
        (b"sip:@h", b"", b"@h"),
        (b"sip:h;maddr", b"", b"h"),
        (b"tel:+1;maddr", b"", b"+1"),
        (b"tel:+1:000005", b"+1", b""),
        (b"sip:1;a=b@h:000005;user=phone", b"1", b"h"),
        (b"sip:a[b@h", b"", b""),
        (b"http:a@b", b"", b""),
    ],
)
def test_what_was_found_of_a_uri_that_does_not_parse(text: bytes, user: bytes, host: bytes) -> None:
    assert (parse_uri(text), rest_of_bad_uri(text)) == (None, (user, host))
