"""The embedded host as a script sees it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.calls import FAILED, MODF_CANNOT_RUN
from runner.errors import ConfigError
from runner.hosts.embedded.context import Address
from runner.hosts.embedded.host import MessageHost, to_text

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice" <sip:alice@example.org>;tag=a1\r\n'
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Content-Length: 0\r\n\r\n"
)


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(INVITE, source=Address("192.0.2.10", 5070))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$$", "$"),
        ("$nope", None),
        ("$ru ", None),
        ("", None),
    ],
)
def test_a_variable_reads_as_in_kamailio(host: MessageHost, name: str, value: str | None) -> None:
    assert host.get_s(name) == value


def test_a_bad_name_is_an_error_not_null(host: MessageHost) -> None:
    assert host.is_null("$nope") == FAILED


def test_append_goes_behind_the_last_header_and_insert_behind_the_first(host: MessageHost) -> None:
    host.hdr_append("X-Last: 1\r\n")
    host.hdr_insert("X-Second: 1\r\n")

    lines = host.message_bytes().split(b"\r\n")

    assert (lines[2], lines[-3]) == (b"X-Second: 1", b"X-Last: 1")


def test_remove_compares_header_types(host: MessageHost) -> None:
    assert host.hdr_remove("f") == 0

    assert b"From" not in host.message_bytes()


def test_header_edits_are_seen_after_the_message_was_rebuilt(host: MessageHost) -> None:
    host.hdr_append("X-New: 1\r\n")
    before = host.get_s("$hdr(X-New)")

    assert host.modf("msg_apply_changes") == 1

    assert (before, host.get_s("$hdr(X-New)")) == (None, "1")


def test_a_function_that_needs_kamailio_says_so(host: MessageHost) -> None:
    assert host.modf("t_relay") == MODF_CANNOT_RUN

    assert "Kamailio" in host.logs[0][1]


def test_reply_headers_stand_in_the_reply(host: MessageHost) -> None:
    host.hdr_append_to_reply("X-R: 1\r\n")

    reply = host.reply(200, "OK", "t1") or b""

    assert b"\r\nX-R: 1\r\nServer:" in reply
    assert b"To: <sip:bob@example.com>;tag=t1\r\n" in reply


def test_a_format_string_shows_null_as_kamailio_does(host: MessageHost) -> None:
    assert host.expand("a $rU b $ua $$c") == "a bob b <null> $c"


def test_a_bad_format_string_is_one_clear_error(host: MessageHost) -> None:
    with pytest.raises(ConfigError, match="nope"):
        host.expand("x $nope")


def test_bare_line_feeds_are_accepted_and_said() -> None:
    host = MessageHost(INVITE.replace(b"\r\n", b"\n"))

    assert host.had_bare_lf
    assert host.message_bytes() == INVITE


CONTENT_LENGTH_READS = ("$cl", "$rb", "$hdr(Via)", "$msg(hdrc)", "$msg(body)")


@pytest.mark.parametrize("value", [b"7 bytes", b"99999999999", b"7, 7", b"", b"-1"])
def test_a_content_length_that_is_no_number_takes_all_that_asks_for_every_header(value: bytes) -> None:
    host = MessageHost(
        INVITE.replace(b"Content-Length: 0", b"Contact: <sip:c@x>\r\nContent-Length: " + value) + b"hello"
    )

    assert [host.get_s(name) for name in CONTENT_LENGTH_READS] == [None] * len(CONTENT_LENGTH_READS)
    assert (host.hdr_append("X: 1\r\n"), host.hdr_remove("Via"), host.hdr_insert("X: 1\r\n")) == (-1, -1, 0)
    assert (host.modf("has_body"), host.reply(200, "OK")) == (-1, None)
    assert (host.get_s("$ru"), host.get_s("$ci"), host.get_s("$tu")) == (
        "sip:bob@example.com",
        "c1",
        "sip:bob@example.com",
    )
    assert host.get_s("$ct") == "<sip:c@x>"
    assert host.forwarded() is not None


def test_line_ends_in_front_of_the_request_line_are_part_of_the_message_only() -> None:
    host = MessageHost(b"\r\n\r\n" + INVITE)

    assert (host.get_s("$rm"), host.get_s("$ru"), host.get_s("$rv")) == ("INVITE", "sip:bob@example.com", "SIP/2.0")
    assert (host.get_i("$ml"), host.get_s("$mb")) == (len(INVITE) + 4, to_text(b"\r\n\r\n" + INVITE))
    # The first line's length is taken from the start of the data: five bytes of the line end belong to the headers.
    assert host.get_s("$msg(fline)") == "INVITE sip:bob@example.com SIP/2"
    assert (host.get_s("$msg(hdrs)") or "").startswith(".0\r\nVia: ")
    host.set_s("$ru", "sip:carol@example.net")
    assert host.message_bytes().startswith(b"\r\n\r\nINVITE sip:carol@example.net SIP/2.0\r\n")


@given(st.binary(max_size=60).filter(lambda raw: not set(raw) & set(b"\r\n\0")))
def test_any_bytes_of_a_header_survive_reading_and_writing(raw: bytes) -> None:
    value = raw.strip(b" \t")
    host = MessageHost(INVITE.replace(b"Max-Forwards: 70", b"X: " + value))
    text = host.get_s("$hdr(X)")

    assert text == to_text(value)
    assert host.set_s("$var(x)", text or "") == 0
    assert host.get_s("$var(x)") == text
