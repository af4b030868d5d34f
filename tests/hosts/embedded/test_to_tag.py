"""The To tag of a stateless reply."""

from __future__ import annotations

from runner.hosts.embedded.context import Address, Environment
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.test_outgoing import INVITE, SOCKET


def test_the_to_tag_of_a_stateless_reply_is_kamailios_own() -> None:
    host = MessageHost(
        INVITE, source=Address("127.0.0.1", 5161), received_on=SOCKET, environment=Environment((SOCKET,))
    )
    reply = host.reply(200, "OK") or b""

    # Recorded: Kamailio 5.6.3 listening on 127.0.0.1:5100 first, for this Via and Call-ID.
    assert b"To: <sip:bob@example.com>;tag=41a7bdfea82521ff3500c4748a41e31b.c9c0b99c\r\n" in reply


def test_the_to_tag_stops_at_a_port_that_is_missing(host: MessageHost) -> None:
    """Of host, port and branch the host alone is summed up, and nothing of port, host and Call-ID."""
    assert host.get_s("$ltt(s)") == "41a7bdfea82521ff3500c4748a41e31b.0f7b0000"
