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
    ("name", "value", "number"),
    [
        ("$si", "192.0.2.10", 0),
        ("$src_ip", "192.0.2.10", 0),
        ("$siz", "192.0.2.10", 0),
        ("$sp", "5070", 5070),
        ("$su", "sip:192.0.2.10:5070", 0),
        ("$sut", "sip:192.0.2.10:5070;transport=udp", 0),
        ("$sas", "udp:192.0.2.10:5070", 0),
        ("$pr", "udp", 0),
        ("$prid", "1", 1),
        ("$Ri", "127.0.0.1", 0),
        ("$Rp", "5100", 5100),
        ("$Ru", "sip:127.0.0.1:5100", 0),
        ("$Rut", "sip:127.0.0.1:5100;transport=udp", 0),
        ("$Ras", "udp:127.0.0.1:5100", 0),
        ("$af(name)", "IPv4", 0),
        ("$af(id)", "2", 2),
    ],
)
def test_a_message_has_a_sender_and_a_socket_that_received_it(
    host: MessageHost, name: str, value: str, number: int
) -> None:
    assert (host.get_s(name), host.get_i(name), host.set_s(name, "x")) == (value, number, 0)
    assert host.get_s(name) == value


def test_an_address_of_ipv6_is_in_brackets_where_a_port_follows() -> None:
    """core/ip_addr.c, ip_addr2strz; pv_core.c, pv_get_srcipz."""
    socket = Socket(Address("2001:db8::2", 5060))
    host = MessageHost(MESSAGE, source=Address("2001:db8::1", 5070, "tcp"), received_on=socket)

    assert [host.get_s(name) for name in ("$si", "$siz", "$su", "$sas", "$Ri", "$Ras", "$af(name)")] == [
        "2001:db8::1",
        "[2001:db8::1]",
        "sip:[2001:db8::1]:5070;transport=tcp",
        "tcp:[2001:db8::1]:5070",
        "2001:db8::2",
        "udp:[2001:db8::2]:5060",
        "IPv6",
    ]
