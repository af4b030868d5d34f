"""The server's own sockets, and how many branches there may be, as a Kamailio 5.6.3 answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.hosts.embedded.context import Address, Environment, Socket
from tests.hosts.embedded.reading import ALT, MAIN, NINES, ZEROS, through

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("127.0.0.1", "udp:127.0.0.1:5100"),
        ("127.0.0.1:+5101", "udp:127.0.0.1:5101"),
        ("127.0.0.1: 5101", "udp:127.0.0.1:5101"),
        (f"UDP:127.0.0.1:{ZEROS}5101", "udp:127.0.0.1:5101"),
        ("127.0.0.1:70637", "udp:127.0.0.1:5101"),  # 16 bits
        ("[127.0.0.1]:5101", "udp:127.0.0.1:5101"),
        ("203.0.113.5:5070", "udp:127.0.0.1:5101"),
        ("203.0.113.5", "udp:127.0.0.1:5101"),
    ],
)
def test_a_socket_is_found_by_address_and_port(host: MessageHost, name: str, found: str) -> None:
    assert (host.set_s("$fs", name), host.get_s("$fs")) == (0, found)


@pytest.mark.parametrize("name", ["127.0.0.1:5109", f"127.0.0.1:{NINES}", "udp:5101", "tcp:127.0.0.1:5101", "[::1"])
def test_a_socket_that_nobody_has_changes_nothing(host: MessageHost, name: str) -> None:
    assert (host.set_s("$fs", name), host.is_null("$fs")) == (0, 1)


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1:\udcb2",
        "udp:127.0.0.1:\udcb2",
        "udp:127.0.0.1:\u0661",
        "udp:127.0.0.1:0x10",
        "udp:127.0.0.1:5101 ",
        "127.0.0.1:",
        "127.0.0.1:5101:udp",
        "[[x]]",
        "a]",
        "none:127.0.0.1:5101",
        "sctp:127.0.0.1:5101",  # is not switched on where no socket has it
        "ws:127.0.0.1:5101",
    ],
)
def test_a_malformed_socket_is_refused(host: MessageHost, name: str) -> None:
    assert (host.set_s("$fs", name), host.set_s("$sbranch(send_socket)", name)) == (-1, -1)


SOCKETS = (MAIN, ALT, Socket(Address("2001:db8::1", 5060), "six"))


@pytest.mark.parametrize(
    ("text", "status", "socket"),
    [
        ("UDP:127.0.0.1:5101", 0, "udp:127.0.0.1:5101"),
        ("203.0.113.5", 0, "udp:127.0.0.1:5101"),
        ("203.0.113.5:5101", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:5070", 0, "udp:127.0.0.1:5101"),
        ("[127.0.0.1]:5101", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:0", 0, "udp:127.0.0.1:5100"),
        ("udp:127.0.0.1: 5101", 0, "udp:127.0.0.1:5101"),
        ("udp:127.0.0.1:+5101", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:70637", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:-60435", 0, "udp:127.0.0.1:5101"),
        ("127.0.0.1:" + "9" * 5000, 0, None),
        ("[2001:DB8:0::1]:5060", 0, "udp:[2001:db8::1]:5060"),
        (":5060", 0, None),
        ("udp::5101", 0, None),
        ("tcp:127.0.0.1:5101", 0, None),
        ("[", 0, None),
        ("tls:127.0.0.1:5101", -1, None),
        ("ws:127.0.0.1", -1, None),
        ("none:127.0.0.1:5101", -1, None),
        ("sip:127.0.0.1:5101", -1, None),
        ("sip:", -1, None),
        ("1:", -1, None),
        ("::1", -1, None),
        ("]", -1, None),
        ("[[::1]]", -1, None),
        ("udp:127.0.0.1:5101 ", -1, None),
    ],
)
def test_a_socket_is_written_as_in_the_configuration(text: str, status: int, socket: str | None) -> None:
    request = through("SIP/2.0/UDP 192.0.2.5", environment=Environment(sockets=SOCKETS))

    assert (request.set_s("$fs", text), request.get_s("$fs")) == (status, socket)


def test_a_branch_keeps_its_socket_when_another_does_not_parse_and_loses_it_when_none_matches() -> None:
    request = through("SIP/2.0/UDP 192.0.2.5", environment=Environment(sockets=SOCKETS))
    request.set_s("$sbranch(uri)", "sip:x@example.com")
    request.set_s("$sbranch(send_socket)", "127.0.0.1")

    given = [
        (request.set_s("$sbranch(send_socket)", text), request.get_s("$sbranch(send_socket)")) for text in (":", "x")
    ]

    assert given == [(-1, "udp:127.0.0.1:5100"), (0, None)]


def test_there_is_room_for_eleven_branches_whoever_appends_them(host: MessageHost) -> None:
    assert [host.modf("append_branch") for _ in range(12)] == [1] * 11 + [-1]
