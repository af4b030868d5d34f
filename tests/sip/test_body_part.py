"""The part of a body that is SDP; each is what a Kamailio 5.6.3 gave for ``$sel(msg.body.sdp)``."""

from __future__ import annotations

import time

import pytest

from runner.sip.body_part import body_part, media_type

SDP = b"application/sdp"
PARTS = b"--bb\r\nContent-Type: text/plain\r\n\r\nhello\r\n--bb\r\nX: y\r\n%b\r\nY: z\r\n\r\nv=0\r\n--bb--\r\n"


@pytest.mark.parametrize("content_type", [b"application/sdp", b"Application/SDP ; x=y", b" application / sdp;"])
def test_a_body_of_the_type_is_the_part(content_type: bytes) -> None:
    assert body_part(content_type, b"v=0\r\n", SDP) == b"v=0\r\n"


@pytest.mark.parametrize(
    "content_type",
    [b"text/plain", b"application/sdpx", b"application/sdp, text/plain", b"*/*", b"application/*", b"application", b""],
)
def test_a_body_of_another_type_has_no_such_part(content_type: bytes) -> None:
    assert body_part(content_type, b"v=0\r\n", SDP) is None


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/mixed;boundary=bb",
        b'multipart/related; type=x; Boundary="bb"',
        b"multipart/mixed;boundary=aa;boundary=bb",
    ],
)
@pytest.mark.parametrize("field", [b"Content-Type: application/sdp", b"CONTENT-TYPE :\r\n\tapplication/sdp;a=b"])
def test_a_part_of_a_multipart_body_ends_in_front_of_the_next_boundary(content_type: bytes, field: bytes) -> None:
    found = body_part(content_type, PARTS % field, SDP)

    assert found == (b"v=0" if b"\r\n" not in field else None)


@pytest.mark.parametrize(
    "content_type",
    [b"multipart/mixed", b"multipart/mixed;boundary=", b"multipart/mixed;boundary=bb;", b"multipart/mixed;boundary=cc"],
)
def test_a_multipart_body_needs_its_boundary(content_type: bytes) -> None:
    assert body_part(content_type, PARTS % b"Content-Type: application/sdp", SDP) is None


@pytest.mark.parametrize(
    "body",
    [
        b"--bb\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n",
        b"--bb--\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--bb--\r\n",
        b"--bb\r\nContent-Type: nonsense\r\n\r\nx\r\n--bb\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--bb--\r\n",
        b"--bb\r\n\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--bb--\r\n",
        b"--bb",
        b"",
    ],
)
def test_a_broken_multipart_body_has_no_such_part(body: bytes) -> None:
    assert body_part(b"multipart/mixed;boundary=bb", body, SDP) is None


@pytest.mark.parametrize(
    "piece", [b"--bb\r\n", b"\n", b"--bb\r\nContent-Type: a/b\r\n", b"Content-Type:\r\n ", b"a", b"--bb\r\na\r\n"]
)
def test_a_long_body_takes_a_time_that_grows_with_its_length(piece: bytes) -> None:
    start = time.process_time()
    body_part(b"multipart/mixed;boundary=bb", piece * (1 << 15), SDP)

    assert time.process_time() - start < 5


def test_a_type_has_no_blanks_no_capitals_and_no_parameters() -> None:
    assert media_type(b"Application / SDP ; x=1") == SDP


@pytest.mark.parametrize("content_type", [b"a/*", b"*/b", b"a/*b", b"*a/b", b"a/b, c/d", b"a", b""])
def test_a_wildcard_or_more_than_one_type_is_none(content_type: bytes) -> None:
    assert media_type(content_type) == b""


@pytest.mark.parametrize(
    ("kind", "is_given_up"), [(b"* /b", True), (b"*/sdp;x", True), (b"*/b,", True), (b"*/*", False), (b"a/*", False)]
)
def test_a_part_of_a_wildcard_type_with_a_subtype_ends_the_search(kind: bytes, is_given_up: bool) -> None:  # noqa: FBT001
    body = b"--bb\r\nContent-Type: %b\r\n\r\nq\r\n--bb\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--bb--\r\n" % kind

    assert body_part(b"multipart/mixed;boundary=bb", body, SDP) == (None if is_given_up else b"v=0")
