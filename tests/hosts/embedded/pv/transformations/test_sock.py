"""``{sock.*}``; every expectation is what Kamailio 5.6.3 gives."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.value import CannotEvaluate
from tests.hosts.embedded.reading import MESSAGE, NINES, transformed


@pytest.mark.parametrize(
    ("proto", "is_known"), [("udp", 1), ("TCP", 1), ("tls", 0), ("sctp", 0), ("ws", 0), ("sip", 0)]
)
def test_a_socket_in_text_has_a_transport_of_this_server(host: MessageHost, proto: str, is_known: int) -> None:
    host.set_s("$var(v)", f"{proto}:a.example:5060")

    assert host.get_s("$(var(v){sock.proto})") == (proto if is_known else None)


def test_a_server_with_a_socket_for_tls_knows_it() -> None:
    host = MessageHost(MESSAGE, environment=Environment(sockets=(Socket(Address("127.0.0.1", 5061, "tls")),)))
    host.set_s("$var(v)", "TLS:a.example")

    assert host.get_s("$(var(v){sock.touri})") == "sip:a.example;transport=TLS"


@pytest.mark.parametrize(("port", "value"), [("4294967295", "4294967295"), ("4294967296", None), (NINES, None)])
def test_the_port_of_a_socket_text_fits_32_bits(host: MessageHost, port: str, value: str | None) -> None:
    host.set_s("$var(x)", f"udp:192.0.2.1:{port}")

    assert host.get_s("$(var(x){sock.port})") == value


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"udp:127.0.0.1:5060", b"{sock.touri}", b"sip:127.0.0.1:5060;transport=udp"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


def test_a_socket_fits_into_the_buffer_of_a_format_string() -> None:
    assert transformed(b"a" * 8190, b"{sock.host}").text == b"a" * 8190
    with pytest.raises(CannotEvaluate):
        transformed(b"a" * 8191, b"{sock.host}")
