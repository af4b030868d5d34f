"""KSR.kx beside the pseudo-variables; tests/compare/test_ksr_steps.py asks a real Kamailio as well."""

from __future__ import annotations

import time

import pytest

from tests.hosts.embedded.ksr_calls import Message

MESSAGE = Message(b'Authorization: Digest username="al",realm="r"\r\nContact: <sip:a@h>;q=1\r\nUser-Agent: \r\n', b"hi")
BARE = Message()


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("get_au", "al"),
        ("get_body", "hi"),
        ("get_bodylen", 2),
        ("get_cturi", "sip:a@h"),
        ("get_def N", "42"),
        ("get_def X", ""),
        ("get_defn N", 42),
        ("get_defn E", 0),
        ("get_env HOME", "/h"),
        ("get_env X", ""),
        ("get_envn SEVEN", 7),
        ("get_envn HOME", 0),
        ("get_msgtype", 1),
        ("get_proto", "udp"),
        ("get_protoid", 1),
        ("get_rcv_sock_name", "main"),
        ("get_status", -1),
        ("gets_status", None),
        ("get_rcvaddr_sock", "udp:127.0.0.1:5100"),
        ("get_rcvadvip", "127.0.0.1"),
        ("get_rcvadvport", 5100),
        ("get_send_sock", None),
        ("get_send_sock_name", None),
        ("get_send_sock_port", 0),
        ("get_srcuri", "sip:127.0.0.1:5060"),
        ("ifdef N", True),
        ("ifndef N", False),
        ("get_srcaddr_sock", "udp:127.0.0.1:5060"),
        ("get_callid", "c"),
        ("get_ua", ""),
        ("getw_ua", ""),
    ],
)
def test_what_the_message_and_the_server_have(call: str, value: str | int | None) -> None:
    function, *arguments = call.split(" ")

    assert MESSAGE.call(f"kx.{function}", *arguments) == value


@pytest.mark.parametrize("name", ["au", "body", "cturi", "ua"])
def test_what_is_not_there_is_null_or_empty_as_it_was_asked(name: str) -> None:
    assert [BARE.call(f"kx.get{form}_{name}") for form in ("", "e", "w")] == [None, "", "<null>"]


def test_the_whole_message_and_the_time() -> None:
    assert BARE.call("kx.get_msgbuf").startswith("INVITE sip:bob@b.example")
    assert BARE.call("kx.get_msglen") == len(BARE.call("kx.get_msgbuf"))
    assert abs(BARE.call("kx.get_timestamp") - time.time()) < 60


def test_the_next_hop_is_the_destination_or_the_request_uri() -> None:
    message = Message()
    assert message.call("kx.get_nhuri") == message.call("kx.get_ouri") == "sip:bob@b.example;x=1;lr"

    message.call("setdsturi", "sip:d")
    assert message.call("kx.get_nhuri") == "sip:d"

    message.call("seturi", "nonsense")
    assert message.call("kx.get_ouri") is None, "it is asked whether the present one parses"


def test_of_several_contacts_one_that_does_not_parse_hides_all() -> None:
    assert Message(b"Contact: <sip:a@h>\r\nContact: <\r\n").call("kx.get_cturi") is None
    assert Message(b"Contact: *\r\n").call("kx.get_cturi") is None
    assert Message(b"Contact: <*>\r\n").call("kx.get_cturi") == "*"


def test_the_status_of_a_reply() -> None:
    reply = Message(start=b"SIP/2.0 404 Not Found\r\n")

    assert (reply.call("kx.get_status"), reply.call("kx.gets_status"), reply.call("kx.get_msgtype")) == (404, "404", 2)
