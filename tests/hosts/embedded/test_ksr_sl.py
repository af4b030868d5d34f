"""Replies where there is no transaction, as a Kamailio 5.6.3 and a 6.0.1 sent them."""

from __future__ import annotations

import pytest

from runner.errors import CallRefused
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, having

REPLY = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\n\r\n"


def answered(function: str, code: int) -> bytes:
    host = having(MESSAGE)
    host.ksr("seturi", ["sip:c@d"])
    mode: list[str | int | bool] = [2] if function.endswith("mode") else []
    assert host.ksr(function, [code, "Reason", *mode]) == 1
    return host.replies[0]


@pytest.mark.parametrize("function", ["sl.send_reply", "sl.sl_send_reply", "sl.send_reply_mode"])
def test_a_reply_has_a_tag_from_180_on_and_the_destinations_of_a_redirection(function: str) -> None:
    assert b";tag=" not in answered(function, 100).partition(b"To: ")[2].partition(b"\r\n")[0]
    assert b";tag=" in answered(function, 180).partition(b"To: ")[2].partition(b"\r\n")[0]
    assert b"\r\nContact: <sip:c@d>\r\n" in answered(function, 302)
    assert b"\r\nContact:" not in answered(function, 404)


def test_of_a_code_the_last_three_digits_are_sent() -> None:
    assert answered("sl.send_reply", 70).startswith(b"SIP/2.0 070 ")
    assert answered("sl.send_reply", 1404).startswith(b"SIP/2.0 404 ")


def test_a_reply_is_answered_by_one_of_the_two_functions() -> None:
    first, second = MessageHost(REPLY), MessageHost(REPLY)

    assert (first.ksr("sl.send_reply", [404, "No"]), first.replies) == (-1, [])
    assert (second.ksr("sl.sl_send_reply", [404, "No"]), len(second.replies)) == (1, 1)


def test_6_0_says_no_error_behind_a_final_reply() -> None:
    for host, value in zip(versions.hosts(versions.message()), (1, -2), strict=True):
        host.ksr("sl.send_reply", [100, "Trying"])
        assert host.ksr("sl.sl_reply_error", []) == 1
        assert host.ksr("sl.sl_reply_error", []) == value


def test_an_error_is_that_of_before_the_last_action_of_the_routing_script() -> None:
    host = having(MESSAGE)
    host.ksr("seturi", ["nothing"])
    host.ksr("setuser", ["a"])  # do_action
    host.ksr("setuser", ["a"])
    host.ksr("sl.sl_reply_error", [])

    assert host.replies[0].startswith(b"SIP/2.0 479 ")


def test_only_a_server_forwards_a_reply() -> None:
    vias = REPLY.replace(b"UDP a\r\n", b"UDP a, SIP/2.0/UDP b\r\n")

    assert having(MESSAGE).ksr("sl.sl_forward_reply", ["", ""]) == -1
    with pytest.raises(CallRefused, match="needs a running Kamailio"):
        MessageHost(vias).ksr("sl.sl_forward_reply", ["", ""])


def test_options_are_answered_where_no_user_is_asked_for() -> None:
    host = having(MESSAGE.replace(b"INVITE sip:bob@", b"OPTIONS sip:"))

    assert host.ksr("siputils.options_reply", []) == 1
    assert b"\r\nAccept-Language: en\r\n" in host.replies[0]
    assert having(MESSAGE).ksr("siputils.options_reply", []) == -1
