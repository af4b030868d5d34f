"""Of siputils, what works on the R-URI and on Contact; tests/compare/test_ksr_steps.py asks a real Kamailio as well."""

from __future__ import annotations

import pytest

from runner.errors import CallRefused
from tests.hosts.embedded.ksr_calls import Message

CONTACT = b"Contact: A <sip:a@h:5070;x=1;transport=tcp>;q=1, <sip:b@h>\r\n"


def uri_behind(function: str, *arguments: str, uri: str = "sip:bob@b.example;x=1;lr") -> tuple[int, str]:
    message = Message(start=f"INVITE {uri} SIP/2.0\r\n".encode())
    answer = message.call(f"siputils.{function}", *arguments)
    return answer, message.text.split(" ")[1]


@pytest.mark.parametrize(
    ("function", "arguments", "answer"),
    [
        ("uri_param", ["lr"], 1),
        ("uri_param", ["x"], -1),
        ("uri_param", ["LR"], -1),
        ("uri_param_value", ["x", "1"], 1),
        ("uri_param_value", ["x", "2"], -1),
        ("uri_param_any", ["X"], 1),
        ("uri_param_any", ["y"], -1),
    ],
)
def test_a_parameter_of_the_request_uri_is_there_or_not(function: str, arguments: list[str], answer: int) -> None:
    assert uri_behind(function, *arguments)[0] == answer


@pytest.mark.parametrize(
    ("uri", "name", "left"),
    [
        ("sip:b@h;x=1;lr", "X", "sip:b@h;lr"),
        ("sip:b@h;x=1;lr", "lr", "sip:b@h;x=1"),
        ("sip:b@h;x=1;x=2?a=b", "x", "sip:b@h;x=1?a=b"),
        ('sip:b@h;x="1";lr', "x", 'sip:b@h";lr'),
        ("sip:b@h;lr", "none", "sip:b@h;lr"),
        ("sip:b@h;;lr", "", "sip:b@h;;lr"),
        ("sip:b@h", "lr", "sip:b@h"),
    ],
)
def test_the_last_parameter_of_a_name_is_removed_from_the_request_uri(uri: str, name: str, left: str) -> None:
    """Of a value in quotes Kamailio leaves the last one."""
    assert uri_behind("uri_param_rm", name, uri=uri) == (1, left)


def test_a_parameter_is_added_to_the_request_uri() -> None:
    assert uri_behind("add_uri_param", "a=b") == (1, "sip:bob@b.example;x=1;lr;a=b")
    assert uri_behind("add_uri_param", "a", uri="sip:h:5070;x?b=c") == (1, "sip:h:5070x;a?b=c"), "a slip of Kamailio's"
    assert uri_behind("add_uri_param", "a" * 1024)[0] == -1
    with pytest.raises(CallRefused, match="bytes of its memory"):
        uri_behind("add_uri_param", "a", uri="sip:b@h?b=c")


def test_the_addresses_of_contact_are_packed_and_unpacked() -> None:
    message = Message(CONTACT)

    assert message.call("siputils.encode_contact", "p", "192.0.2.9") == 1
    packed = "A <sip:p*a**h*5070*tcp@192.0.2.9>;q=1, <sip:p*b**h**@192.0.2.9>"
    assert message.line("Contact") == packed
    assert message.call("textopsx.msg_apply_changes") == 1
    assert message.call("siputils.decode_contact_header") == 1
    assert message.line("Contact") == "A <sip:a@h:5070;transport=tcp>;q=1, <sip:b@h>"


@pytest.mark.parametrize(
    ("contact", "code"),
    [
        (b"", -1),
        (b"Contact: <a>\r\n", -1),
        (b"Contact: <ab>\r\n", -25),
        (b"Contact: <s:a>\r\n", -26),
        (b"Contact: <sips:a@h>\r\n", -509),
        (b"Contact: <a\r\n", -4),
    ],
)
def test_what_cannot_be_packed_has_a_code(contact: bytes, code: int) -> None:
    assert Message(contact).call("siputils.encode_contact", "p", "h") == code


def test_a_contact_is_put_into_a_parameter_of_another_and_back() -> None:
    message = Message(CONTACT)

    assert message.call("siputils.contact_param_encode", "k", "sip:n@n") == 1
    assert "<sip:n@n;k=c2lwOmJAaA>" in message.line("Contact")
    assert message.call("textopsx.msg_apply_changes") == 1
    assert message.call("siputils.contact_param_decode", "K") == 1
    assert message.line("Contact") == CONTACT.decode().removeprefix("Contact: ").removesuffix("\r\n")


def test_a_contact_in_a_parameter_of_the_request_uri_takes_its_place() -> None:
    assert uri_behind("contact_param_decode_ruri", "k", uri="sip:n@n;k=c2lwOmJAaA") == (1, "sip:b@h")
    assert uri_behind("contact_param_decode_ruri", "k", uri="sip:n@n;k=!") == (-1, "sip:n@n;k=!")
    assert uri_behind("contact_param_decode_ruri", "k", uri="sip:n@n;x") == (1, "sip:n@n;x")


def test_a_parameter_of_contacts_is_looked_for_and_removed() -> None:
    message = Message(CONTACT, is_6=True)

    assert message.call("siputils.contact_param_check", "X") == 1
    assert message.call("siputils.contact_param_check", "none") == -1
    assert message.call("siputils.contact_param_rm", "x") == 1
    assert message.line("Contact") == "A <sip:a@h:5070;transport=tcp>;q=1, <sip:b@h>"
    assert Message(is_6=True).call("siputils.contact_param_check", "x") == 1, "without a Contact"


@pytest.mark.parametrize(
    ("date", "seconds", "answer"),
    [
        (b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 60, -4),
        (b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 2147483647, 1),
        (b"Date: 1994\r\n", 60, -1),
        (b"", 60, -1),
    ],
)
def test_a_message_is_too_old_or_not(date: bytes, seconds: int, answer: int) -> None:
    assert Message(date).call("siputils.hdr_date_check", seconds) == answer


def test_nobody_was_authorized() -> None:
    assert Message().call("siputils.is_user", "alice") == -1


def test_the_first_hop_of_a_reply_is_known_by_name_when_asked_so() -> None:
    message = Message(b"Record-Route: <sip:127.0.0.1:5100;lr>\r\n", start=b"SIP/2.0 200 OK\r\n")

    assert message.call("siputils.is_first_hop_mode", 1) == 1
    assert message.call("siputils.is_first_hop_mode", 0) == message.call("siputils.is_first_hop")
    assert (
        Message(b"Record-Route: <sip:other;lr>\r\n", start=b"SIP/2.0 200 OK\r\n").call("siputils.is_first_hop_mode", 1)
        == -1
    )
