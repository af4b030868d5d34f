"""``$expires`` and ``$sdp``, as a Kamailio 5.6.3 answered for the same headers."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost

from .test_lists import host


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
    one = host(headers)

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
    assert host(headers).get_s("$sel(event)") == name


def test_a_contact_may_have_brackets_in_a_parameter_of_its_uri_and_a_comma_in_its_name() -> None:
    instance = host('Contact: <sip:p@192.0.2.8;+sip.instance="<urn:x:0>">;expires=300')

    assert instance.get_s("$sel(contact.uri)") == 'sip:p@192.0.2.8;+sip.instance="<urn:x:0>"'
    assert host("Contact: Bond, James <sip:b@example.org>").get_s("$sel(contact.name)") == "Bond, James"


@pytest.mark.parametrize(("text", "name"), [("a \r", "a \r"), ("a\t ", "a"), ("a\r\n\t", "a\r\n")])
def test_only_blanks_and_tabs_are_cut_from_the_end_of_a_name(text: str, name: str) -> None:
    assert host(f"Contact: {text}<sip:a@b>").get_s("$sel(msg.h.contact.nameaddr.name)") == name
