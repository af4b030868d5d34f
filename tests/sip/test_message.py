"""The SIP message: it keeps every byte, and refuses with line and column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import sip

HEAD = b"OPTIONS sip:a SIP/2.0\r\n"


def test_a_folded_header_is_one_line() -> None:
    message = sip.parse(HEAD + b"Subject: a\r\n b\r\nX: 1\r\n\r\nbody")

    assert [header.body for header in message.headers] == [b"a\r\n b", b"1"]
    assert message.body == b"body"


def test_compact_and_long_names_are_one_header() -> None:
    message = sip.parse(HEAD + b"m: a\r\nContact : b\r\n\r\n")

    assert [header.body for header in message.all_headers(b"contact")] == [b"a", b"b"]


def test_a_header_that_cannot_be_parsed_ends_the_list() -> None:
    message = sip.parse(HEAD + b"A: 1\r\nno colon\r\nB: 2\r\n\r\n")

    assert (len(message.headers), message.broken_at) == (1, len(HEAD) + 6)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "line 1, column 1"),
        (b"INVITE sip:a b SIP/2.0\r\n\r\n", "line 1, column 14"),
        (b"\r\nINVITE sip:a b SIP/2.0\r\n\r\n", "line 2, column 14"),
        (b"SIP/2.0 2000 OK\r\n\r\n", "line 1, column 9"),
    ],
)
def test_anything_but_a_message_is_one_error_with_its_place(data: bytes, where: str) -> None:
    with pytest.raises(sip.SipParseError, match=where):
        sip.parse(data)


VIA, FROM, TO = b"Via: SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bK1", b"From: <sip:a@x.org>;tag=t", b"To: <sip:b@x.org>"
CALL_ID, CSEQ = b"Call-ID: c1", b"CSeq: 1 INVITE"
USUAL = (VIA, FROM, TO, CALL_ID, CSEQ)


def request(*headers: bytes, line: bytes = b"INVITE sip:b@x.org SIP/2.0") -> sip.SipMessage:
    return sip.parse(b"".join(each + b"\r\n" for each in (line, *headers, b"")) + b"hello")


@pytest.mark.parametrize("missing", range(len(USUAL)))
def test_without_one_of_five_headers_kamailio_drops_a_message(missing: int) -> None:
    headers = [header for at, header in enumerate(USUAL) if at != missing]
    name = USUAL[missing].partition(b":")[0].decode()

    for line in (b"INVITE sip:b@x.org SIP/2.0", b"SIP/2.0 200 OK"):
        assert request(*headers, line=line).dropped == f"it has no {name}"
    assert request(*headers, USUAL[missing]).dropped is None


@pytest.mark.parametrize(
    "header",
    [
        b"CSeq: 1 INVITE x",
        b"CSeq: 1",
        b"CSeq: 1\r\n INVITE",
        b"CSeq:",
        b'To: ""unknown"" <sip:u@192.0.2.9>',
        b"To: <sip:b@x.org",
        b"To: <sip:b@x.org>\r\n\0",
        b"To:",
    ],
)
def test_a_cseq_or_to_that_cannot_be_parsed_drops_the_message(header: bytes) -> None:
    name = header.partition(b":")[0].decode()
    headers = [header if usual.startswith(header[:3]) else usual for usual in USUAL]

    assert (request(*headers).dropped or "").endswith(
        f"and above it is no {'To and no ' * (name == 'To')}" + ("CSeq" if name == "CSeq" else "Call-ID and no CSeq")
    )


@pytest.mark.parametrize(
    "via", [b"Via: SIP/2.0/UDP 2001:db8::8:5060;branch=0", b"Via: SIP/3.0/UDP h", b"Via: SIP/2.0/UDP", b"v: x"]
)
def test_a_via_that_cannot_be_parsed_drops_the_message_unless_all_others_stand_above_it(via: bytes) -> None:
    assert (request(VIA, via, *USUAL[1:]).dropped or "").endswith("no From and no To and no Call-ID and no CSeq")
    assert (request(via, *USUAL).dropped or "").endswith("no Via and no From and no To and no Call-ID and no CSeq")
    assert request(*USUAL, via).dropped is None


@pytest.mark.parametrize(
    "header", [b"CSeq: x y", b"CSeq:  1\t INVITE \r\n\t", b"cseq :\r\n 1 ACK", b"CSeq: 1 INVITE;x"]
)
def test_a_cseq_is_any_two_words(header: bytes) -> None:
    assert request(VIA, FROM, TO, CALL_ID, header).dropped is None


@pytest.mark.parametrize("header", [b'From: "a', b"From:", b"f: x <", b"Call-ID:"])
def test_a_from_or_call_id_is_not_looked_into(header: bytes) -> None:
    others = [usual for usual in USUAL if usual[:1].lower() != header[:1].lower() or usual is CSEQ]

    assert request(*others, header).dropped is None


def test_only_what_stands_above_the_first_line_that_cannot_be_parsed_is_there() -> None:
    assert request(*USUAL, b"no colon").dropped is None
    assert request(*USUAL[:4], b"no colon", CSEQ).dropped == (
        "line 6 cannot be parsed ('no colon'), and above it is no CSeq"
    )


@pytest.mark.parametrize("twice", [FROM, TO, CALL_ID, CSEQ, b"Max-Forwards: 1", b"Content-Length: 5"])
def test_a_second_header_of_some_kinds_cannot_be_parsed_in_a_request(twice: bytes) -> None:
    headers = (*USUAL, b"Max-Forwards: 1", b"Content-Length: 5", twice)

    assert request(*headers).broken_at is not None
    assert request(*headers, line=b"SIP/2.0 200 OK").broken_at is None


@pytest.mark.parametrize("value", [b"5", b"0005 ", b"\r\n 5", b"5\r\n\t\r\n ", b"2147483639", b"0" * 3000 + b"5"])
def test_a_content_length_is_digits_and_blanks(value: bytes) -> None:
    assert request(*USUAL, b"Content-Length: " + value).broken_at is None


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"+5", b"7 bytes", b"7, 7", b"0x5", b"5;a", b"2147483640", b"99999999999", b"9" * 5000]
)
def test_any_other_content_length_cannot_be_parsed(value: bytes) -> None:
    message = request(*USUAL, b"Content-Length: " + value)

    assert message.broken_at is not None
    assert message.dropped is None


@pytest.mark.parametrize(
    ("value", "parses"),
    [
        (b"5", True),
        (b"5;duration=3", True),
        (b"5 (busy)", True),
        (b"1234567890", True),
        (b"", False),
        (b"x", False),
        (b"5x", False),
        (b"12345678901", False),
    ],
)
def test_a_retry_after_is_up_to_ten_digits_and_what_follows_them(value: bytes, *, parses: bool) -> None:
    assert (request(*USUAL, b"Retry-After: " + value).broken_at is None) is parses


def test_a_cr_alone_ends_a_via_and_a_to_but_no_other_header() -> None:
    message = request(VIA + b"\r" + FROM, TO + b"\r" + CALL_ID, CSEQ, b"X-A: a\rb")

    assert message.dropped is None
    assert [header.body for header in message.headers[-2:]] == [b"1 INVITE", b"a\rb"]


def test_a_via_may_not_end_the_data_with_a_line_end_but_a_to_may() -> None:
    head = b"INVITE sip:b@x.org SIP/2.0\r\n"
    via_last = sip.parse(head + b"".join(each + b"\r\n" for each in (FROM, TO, CALL_ID, CSEQ, VIA)))
    to_last = sip.parse(head + b"".join(each + b"\r\n" for each in (VIA, FROM, CALL_ID, CSEQ, TO)))

    assert via_last.dropped is not None
    assert to_last.dropped is None


@pytest.mark.parametrize(
    ("to", "is_dropped"), [(b"<sip:a@b>;tag=1\0;x=2", True), (b"<sip:a@b>\0", True), (b'"\\\0" <sip:a@b>', False)]
)
def test_a_to_ends_at_its_line_end_and_not_at_a_nul(to: bytes, *, is_dropped: bool) -> None:
    message = request(VIA, FROM, b"To: " + to, CALL_ID, CSEQ)

    assert (message.dropped is not None) is is_dropped


@pytest.mark.parametrize("to", [b"To: K", b"To: <sip:b@x.org>", b"To: <sip:b@x.org>;tag=t"])
def test_a_to_may_end_at_a_nul_where_nothing_that_is_needed_stands_behind_it(to: bytes) -> None:
    needed = [VIA, FROM, b"Call-ID: 1", b"CSeq: 1 OPTIONS"]

    last, first = (
        sip.parse(HEAD + b"\r\n".join([*lines, b"X: 1", b"", b""]))
        for lines in ([*needed, to + b"\0 "], [to + b"\0 ", *needed])
    )

    assert last.dropped is None
    assert (last.headers[-1].body, last.broken_at) == (to.removeprefix(b"To: "), last.data.index(b"\0"))
    assert first.dropped is not None


def test_white_space_in_front_of_a_body_is_blanks_and_folds_only() -> None:
    message = request(*USUAL, b"X-A: \t\r\n  a", b"X-B: \r\r x", b"X-C: c \0")

    assert [header.body for header in message.headers[-3:]] == [b"a", b"\r\r x", b"c "]


def test_line_ends_in_front_of_a_message_from_a_file_stay() -> None:
    message = sip.parse_text(b"\n\nINVITE sip:b@x.org SIP/2.0\n" + b"\n".join(USUAL) + b"\n\nhello")

    assert (message.had_bare_lf, message.dropped, message.body) == (True, None, b"hello")
    assert message.data.startswith(b"\n\nINVITE sip:b@x.org SIP/2.0\r\n")


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_first_line_stay_as_they_are(rest: bytes) -> None:
    assert bytes(sip.parse(HEAD + rest)) == HEAD + rest


@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_or_the_one_error(data: bytes) -> None:
    try:
        sip.parse_text(data)
    except sip.SipParseError as error:
        assert min(error.line, error.column) >= 1  # noqa: PT017 - both outcomes are right
