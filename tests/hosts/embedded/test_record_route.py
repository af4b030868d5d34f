"""The own Record-Route, as a Kamailio 5.6.3 on 127.0.0.1:5100 and :5101 made it for the same messages."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import request


def test_a_record_route_is_secure_when_the_request_uri_is() -> None:
    host = request(uri="sips:bob@example.com")
    host.modf("record_route")

    assert b"\r\nRecord-Route: <sips:127.0.0.1:5100;lr;ftag=a1>\r\nVia:" in host.message_bytes()


def test_a_reply_can_be_rebuilt_once_it_is_record_routed() -> None:
    via = "Via: SIP/2.0/UDP 127.0.0.1:5100\r\nVia: SIP/2.0/UDP 127.0.0.1:5160\r\n"
    ids = "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
    host = MessageHost(f"SIP/2.0 200 OK\r\n{via}{ids}\r\n".encode())

    assert (host.modf("record_route"), host.modf("msg_apply_changes")) == (1, 1)


def test_a_request_that_leaves_by_another_socket_is_record_routed_twice() -> None:
    host = request()
    host.modf("record_route")
    host.set_s("$fs", "udp:127.0.0.1:5101")

    lines = (host.forwarded() or b"").split(b"\r\n")

    assert lines[1:3] == [
        b"Record-Route: <sip:203.0.113.5:5070;r2=on;lr;ftag=a1>",
        b"Record-Route: <sip:127.0.0.1:5100;r2=on;lr;ftag=a1>",
    ]


def test_a_message_that_does_not_leave_yet_has_no_other_socket() -> None:
    host = request()
    host.modf("record_route")

    assert b"\r\nRecord-Route: <sip:127.0.0.1:5100;lr;ftag=a1>\r\nVia:" in host.message_bytes()
    assert "\r\nRecord-Route: <sip:;r2=on;lr;ftag=a1>\r\n" in (host.get_s("$mbu") or "")


def test_only_the_beginning_of_the_own_record_route_is_removed() -> None:
    """Kamailio leaves the other half in the message, and no second one can be made."""
    host = request("<sip:r1.example.com;lr>")
    before = host.message_bytes()

    assert (host.modf("record_route"), host.modf("remove_record_route"), host.modf("record_route")) == (1, 1, -1)
    assert host.message_bytes() == before.replace(b"\r\nVia", b"\r\n;lr;ftag=a1>\r\nVia", 1)
    assert (host.get_s("$mbu") or "").count("\r\n;lr;ftag=a1>") == 2


def test_a_received_record_route_stays() -> None:
    host = request("<sip:r1.example.com;lr>\r\nRecord-Route: <sip:r2.example.com;lr>")

    assert host.modf("remove_record_route") == 1
    assert b"\r\nRecord-Route: <sip:r2.example.com;lr>\r\n" in host.message_bytes()


@pytest.mark.parametrize(
    ("function", "arguments", "line"),
    [
        ("record_route_params", [";x=1"], "<sip:127.0.0.1:5100;lr;ftag=a1;x=1;p=2>"),
        ("record_route_preset_one", ["p.example:5070"], "<sip:p.example:5070;ftag=a1;p=2;lr>"),
        ("record_route_advertised_address", ["p.example"], "<sip:p.example;ftag=a1;lr;p=2>"),
    ],
)
def test_each_record_route_has_the_parameters_said_before(function: str, arguments: list[str], line: str) -> None:
    host = request()

    assert host.ksr("rr.add_rr_param", [";p=2"]) == 1
    assert (host.ksr(f"rr.{function}", [*arguments]), host.ksr("rr.record_route", [])) == (1, -1)
    assert f"\r\nRecord-Route: {line}\r\nVia:".encode() in host.message_bytes()


def test_a_parameter_said_behind_a_record_route_stands_at_its_end() -> None:
    host = request()
    host.ksr("rr.record_route", [])

    assert host.ksr("rr.add_rr_param", [";p=2"]) == 1
    assert b"Record-Route: <sip:127.0.0.1:5100;lr;ftag=a1;p=2>\r\n" in host.message_bytes()
    assert (host.get_s("$mbu") or "").count(";lr;ftag=a1;p=2>") == 2


def test_a_preset_one_is_alone_which_a_later_parameter_fails_for() -> None:
    """record.c, add_rr_param looks for the second of two, when the first one has got the parameter."""
    host = request()
    host.ksr("rr.record_route_preset_one", ["p.example"])

    assert host.ksr("rr.add_rr_param", [";p=2"]) == -1
    assert b"Record-Route: <sip:p.example;ftag=a1;lr;p=2>\r\n" in host.message_bytes()


def test_two_presets_are_two_headers() -> None:
    host = request()

    assert host.ksr("rr.record_route_preset", ["a.example", "b.example"]) == 1
    lines = host.message_bytes().decode().split("\r\n")
    assert lines[1:3] == ["Record-Route: <sip:a.example;ftag=a1;lr>", "Record-Route: <sip:b.example;ftag=a1;lr>"]


def test_parameters_have_room_for_512_bytes() -> None:
    host = request()

    assert [host.ksr("rr.add_rr_param", [";" + "x" * 255]) for _ in range(3)] == [1, 1, -1]
