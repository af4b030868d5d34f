"""The same message in a Kamailio 5.6 and in a 6.0: what tests expect of both is what a 5.6.3 and a 6.0.1 gave."""

from __future__ import annotations

from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost

HERE = Socket(Address("127.0.0.1", 5100))
FIRST = "INVITE sips:+4930123;isub=1@example.com;user=phone SIP/2.0"
VIA = 'SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bKx;foo="a b";oc=20;oc-algo="loss";oc-validity=500;oc-seq=5;bar'
CONTACT = '<sip:a@1.example>, "B" <sip:b@2.example>;q=0.5'


def message(*headers: str, first: str = FIRST, via: str = VIA, sender: str = "<sip:alice@example.com>") -> bytes:
    """A message with these headers at its end."""
    lines = (
        first,
        f"Via: {via}",
        f"From: {sender};tag=a1",
        "To: <sip:bob@example.com>",
        "Call-ID: 1",
        "CSeq: 1 INVITE",
    )
    return "".join(f"{line}\r\n" for line in (*lines, *headers, "")).encode()


def hosts(data: bytes, port: int = 5160) -> tuple[MessageHost, MessageHost]:
    """The same message in 5.6 and in 6.0."""
    older, newer = (
        MessageHost(
            data,
            source=Address("127.0.0.1", port),
            received_on=HERE,
            environment=Environment((HERE,), kamailio=version),
        )
        for version in ("5.6", "6.0")
    )
    return older, newer


def both(expression: str, data: bytes | None = None) -> list[str | None]:
    """What an expression gives in 5.6 and in 6.0."""
    return [host.get_s(expression) for host in hosts(data or message())]


def transformed(text: str, chain: str) -> list[str | None]:
    """What a text becomes in 5.6 and in 6.0."""
    values = []
    for host in hosts(message()):
        host.set_s("$var(q)", text)
        values.append(host.get_s(f"$(var(q){chain})"))
    return values
