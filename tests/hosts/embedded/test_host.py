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
        ("$ru", "sip:bob@example.com"),
        ("$rU", "bob"),
        ("$rd", "example.com"),
        ("$rp", "5060"),
        ("$fu", "sip:alice@example.org"),
        ("$fU", "alice"),
        ("$fd", "example.org"),
        ("$fn", '"Alice"'),
        ("$ft", "a1"),
        ("$tu", "sip:bob@example.com"),
        ("$tt", None),
        ("$ci", "c1"),
        ("$cs", "1"),
        ("$rm", "INVITE"),
        ("$si", "192.0.2.10"),
        ("$sp", "5070"),
        ("$ua", None),
        ("$du", None),
        ("$hdr(f)", '"Alice" <sip:alice@example.org>;tag=a1'),
        ("$(hdr(Max-Forwards)[-1])", "70"),
        ("$$", "$"),
        ("$nope", None),
        ("$ru ", None),
        ("", None),
    ],
)
def test_a_variable_reads_as_in_kamailio(host: MessageHost, name: str, value: str | None) -> None:
    assert host.get_s(name) == value


def test_only_a_value_of_integer_type_has_a_number(host: MessageHost) -> None:
    assert (host.get_i("$rp"), host.get_i("$sp")) == (0, 5070)


def test_a_script_variable_is_never_null_and_starts_at_zero(host: MessageHost) -> None:
    assert (host.is_null("$var(x)"), host.get_s("$var(x)"), host.is_null("$avp(x)")) == (0, "0", 1)


def test_a_bad_name_is_an_error_not_null(host: MessageHost) -> None:
    assert host.is_null("$nope") == FAILED


def test_a_part_of_the_request_uri_is_seen_at_once(host: MessageHost) -> None:
    assert host.set_s("$rU", "carol") == 0

    assert host.get_s("$ru") == "sip:carol@example.com"


def test_a_write_to_from_is_seen_in_the_outgoing_message_only(host: MessageHost) -> None:
    assert host.set_s("$fU", "zoe") == 0

    assert host.get_s("$fU") == "alice"
    assert b"<sip:zoe@example.org>" in host.message_bytes()


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


@pytest.mark.parametrize(("line", "number"), [(b"invite", 1), (b"Get", 32768), (b"DELETE", 262144), (b"FOO", 524288)])
def test_the_number_of_a_method_does_not_depend_on_its_case(line: bytes, number: int) -> None:
    host = MessageHost(INVITE.replace(b"INVITE", line, 1))

    assert (host.get_s("$rm"), host.get_i("$rmid")) == (line.decode(), number)


@pytest.mark.parametrize(
    ("name", "others"),
    [("$rU", len("sip:@example.com")), ("$rd", len("sip:bob@")), ("$rp", len("sip:bob@example.com:"))],
)
def test_a_part_that_makes_the_request_uri_longer_than_1024_bytes_is_refused(
    host: MessageHost, name: str, others: int
) -> None:
    assert host.set_s(name, "1" * (1025 - others)) == FAILED
    assert host.get_s("$ru") == "sip:bob@example.com"
    assert host.set_s(name, "1" * (1023 - others)) == 0
    assert host.get_i("$ml") == len(INVITE)
    assert len(host.message_bytes()) == len(INVITE) + 1023 - len("sip:bob@example.com")


def test_a_whole_request_uri_or_destination_may_have_any_length(host: MessageHost) -> None:
    uri = "sip:" + "h" * 20000

    assert (host.set_s("$ru", uri), host.get_s("$ru")) == (0, uri)
    assert (host.set_s("$du", uri), host.get_s("$du")) == (0, uri)
    assert host.modf("append_branch") == -1


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        ("$br", 1023),
        ("$branch(uri)", 1023),
        ("$branch(dst_uri)", 1023),
        ("$branch(path)", 255),
        ("$sbranch(uri)", 1023),
        ("$sbranch(dst_uri)", 1023),
        ("$sbranch(path)", 255),
    ],
)
def test_a_branch_has_room_for_1023_bytes_of_a_uri_and_255_of_a_path(
    host: MessageHost, name: str, longest: int
) -> None:
    host.set_s("$br", "sip:b@example.com")
    host.set_s("$sbranch(uri)", "sip:b@example.com")

    assert (host.set_s(name, "x" * (longest + 1)), host.set_s(name, "x" * longest)) == (FAILED, 0)


@pytest.mark.parametrize("size", [8191, 8192])
def test_several_values_together_and_a_format_string_have_at_most_8191_bytes(host: MessageHost, size: int) -> None:
    host.set_s("$avp(a)", "x" * (size - 3))
    host.set_s("$avp(a)", "y")
    host.set_s("$xavp(x=>a)", "x" * (size - 3))
    host.set_s("$xavp(x[0]=>a)", "y")
    host.set_s("$var(v)", "x" * (size - 1))
    headers = MessageHost(INVITE[:-2] + b"X: \r\nX: y\r\nX: " + b"x" * (size - 2) + b"\r\n\r\n")
    texts = [
        host.get_s("$(avp(a)[*])"),
        host.get_s("$xavp(x[0]=>a[*])"),
        host.get_s("$_s(y$var(v))"),
        headers.get_s("$(hdr(X)[*])"),
    ]

    assert [None if text is None else len(text) for text in texts] == [size if size < 8192 else None] * 4
    assert (host.is_null("$(avp(a)[*])"), host.is_null("$_s(y$var(v))")) == ((0, 0) if size < 8192 else (1, -1))


