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
        (b"SIP/2.0 2000 OK\r\n\r\n", "line 1, column 9"),
    ],
)
def test_anything_but_a_message_is_one_error_with_its_place(data: bytes, where: str) -> None:
    with pytest.raises(sip.SipParseError, match=where):
        sip.parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_first_line_stay_as_they_are(rest: bytes) -> None:
    assert bytes(sip.parse(HEAD + rest)) == HEAD + rest


@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_or_the_one_error(data: bytes) -> None:
    try:
        sip.parse_text(data)
    except sip.SipParseError as error:
        assert min(error.line, error.column) >= 1  # noqa: PT017 - both outcomes are right
