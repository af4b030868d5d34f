"""What Kamailio 6.0 answers otherwise than 5.6. Each value is what a real 5.6.3 and a real 6.0.1 gave."""

from __future__ import annotations

import pytest

from runner import sip
from runner.sip.uri import parse_uri, parse_uri_6
from tests.hosts.embedded import versions


@pytest.mark.parametrize(
    ("text", "user", "host"),
    [
        (b"urn:ab:b:c", b"", b"ab:b:c"),
        (b"urn:ab;x=1", b"", b"ab"),
        (b"urn:;ab", b"", b";ab"),
        (b"urn:ab:", b"", b"ab:"),
        (b"urn:[::1]:", b"", b"[::1]:"),
        (b"urn:a[::1]", b"", b"a[::1]"),
        (b"urn:ab;b:c@d", b"ab;b", b"d"),
        (b"urn:ab;x:1@y:2", b"ab;x", b"y:2"),
    ],
)
def test_the_host_of_a_urn_is_all_that_names_it(text: bytes, user: bytes, host: bytes) -> None:
    uri = parse_uri_6(text)

    assert uri is not None
    assert (uri.user, uri.host, uri.port) == (user, host, None)


@pytest.mark.parametrize(
    "text", [b"urn:a:b", b"urn:@ax", b"urn::b", b"urn:ab@b", b"urn:ab:b/c", b"urn:[::1]:5", b"urn:ab_b", b"urn:ab:b@c"]
)
def test_a_urn_that_is_no_host_does_not_parse(text: bytes) -> None:
    assert parse_uri_6(text) is None


def test_other_uris_are_read_as_before() -> None:
    for text in (b"sip:a@b;user=phone", b"sips:a@b:5;x=1", b"tel:+1;x=2", b"no uri", b""):
        assert parse_uri_6(text) == parse_uri(text)


def test_what_is_unknown_in_5_6_is_refused_there() -> None:
    older, newer = versions.hosts(versions.message(f"Contact: {versions.CONTACT}"))

    assert [older.is_null("$ctu"), newer.is_null("$ctu")] == [-1, 0]
    assert [older.set_s("$ctu", "x"), newer.set_s("$ctu", "x")] == [-1, 0]
    assert [older.get_s("$_s(a $ctu)"), newer.get_s("$_s(a $ctu)")] == [None, "a sip:a@1.example"]


def test_a_comma_in_a_quoted_parameter_of_a_via_is_text() -> None:
    """core/parser/parse_via.c: 5.6 ends the header there."""
    via = 'SIP/2.0/UDP 127.0.0.1:5160;foo="a,b, c";branch=z9hG4bKx, SIP/2.0/UDP h:5'
    older, newer = (sip.parse(versions.message(via=via), is_6=is_6) for is_6 in (False, True))
    _, host = versions.hosts(versions.message(via=via))

    assert (older.dropped is None, newer.dropped) == (False, None)
    assert [
        host.get_s(name) for name in ("$via0(params)", "$sel(via[1].params.foo)", "$(hfl(Via)[1])", "$hflc(Via)")
    ] == [
        'foo="a,b, c";branch=z9hG4bKx',
        "a,b, c",
        "SIP/2.0/UDP h:5",
        "2",
    ]


@pytest.mark.parametrize(("size", "is_dropped"), [(32766, False), (32767, True)])
def test_a_very_long_message_is_dropped(size: int, is_dropped: bool) -> None:  # noqa: FBT001 - of the table
    """core/udp_server.c, ksr_msg_recv_max_size."""
    data = versions.message("X: " + "x" * (size - len(versions.message("X: "))))
    older, newer = (sip.parse(data, is_6=is_6) for is_6 in (False, True))

    assert (len(data), older.dropped, newer.dropped is not None) == (size, None, is_dropped)