def test_there_is_room_for_eleven_branches_whoever_appends_them(host: MessageHost) -> None:
    assert [host.modf("append_branch") for _ in range(12)] == [1] * 11 + [-1]


def test_a_destination_set_of_more_than_4093_bytes_is_null(host: MessageHost) -> None:
    for size in (1023, 1023, 1023, 1001):
        host.set_s("$br", "x" * size)

    assert len(host.get_s("$ds") or "") == 4093
    host.set_s("$(branch(uri)[3])", "x" * 1002)
    assert host.is_null("$ds") == 1


@given(st.binary(max_size=60).filter(lambda raw: not set(raw) & set(b"\r\n\0")))
def test_any_bytes_of_a_header_survive_reading_and_writing(raw: bytes) -> None:
    value = raw.strip(b" \t")
    host = MessageHost(INVITE.replace(b"Max-Forwards: 70", b"X: " + value))
    text = host.get_s("$hdr(X)")

    assert text == to_text(value)
    assert host.set_s("$var(x)", text or "") == 0
    assert host.get_s("$var(x)") == text


def status_lines(host: MessageHost) -> list[str]:
    return [to_text(reply).split("\r\n", 1)[0] for reply in host.replies]


NO_FAULT = "SIP/2.0 500 I'm terribly sorry, server error occurred (1/SL)"
BAD_URI = "SIP/2.0 479 Regretfully, we were not able to process the URI (479/SL)"


@pytest.mark.parametrize("read", ["$(ci{uri.user})", "$(ci{tobody.uri})", "$rU"])
def test_the_error_reply_says_that_a_uri_did_not_parse(read: str) -> None:
    host = MessageHost(INVITE)

    host.set_s("$ru", "nothing")
    assert (host.get_s(read), host.modf("sl_reply_error"), host.modf("sl_reply_error")) == (None, 1, 1)
    assert status_lines(host) == [BAD_URI, NO_FAULT]


def test_a_module_function_between_them_makes_the_error_reply_forget_a_fault() -> None:
    host = MessageHost(INVITE)

    assert (host.get_s("$(ci{uri.user})"), host.modf("nonsense"), host.modf("sl_reply_error")) == (None, -127, 1)
    assert (host.get_s("$(ci{uri.user})"), host.modf("is_request"), host.modf("sl_reply_error")) == (None, 1, 1)
    assert status_lines(host) == [BAD_URI, NO_FAULT]


def test_so_does_a_write_of_the_request_uri() -> None:
    host = MessageHost(INVITE)

    assert (host.get_s("$(ci{uri.user})"), host.set_s("$rd", "x"), host.modf("sl_reply_error")) == (None, 0, 1)
    assert status_lines(host) == [NO_FAULT]


def test_the_error_reply_knows_too_many_branches_and_a_missing_header() -> None:
    host = MessageHost(INVITE)

    assert [host.set_s("$br", "sip:x@y") for _ in range(12)] == [0] * 11 + [-1]
    assert host.modf("sl_reply_error") == 1
    assert (host.hdr_remove("CSeq"), host.modf("msg_apply_changes")) == (0, 1)
    assert (host.modf("t_release"), host.modf("sl_reply_error")) == (-1, 1)
    assert status_lines(host) == [
        "SIP/2.0 500 Forking capacity exceeded (12/SL)",
        "SIP/2.0 400 Transaction tuple incomplete (9/SL)",
    ]


@pytest.mark.parametrize("function", ["is_gruu", "record_route"])
def test_the_status_of_a_reply_is_an_r_uri_that_does_not_parse(function: str) -> None:
    host = MessageHost(INVITE.replace(INVITE.split(b"\r\n", 1)[0], b"SIP/2.0 200 OK"))

    host.modf(function)
    assert (host.modf("sl_reply_error"), host.get_s("$sel(ruri)"), host.modf("sl_reply_error")) == (1, None, 1)
    assert status_lines(host) == [BAD_URI.replace("SIP/2.0", "OK", 1)] * 2


def test_an_error_reply_to_a_reply_begins_with_its_reason() -> None:
    host = MessageHost(INVITE.replace(INVITE.split(b"\r\n", 1)[0], b"SIP/2.0 200 All fine"))

    assert host.modf("sl_reply_error") == 1
    assert status_lines(host) == ["All fine 500 I'm terribly sorry, server error occurred (1/SL)"]


@pytest.mark.parametrize(
    ("party", "status"), [(None, NO_FAULT), ("", NO_FAULT), ("<a", NO_FAULT), ("x", BAD_URI), ("sip:+12@a", NO_FAULT)]
)
def test_a_remote_party_that_is_missing_is_no_uri_that_does_not_parse(party: str | None, status: str) -> None:
    host = MessageHost(INVITE)

    if party is not None:
        host.set_s("$avp(rpid)", party)
    host.modf("is_rpid_user_e164")
    assert (host.modf("sl_reply_error"), status_lines(host)) == (1, [status])
