"""KEMI's functions of the core, as a Kamailio 5.6.3 answered."""

from __future__ import annotations

import pytest

from runner.errors import CallRefused
from runner.hosts.embedded.context import Address, Environment
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import MAIN, MESSAGE, having, request


@pytest.mark.parametrize(
    ("uri", "is_own"),
    [
        ("sip:127.0.0.1:5100", True),
        ("sip:a@127.0.0.1:5100;transport=udp", True),
        ("sip:127.0.0.1:5100;transport=tcp", False),
        ("sip:127.0.0.1", True),
        ("sip:127.0.0.1:5099", False),
        ("sips:203.0.113.5:5070", True),
        ("sip:127.0.0.1:5070", True),  # the port of one address, and the other address
        ("127.0.0.1", True),
        ("127.0.0.1:5100", False),
        ("localhost", False),
        ("sip:", False),
        ("", False),
        ("tel:1", False),
    ],
)
def test_a_uri_or_host_is_this_server(uri: str, *, is_own: bool) -> None:
    assert request().ksr("is_myself", [uri]) is is_own


def test_each_part_of_a_message_is_asked_whether_it_is_this_server() -> None:
    host = request(uri="sip:127.0.0.1:5100")
    names = ("ruri", "duri", "nhuri", "furi", "turi", "suri", "srcip")

    assert [host.ksr(f"is_myself_{name}", []) for name in names] == [True, False, True, False, False, False, True]
    host.ksr("setdsturi", ["sip:192.0.2.1"])
    assert [host.ksr(f"is_myself_{name}", []) for name in ("duri", "nhuri")] == [False, False]


@pytest.mark.parametrize(
    ("uri", "functions"),
    [
        ("sip:192.0.2.1", {"to_IPv4"}),
        ("sip:[::1];transport=tcp", {"to_IPv6", "to_TCP"}),
        ("sip:a.example;transport=ws", {"to_WS", "to_WSX"}),
        ("nothing", set()),
    ],
)
def test_where_a_message_goes_is_told_by_its_destination(uri: str, functions: set[str]) -> None:
    host = request()
    host.ksr("setdsturi", [uri])
    names = ("UDP", "TCP", "TLS", "SCTP", "WS", "WSS", "WSX", "IPv4", "IPv6")

    assert {f"to_{name}" for name in names if host.ksr(f"to_{name}", [])} == functions


def test_a_reply_goes_where_its_second_via_says() -> None:
    reply = MessageHost(MESSAGE.replace(b"INVITE sip:bob@example.com SIP/2.0", b"SIP/2.0 200 OK"))

    assert [reply.ksr(f"to_{name}", []) for name in ("UDP", "TCP", "IPv4")] == [True, False, True]
    assert reply.ksr("is_myself_ruri", []) is False


@pytest.mark.parametrize(
    ("wanted", "is_it"),
    [("BYE", True), ("bye", True), ("INVITE|BYE", True), ("INVITE|OPTIONS", False), ("BYE|X", False), ("BYE|", True),
     ("", False), ("|", False), ("INVITE | BYE", True)],
)  # fmt: skip
def test_one_of_several_methods_is_enough(wanted: str, *, is_it: bool) -> None:
    assert request().ksr("is_method", [wanted]) is is_it


def test_where_a_message_came_from_is_told_by_its_transport() -> None:
    host = request()

    assert [host.ksr("is_proto", [letters]) for letters in ("U", "tu", "TE", "")] == [True, True, False, False]
    assert [host.ksr(name, []) for name in ("is_IPv4", "is_IPv6", "is_WSX")] == [True, False, False]


def test_a_branch_has_flags_of_its_own() -> None:
    host = request()
    host.ksr("corex.append_branch_uri", ["sip:c@d"])

    assert [host.ksr("setbiflag", [3, branch]) for branch in (0, 1, 2)] == [True, True, True]
    assert [host.ksr("isbiflagset", [3, branch]) for branch in (0, 1, 2, -1)] == [True, True, False, False]
    assert (host.ksr("resetbflag", [3]), host.ksr("isbflagset", [3]), host.get_i("$bf")) == (True, False, 0)
    assert [host.ksr("setbflag", [flag]) for flag in (31, 32, -1)] == [True, False, False]


def test_the_port_of_the_sender_is_put_into_its_via() -> None:
    host = having(MESSAGE)
    host.ksr("force_rport", [])

    own, via = (host.forwarded() or b"").split(b"\r\n")[1:3]
    assert via.startswith(b"Via: SIP/2.0/UDP 192.0.2.1;rport=5070;received=192.0.2.10;branch=z9hG4bK1 ,")
    assert own.endswith(b";branch=z9hG4bK0")
    assert b";rport=5070;received=192.0.2.10\r\n" in (host.reply(200, "OK") or b"")


def test_the_own_via_says_what_the_script_said() -> None:
    host = request()

    assert host.ksr("add_local_rport", []) is True
    assert (host.ksr("set_advertised_address", ["a.example"]), host.ksr("set_advertised_port", ["5080"])) == (1, 1)
    assert (host.ksr("set_advertised_address", ["x" * 128]), host.ksr("set_advertised_port", ["x" * 8])) == (0, 0)
    assert (host.forwarded() or b"").split(b"\r\n")[1] == b"Via: SIP/2.0/UDP a.example:5080;branch=z9hG4bK0;rport"


def test_what_is_of_connections_does_nothing_to_a_datagram() -> None:
    datagram = request()
    stream = MessageHost(
        MESSAGE, source=Address("192.0.2.1", 5060, "tcp"), received_on=MAIN, environment=Environment((MAIN,))
    )

    assert (datagram.ksr("set_reply_close", []), datagram.ksr("add_tcp_alias", [5060])) == (True, 1)
    with pytest.raises(CallRefused, match="without a running Kamailio"):
        stream.ksr("add_tcp_alias_via", [])
