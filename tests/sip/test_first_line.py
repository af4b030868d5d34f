"""The first line: what a real Kamailio 5.6.3 took and what it refused."""

from __future__ import annotations

import pytest

from runner.sip.first_line import FirstLine, SipParseError, parse_bad_first_line, parse_first_line

REST = b"Via: SIP/2.0/UDP h\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "method", "uri", "version"),
    [
        (b"INVITE sip:b@x.org SIP/2.0\r\n", b"INVITE", b"sip:b@x.org", b"SIP/2.0"),
        (b"invite sip:b@x.org sip/2.0\n", b"invite", b"sip:b@x.org", b"sip/2.0"),
        (b"INVITE sip:b@x.org \t SIP/2.0 \t\r\n", b"INVITE", b"sip:b@x.org", b"SIP/2.0"),
        (b"INVITE  SIP/2.0\r\n", b"INVITE", b"", b"SIP/2.0"),
        (b"INVITE sip:b@x.org SIP/2.0x\r\n", b"INVITE", b"sip:b@x.org", b"SIP/2.0x"),
        (b"SIP/2.0x 200 OK\r\n", b"SIP/2.0x", b"200", b"OK"),
        (b"(\xe9\0 x SIP/2.0\r\n", b"(\xe9\0", b"x", b"SIP/2.0"),
    ],
)
def test_a_request_line_is_two_tokens_one_blank_apart_and_a_version(
    line: bytes, method: bytes, uri: bytes, version: bytes
) -> None:
    found = parse_first_line(line + REST)

    assert (found.is_request, found.method, found.uri, found.version) == (True, method, uri, version)
    assert (found.start, found.end) == (0, len(line))


@pytest.mark.parametrize(
    ("line", "version", "status", "reason"),
    [
        (b"SIP/2.0 200 OK\r\n", b"SIP/2.0", b"200", b"OK"),
        (b"sip/2.0 999 \t Not  Found \r\n", b"sip/2.0", b"999", b"Not  Found "),
        (b"SIP/2.0 100 \r\n", b"SIP/2.0", b"100", b""),
    ],
)
def test_a_status_line_is_the_version_three_digits_and_any_reason(
    line: bytes, version: bytes, status: bytes, reason: bytes
) -> None:
    found = parse_first_line(line + REST)

    assert (found.is_request, found.version, found.status, found.reason) == (False, version, status, reason)


@pytest.mark.parametrize("lead", [b"\r\n", b"\n\n", b" ", b"\t\r\n", b"\0", b"\r"])
def test_line_ends_blanks_and_nuls_in_front_are_skipped(lead: bytes) -> None:
    line = b"INVITE sip:b@x.org SIP/2.0\r\n"

    found = parse_first_line(lead + line + REST)

    assert found == FirstLine(
        len(lead),
        len(lead + line),
        is_request=True,
        method=b"INVITE",
        uri=b"sip:b@x.org",
        uri_start=len(lead) + 7,
    )


@pytest.mark.parametrize(
    ("line", "length"),
    [
        (b"INVITE sip:b SIP/2.0\rx\r\n", 24),  # all up to the LF goes unread
        (b"INVITE sip:b SIP/2.0\n\r", 22),  # and a CR behind it
    ],
)
def test_the_line_ends_at_its_lf(line: bytes, length: int) -> None:
    assert parse_first_line(line + REST).end == length


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (b"INVITE sip:b@x.org\r\n", 19),
        (b"INVITE\tsip:b@x.org SIP/2.0\r\n", 1),
        (b"INVITE  sip:b@x.org SIP/2.0\r\n", 8),
        (b"INVITE sip:b@x.org SIP/2.0 x\r\n", 20),
        (b"INVITE sip:b@x.org SIP/2.0\0 x\r\n", 20),
        (b" x y\r\n", 5),
        (b"SIP/2.0  200 OK\r\n", 9),
        (b"SIP/2.0 20 OK\r\n", 9),
        (b"SIP/2.0 2x0 OK\r\n", 9),
        (b"SIP/2.0 200\r\n", 9),
        (b"SIP/2.0\t200 OK\r\n", 1),
    ],
)
def test_anything_else_is_refused_with_its_place(line: bytes, column: int) -> None:
    with pytest.raises(SipParseError) as caught:
        parse_first_line(line + REST)

    assert (caught.value.line, caught.value.column) == (1, column)


@pytest.mark.parametrize("data", [b"", b"A b C\r\n\r\n", b"INVITE sip:b SIP/2.0", b"\r\n" * 20])
def test_too_few_bytes_and_no_line_end_are_refused(data: bytes) -> None:
    with pytest.raises(SipParseError):
        parse_first_line(data)


@pytest.mark.parametrize(
    ("version", "is_sip"),
    [(b"SIP/2.0", True), (b"sip/2.0", True), (b"SIP/2.0x", True), (b"SIP/3.0", False), (b"HTTP/1.1", False)],
)
def test_a_version_that_begins_with_sip_2_0_is_sip(version: bytes, *, is_sip: bool) -> None:
    assert parse_first_line(b"GET sip:b@x.org " + version + b"\r\n" + REST).is_sip is is_sip


@pytest.mark.parametrize(
    ("line", "method", "uri"),
    [
        (b"OPTIONS sip:b@b.example 5060 SIP/2.0\r\n\r\n", b"OPTIONS", b"sip:b@b.example"),
        (b"OPTIONS  = SIP/2.0\r\n\r\n", b"OPTIONS", b""),
        (b"OPTIONS sip:b@b.example\r\n\r\n", b"OPTIONS", b""),
        (b"OPTIONS\tsip:b@b.example SIP/2.0\r\n\r\n", b"", b""),
        (b"A b SIP/2.0\r\n\r\n", b"", b""),
    ],
)
def test_of_a_line_that_cannot_be_read_a_method_and_a_uri_may_be_known(line: bytes, method: bytes, uri: bytes) -> None:
    found = parse_bad_first_line(line)

    assert (found.is_request, found.is_reply, found.method, found.uri) == (False, False, method, uri)
    assert not uri or line[found.uri_start :].startswith(uri)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "expected at least 17 bytes, got 0"),
        (b"A sip:b SIP/2.0\n", "expected at least 17 bytes, got 16"),
        (b"\0" * 100, "expected at least 17 bytes behind the blanks, line ends and NULs in front, got 0"),
    ],
)
def test_too_few_bytes_are_counted_from_where_the_message_begins(data: bytes, told: str) -> None:
    with pytest.raises(SipParseError, match=f": {told}$"):
        parse_first_line(data)
