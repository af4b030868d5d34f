"""Session descriptions, as core/parser/sdp/sdp.c of Kamailio 5.6.3 reads them."""

from __future__ import annotations

import pytest

from runner.sip.sdp import BOUNDARY, RFC2543_HOLD, RFC3264_HOLD, as_only_part, audio_hold, media_type, sessions

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
        (b"multipart/mixed", body()),
    ],
    ids=["another type", "empty", "no origin", "no connection", "no boundary"],
)
def test_what_does_not_parse_is_none(content_type: bytes, text: bytes) -> None:
    assert sessions(content_type, text) is None


def test_the_only_part_of_a_multipart_body_is_found_again() -> None:
    content_type = b"multipart/mixed;boundary=" + BOUNDARY

    assert sessions(content_type, as_only_part(SDP, body())) == sessions(SDP, body())
    assert sessions(content_type, as_only_part(b"text/plain", body())) == ()


def test_a_type_has_no_blanks_no_capitals_and_no_parameters() -> None:
    assert media_type(b"Application / SDP ; x=1") == SDP
