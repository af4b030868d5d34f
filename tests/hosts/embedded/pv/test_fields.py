"""Headers with a variable of their own, as a Kamailio 5.6.3 answered, or a 6.0.1 where both are named."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, ZEROS, with_headers


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ('Contact: <sip:p@192.0.2.8;+sip.instance="<urn:x:0>">;expires=300', "300", "300"),
        ('Contact: <sip:u@example.org>;expires="5"', "5", "5"),
        ("Contact: <sip:u@example.org>;expires=4294967295", "4294967295", "4294967295"),
        ("Contact: <sip:u@example.org>;expires=4294967296", None, None),
        ("Contact: <sip:u@example.org>;expires=+4;q=1", "4", "4"),
        ("Contact: <sip:u@example.org>;expires=5s", None, None),
        ("Contact: <sip:u@example.org>;expires=7;EXPIRES=8", "8", "8"),
        ("Expires: 60\r\nContact: <sip:u@example.org>;expires, <sip:v@example.org>;expires=9", "9", "60"),
        ("Contact: <sip:u@example.org>, <sip:v@example.org>;expires=9", "9", "9"),
        ("Expires: 60\r\nContact: *", "60", "60"),
        ("Expires: 12 x\r\nContact: <sip:a@b>", "12", "12"),
        ("Expires: 60\r\nContact: <sip:u@example.org>;expires=9;", None, None),
        ("Contact: <sip:u@example.org>", None, None),
    ],
)
def test_the_seconds_of_contacts_are_numbers_of_32_bits(headers: str, least: str | None, most: str | None) -> None:
    one = with_headers(headers)

    assert (one.get_s("$expires(min)"), one.get_s("$expires(max)")) == (least, most)


def described(version: str) -> MessageHost:
    sdp = f"v=0\r\no=a 1 {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4 RTP/AVP 0\r\n"
    head = "INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
    head += "From: <sip:a@a>;tag=a\r\nTo: <sip:b@b>\r\n"
    head += f"Call-ID: a\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n"
    return MessageHost((head + sdp).encode())


@pytest.mark.parametrize(
    ("old", "written", "status", "new"),
    [
        ("6", 7, 0, "7"),
        ("6", -1, 0, "7"),
        ("99", -1, 0, "100"),
        ("6", -2, 0, "-2"),
        ("-5", -1, 0, "-4"),
        ("6", 2147483647, 0, "2147483647"),
        ("007", 8, 0, "8"),
        ("007", -1, -1, "007"),
        ("2147483647", -1, -1, "2147483647"),
        ("2147483648", 7, -1, None),
        ("x", 7, -1, None),
    ],
)
def test_the_version_of_a_description_is_written(old: str, written: int, status: int, new: str | None) -> None:
    host = described(old)
    host.get_s("$sdp(body)")

    assert host.set_i("$sdp(sess_version)", written) == status
    host.modf("msg_apply_changes")
    assert host.get_s("$sdp(sess_version)") == new
    assert host.get_i("$cl") == host.get_i("$bs") == len(host.get_s("$rb") or "")


def test_two_versions_are_both_written_before_the_message_is_built() -> None:
    host = described("6")
    host.get_s("$sdp(body)")

    assert [host.set_i("$sdp(sess_version)", -1), host.set_i("$sdp(sess_version)", -1)] == [0, 0]
    assert host.get_s("$sdp(sess_version)") == "6"
    host.modf("msg_apply_changes")
    assert host.get_s("$sdp(sess_version)") == "77"


def test_no_other_part_of_a_description_is_written_and_no_text() -> None:
    host = described("6")

    assert [host.set_i("$sdp(body)", 7), host.set_s("$sdp(sess_version)", "7"), host.unset("$sdp(sess_version)")] == [
        -1,
        -1,
        -1,
    ]


def test_a_description_that_nothing_has_read_is_not_written() -> None:
    host = described("6")

    assert [host.set_i("$sdp(sess_version)", 7), host.modf("sdp_content"), host.set_i("$sdp(sess_version)", 7)] == [
        -1,
        1,
        0,
    ]
    host.modf("msg_apply_changes")
    assert host.set_i("$sdp(sess_version)", 8) == -1


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ("Event:", None),
        ("Event:\r\nEvent: x", None),
        ("Event: x\r\nEvent:", "x"),
        ("Event: ;", ""),
        ("Event: ;x", ""),
        ("Event: a b", "a"),
    ],
)
def test_an_event_is_null_without_a_text_and_may_have_no_name(headers: str, name: str | None) -> None:
    assert with_headers(headers).get_s("$sel(event)") == name


def test_a_contact_may_have_brackets_in_a_parameter_of_its_uri_and_a_comma_in_its_name() -> None:
    instance = with_headers('Contact: <sip:p@192.0.2.8;+sip.instance="<urn:x:0>">;expires=300')

    assert instance.get_s("$sel(contact.uri)") == 'sip:p@192.0.2.8;+sip.instance="<urn:x:0>"'
    assert with_headers("Contact: Bond, James <sip:b@example.org>").get_s("$sel(contact.name)") == "Bond, James"


@pytest.mark.parametrize(("text", "name"), [("a \r", "a \r"), ("a\t ", "a"), ("a\r\n\t", "a\r\n")])
def test_only_blanks_and_tabs_are_cut_from_the_end_of_a_name(text: str, name: str) -> None:
    assert with_headers(f"Contact: {text}<sip:a@b>").get_s("$sel(msg.h.contact.nameaddr.name)") == name


@pytest.mark.parametrize(
    ("headers", "name", "value"),
    [
        (b"Expires: x9", "$expires(max)", "0"),
        (b"Expires: 12345678901", "$expires(max)", "0"),
        (b"Contact: <sip:a@h>;expires=5,<sip:b@h>\r\nExpires: 60", "$expires(min)", "5"),
    ],
)
def test_lists_of_addresses_are_read_as_their_parsers_do(headers: bytes, name: str, value: str | None) -> None:
    assert MessageHost(MESSAGE.replace(b"X-Custom: one", headers)).get_s(name) == value


def numbered(length: str = "0", cseq: str = "1 INVITE") -> MessageHost:
    lines = ["INVITE sip:bob@example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"]
    lines += ["From: <sip:alice@example.org>;tag=a1", "To: <sip:bob@example.com>", "Call-ID: c1", f"CSeq: {cseq}"]
    lines += [f"Content-Length: {length}", "", ""]
    return MessageHost("\r\n".join(lines).encode("latin-1"))


def test_a_content_length_may_have_any_number_of_zeros() -> None:
    assert [numbered(ZEROS + end).get_i("$cl") for end in ("", "7")] == [0, 7]
    assert [numbered(ZEROS + end).modf("has_body") for end in ("", "7")] == [-1, 1]


@pytest.mark.parametrize("odd", ["\v", "\f", "\x85", "\xa0"])
def test_only_blanks_separate_the_words_of_a_cseq(odd: str) -> None:
    host = numbered(cseq=f"1 INVITE{odd}X")

    assert host.context.message.cseq == (b"1", f"INVITE{odd}X".encode("latin-1"))
    assert numbered(cseq=f"1{odd}2 INVITE").context.message.cseq == (f"1{odd}2".encode("latin-1"), b"INVITE")


@pytest.mark.parametrize(
    ("expression", "older", "newer"),
    [
        ("$ctu", None, "sip:a@1.example"),
        ("$cts", None, "0"),
    ],
)
def test_a_variable_of_6_0(expression: str, older: str | None, newer: str | None) -> None:
    assert versions.both(expression, versions.message(f"Contact: {versions.CONTACT}")) == [older, newer]


SDP = (
    "v=0\r\no=alice 2890844526 2890844527 IN IP4 host.example\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 49170 RTP/AVP 0\r\nb=AS:64\r\nb=RR:\r\na=rtcp:53020 IN IP4 192.0.2.9\r\n"
)


VIDEO = "m=video 51372/2 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\n"


@pytest.mark.parametrize(
    ("body", "part", "value"),
    [
        (SDP, "raw", SDP),
        (SDP, "sess_version", "2890844527"),
        (SDP, "c:ip", "192.0.2.1"),
        (SDP, "c:af", "2"),
        (SDP, "o:ip", "host.example"),
        (SDP, "m0:raw", SDP[SDP.index("m=") :]),
        (SDP, "m0:b:AS", "64"),
        (SDP, "m0:b:RR", None),
        (SDP, "m0:b:RS", None),
        (SDP, "m0:rtp:port", "49170"),
        (SDP, "m0:rtcp:port", "53020 IN IP4 192.0.2.9"),
        (SDP.replace("a=rtcp:", "a=x:"), "m0:rtcp:port", "49171"),
        (SDP.replace("a=rtcp:", "a=x:").replace("49170", "65535"), "m0:rtcp:port", None),
        (SDP + VIDEO, "c:ip", "2001:db8::1"),
        (SDP + VIDEO, "c:af", "10"),
        (SDP + VIDEO, "m0:rtp:port", "51372/2"),
        (SDP + VIDEO, "m0:rtcp:port", None),
        ("v=0\r\n", "c:ip", None),
    ],
)
def test_parts_of_a_session_description(body: str, part: str, value: str | None) -> None:
    data = versions.message("Content-Type: application/sdp", f"Content-Length: {len(body)}") + body.encode()

    assert versions.both(f"$sdp({part})", data) == [None, value]


def test_a_multipart_body_without_a_description_has_an_empty_one_that_stands_nowhere() -> None:
    body = "--b\r\nContent-Type: text/plain\r\n\r\nv=0\r\n--b--\r\n"
    data = versions.message("Content-Type: multipart/mixed;boundary=b", f"Content-Length: {len(body)}") + body.encode()
    names = ("$sdp(body)", "$(sdp(body){s.len})", "$(sdp(body){s.escape.csv})", "$sdp(sess_version)")

    assert [versions.both(name, data) for name in names] == [["", ""], ["0", "0"], [None, None], [None, None]]


def test_without_a_contact_its_uri_cannot_be_read() -> None:
    """A real 6.0.1 crashes; inside Kamailio the variable is not read."""
    _, newer = versions.hosts(versions.message())

    assert (newer.get_s("$ctu"), newer.is_null("$ctu"), newer.is_null("$cts")) == (None, -1, -1)


def test_a_contact_is_null_where_the_headers_do_not_parse() -> None:
    for contact in ("X: 1", "Contact: <sip:a@b>"):
        _, newer = versions.hosts(versions.message(contact, "Call-ID: 1"))

        assert [newer.is_null("$ctu"), newer.is_null("$cts")] == [1, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$ci", "c1"),
        ("$cs", "1"),
        ("$ua", None),
    ],
)
def test_a_variable_reads_as_in_kamailio(host: MessageHost, name: str, value: str | None) -> None:
    assert host.get_s(name) == value
