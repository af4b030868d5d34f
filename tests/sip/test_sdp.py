"""Session descriptions, as core/parser/sdp/sdp.c of Kamailio 5.6.3 reads them."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from runner.sip.multipart import BOUNDARY, as_only_part
from runner.sip.sdp import RFC2543_HOLD, RFC3264_HOLD, audio_hold, sessions

SDP = b"application/sdp"


def body(*lines: str, connection: str = "c=IN IP4 192.0.2.1") -> bytes:
    head = ["v=0", "o=alice 1 1 IN IP4 192.0.2.1", "s=-", connection, "t=0 0"]
    return "\r\n".join([*filter(None, head), *(lines or ["m=audio 49170 RTP/AVP 0"]), ""]).encode()


def hold(text: bytes) -> int:
    found = sessions(SDP, text)
    assert found is not None
    return audio_hold(found)


def test_each_stream_is_there_in_order() -> None:
    found = sessions(SDP, body("m=audio 49170 RTP/AVP 0", "m=video 49172 RTP/AVP 31"))

    assert found is not None
    assert [stream.media for stream in found[0].streams] == [b"audio", b"video"]
    assert found[0].family == 4


@pytest.mark.parametrize("line", ["a=sendonly", "a=inactive"])
def test_a_direction_without_receiving_is_hold(line: str) -> None:
    assert hold(body("m=audio 49170 RTP/AVP 0", line)) == RFC3264_HOLD
    assert hold(body(line, "m=audio 49170 RTP/AVP 0")) == RFC3264_HOLD


def test_the_address_0_is_hold_of_the_older_kind() -> None:
    assert hold(body(connection="c=IN IP4 0.0.0.0")) == RFC2543_HOLD
    assert hold(body("m=audio 49170 RTP/AVP 0", "c=IN IP4 0.0.0.0")) == RFC2543_HOLD


def test_an_address_that_is_not_known_yet_is_no_hold() -> None:
    """RFC 8840: port 9 and address 0.0.0.0 until a candidate is found."""
    lines = ("m=audio 9 RTP/AVP 0", "a=ice-options:ice2 trickle")

    assert hold(body(*lines, connection="c=IN IP4 0.0.0.0")) == 0
    assert hold(body(lines[0], connection="c=IN IP4 0.0.0.0")) == RFC2543_HOLD


def test_a_stream_that_flows_is_no_hold() -> None:
    assert hold(body("m=audio 49170 RTP/AVP 0", "a=sendrecv")) == 0
    assert hold(body("m=video 49170 RTP/AVP 0", "a=sendonly")) == 0


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        (b"text/plain", body()),
        (SDP, b""),
        (SDP, b"v=0\r\n"),
        (SDP, body(connection="")),
        (SDP, body().replace(b"m=", b"n=")),
        (SDP, body().replace(b"v=0", b" v=0")),
        (SDP, body("m=audio 49170")),
        (SDP, body(connection="c=IN IP5 x")),
        (SDP, body(connection="c=IP4 192.0.2.1")),
        (SDP, body(connection="c=IN IP4")),
        (SDP, body().replace(b"o=alice 1 1 IN IP4 192.0.2.1", b"o=- IP4 1.2")),
        (SDP, b"hello"),
        (SDP + b";x=a,b", body()),
        (b"application/\r\n sdp", body()),
        (b"multipart/mixed", body()),
    ],
)
def test_what_does_not_parse_is_none(content_type: bytes, text: bytes) -> None:
    assert sessions(content_type, text) is None


def host(text: bytes, content_type: str = "application/sdp") -> MessageHost:
    head = f"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nContent-Type: {content_type}\r\n\r\n"
    return MessageHost(head.encode() + text)


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("multipart/mixed", b"--b\r\nContent-Type: application/sdp\r\n\r\n" + body() + b"\r\n--b--\r\n"),
        ("application/sdp", body(connection="")),
        ("application/sdp", b"v=0\r\no=- 5 6 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"),
        ("application/sdp", b"hello"),
    ],
    ids=["no boundary", "no connection", "no stream", "text"],
)
def test_sdp_that_does_not_parse_has_no_body_and_no_version(content_type: str, text: bytes) -> None:
    message = host(text, content_type)

    assert [message.get_s(name) for name in ("$sdp(body)", "$sdp(sess_version)", "$sdp(body)")] == [None] * 3
    assert [message.modf(name) for name in ("sdp_content", "is_audio_on_hold")] == [-1, -1]
    assert message.get_s("$rb") == text.decode()


@pytest.mark.parametrize(
    ("version", "text", "number"),
    [
        ("6", "6", 6),
        ("007", "007", 7),
        ("+5", "+5", 5),
        ("-", "-", 0),
        ("-2147483648", "-2147483648", -2147483648),
        ("2147483648", None, 0),
        ("x", None, 0),
        ("", None, 0),
    ],
)
def test_a_version_is_a_number_of_31_bits_with_or_without_a_sign(version: str, text: str | None, number: int) -> None:
    message = host(body().replace(b"alice 1 1", b"alice 1 " + version.encode()))

    assert (message.get_s("$sdp(sess_version)"), message.get_i("$sdp(sess_version)")) == (text, number)


def test_the_last_description_of_a_multipart_body_is_the_one_shown() -> None:
    first, second = body(), body().replace(b"alice 1 1", b"alice 1 2")
    parts = [b"--b\r\nc: application/sdp\r\n\r\n" + part for part in (first, second)]
    message = host(b"".join(parts) + b"\r\n--b--\r\n", "Multipart/Mixed;boundary='b'")

    assert message.get_s("$sdp(body)") == (second + b"\r\n").decode()
    assert message.get_s("$sdp(sess_version)") == "2"


def test_a_multipart_body_without_sdp_has_an_empty_one() -> None:
    message = host(b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "multipart/mixed;boundary=b")

    assert (message.get_s("$sdp(body)"), message.get_s("$sdp(sess_version)")) == ("", None)
    assert message.modf("sdp_content") == 1


@pytest.mark.parametrize(
    "text",
    [
        b"--b\r\nno header\r\n\r\n" + body() + b"--b--\r\n",
        b"--b\r\nContent-Type: */*\r\n\r\n--b--\r\n",
        b"--b\r\nContent-Type: application/sdp, text/plain\r\n\r\n" + body() + b"--b--\r\n",
        b"--b\r\n\r\n--b--\r\nepilogue\r\n",
        b"--c\r\n\r\n--c--\r\n",
    ],
    ids=["no header", "wildcard", "two types", "epilogue", "another boundary"],
)
def test_a_part_that_does_not_parse_loses_the_whole_body(text: bytes) -> None:
    assert sessions(b"multipart/mixed;boundary=b", text) is None


@pytest.mark.parametrize(
    ("boundary", "line"), [("", b"--"), (" ", b"-- "), ("b;x=1", b"--b;x=1"), ('"a b"', b"--a b"), ("'b'", b"--b")]
)
def test_a_boundary_is_all_up_to_the_end(boundary: str, line: bytes) -> None:
    text = line + b"\r\nContent-Type: text/plain\r\n\r\nx\r\n" + line + b"--\r\n"

    assert sessions(f"multipart/mixed; boundary={boundary}".encode(), text) == ()


def test_an_attribute_that_takes_its_line_hides_what_a_cr_alone_separates() -> None:
    text = body("m=audio 49170 RTP/AVP 0", "a=ptime:20", "a=sendonly").replace(b"\r\n", b"\r")

    assert sessions(SDP, text) is not None
    assert hold(text) == 0


def test_the_eleventh_option_is_not_read_and_one_that_was_counts_for_later_streams() -> None:
    streams = ("m=audio 9 RTP/AVP 0", "a=ice-options:%s", "m=audio 9 RTP/AVP 0")
    zero = "c=IN IP4 0.0.0.0"

    assert hold(body(*streams, connection=zero).replace(b"%s", b"trickle")) == 0
    assert hold(body(*streams, connection=zero).replace(b"%s", b"1 2 3 4 5 6 7 8 9 10 trickle")) == RFC2543_HOLD


def test_the_only_part_of_a_multipart_body_is_found_again() -> None:
    content_type = b"multipart/mixed;boundary=" + BOUNDARY

    # The CRLF in front of the boundary is part of the text.
    assert sessions(content_type, as_only_part(SDP, body())) == sessions(SDP, body() + b"\r\n")
    assert sessions(content_type, as_only_part(b"text/plain", body())) == ()


@pytest.mark.parametrize(
    ("connection", "older", "newer"),
    [
        ("c=IN IP4  192.0.2.1", b"192.0.2.1", b"192.0.2.1"),
        ("c=IN IP4 1", b"1", b"1"),
        ("c=IN IP4\t192.0.2.1", b"192.0.2.1", None),
        ("c=IN IP41.2.3.4", b".2.3.4", None),
    ],
)
def test_6_wants_a_blank_between_a_family_and_its_address(connection: str, older: bytes, newer: bytes | None) -> None:
    text = body(connection=connection)

    found = [sessions(SDP, text, is_6=is_6) for is_6 in (False, True)]
    assert [None if one is None else one[0].address for one in found] == [older, newer]
