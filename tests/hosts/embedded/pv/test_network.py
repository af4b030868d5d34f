"""Who sent the message, and which sockets there are; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import MESSAGE


@pytest.mark.parametrize(
    ("name", "value", "is_null"),
    [
        ("$lsock(n/ALT/listen)", "udp:127.0.0.1:5101", 0),
        ("$lsock(n/alt/advertise)", "udp:203.0.113.5:5070", 0),
        ("$lsock(l/udp:127.0.0.1:5100/name)", "main", 0),
        ("$lsock(i/1/name)", "main", 0),
        ("$lsock(n/nope/listen)", None, 1),
        ("$lsock(n/main/l)", None, -1),
    ],
)
def test_a_listening_socket_is_found_by_what_is_known_of_it(name: str, value: str | None, is_null: int) -> None:
    sockets = (
        Socket(Address("127.0.0.1", 5100), "main"),
        Socket(Address("127.0.0.1", 5101), "alt", Address("203.0.113.5", 5070)),
    )
    host = MessageHost(MESSAGE, received_on=sockets[0], environment=Environment(sockets))

    assert (host.get_s(name), host.is_null(name)) == (value, is_null)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$si", "192.0.2.10"),
        ("$sp", "5070"),
    ],
)
def test_a_variable_reads_as_in_kamailio(host: MessageHost, name: str, value: str | None) -> None:
    assert host.get_s(name) == value
