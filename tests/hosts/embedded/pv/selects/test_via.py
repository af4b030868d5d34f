"""Selects of a Via; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import OF_SELECTS, host_with, through, values


def test_a_via_has_a_number_from_one_and_a_negative_one_is_the_last(host: MessageHost) -> None:
    assert values(
        host, "v.branch via[2].host via[3].port via[-1].transport via[-2].transport via[0].host via[4].host"
    ) == [
        "z9hG4bK1",
        "h.example",
        "5061",
        "TLS",
        "TLS",
        None,
        None,
    ]


def test_a_parameter_of_a_via_is_the_first_of_that_name(host: MessageHost) -> None:
    assert values(host, "via[2].params.x via[2].received") == ["1", "192.0.2.7"]


def test_a_number_low_enough_wraps_around_as_it_is_counted_down(host: MessageHost) -> None:
    selects = "via[-2147483646].host via[-2147483645].host msg.header.s[-2147483648]"

    assert values(host, selects) == [None, "[2001:db8::1]", None]


def test_a_via_has_a_comment() -> None:
    host = host_with(OF_SELECTS.replace(b"z9hG4bK1;rport", b"z9hG4bK1 (a comment)"))

    assert values(host, "via.comment via.branch via.name via.version") == ["a comment", "z9hG4bK1", "SIP", "2.0"]


def test_the_protocol_of_a_via_is_shown_as_written() -> None:
    request = through("sip/2.0/udp 192.0.2.5:5060;rport;branch=z9hG4bKq")

    assert [request.get_s(f"$sel(via.{name})") for name in ("name", "version", "transport")] == ["sip", "2.0", "udp"]


def test_any_negative_index_of_a_via_is_the_last() -> None:
    request = through("SIP/2.0/UDP a", "SIP/2.0/UDP b,SIP/2.0/UDP c")

    assert [request.get_s(f"$sel(via[{at}].host)") for at in (1, 3, -1, -3, 0, 4)] == ["a", "c", "c", "c", None, None]


def test_the_last_via_needs_the_empty_line_behind_the_headers() -> None:
    data = b"OPTIONS sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP a,SIP/2.0/UDP b\r\nCSeq: 1 OPTIONS\r\n"

    given = [[MessageHost(text).get_s(f"$sel(via[{at}].host)") for at in (1, 2, -1)] for text in (data, data + b"\r\n")]

    assert given == [["a", "b", None], ["a", "b", "b"]]
