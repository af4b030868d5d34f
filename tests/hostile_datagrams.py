"""A SIP listener without a socket, and whatever datagram may come: ``make fuzz`` and the kept inputs."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from runner.errors import ScriptError
from runner.hosts.embedded.context import Address, Process
from runner.listener import Action, Listener
from runner.runner import ExecResult, Timing

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost

OWN = Address("127.0.0.1", 5060)
CALLER = Address("192.0.2.7", 5062)
TIMING = Timing(0, 0, 0, 0)
INVITE = (
    b"INVITE sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1;rport\r\n"
    b"From: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\n\r\n"
)

# What the first byte of an input chooses.
SAYS_FALSE, FAILS, SETS_DU, REPLIES, EDITS, COMES_FROM_US = 1, 2, 4, 8, 16, 32


class Out:
    """In the place of the socket."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def sendto(self, data: bytes, to: tuple[str, int]) -> None:
        """Take a datagram, when it is for one other host."""
        address = ipaddress.ip_address(to[0])
        assert to != (OWN.ip, OWN.port), "to the listener itself"
        assert not address.is_unspecified, to
        assert not address.is_multicast, to
        assert address != ipaddress.ip_address("255.255.255.255"), to
        assert address.version == 4, to
        assert 0 < to[1] < 1 << 16, to
        self.sent.append((data, to))


def one_datagram(data: bytes) -> None:
    """
    One datagram, and where the input says so the reply to a request that was sent on.

    Args:
        data: A byte of choices, then up to the first NUL a text for the script to set ``$du`` or a header to, then the
            datagram; or what a reply has in the place of a part of its own.

    Raises:
        AssertionError: More than one datagram was sent for one, or one to where nothing may go.
    """
    choices, rest = (data[0], data[1:]) if data else (0, b"")
    text, _, datagram = rest.partition(b"\0")

    def run(host: MessageHost) -> ExecResult:
        if choices & SETS_DU:
            host.set_s("$du", text.decode("utf-8", "surrogateescape"))
        if choices & EDITS:
            host.hdr_append(text.decode("utf-8", "surrogateescape"))
            host.hdr_remove("Via")
        error = ScriptError("failed", "detail") if choices & FAILS else None
        is_true = not choices & SAYS_FALSE and error is None
        return ExecResult(ok=is_true, exit_code=None if error else 0, error=error, timing=TIMING, calls=0)

    listener = Listener(
        OWN, run, on_true=Action.of("forward"), on_false=Action.of("reply:403:No $rU"), tell=lambda _level, _text: None
    )
    out = Out()
    process: Any = Process()
    listener._sock = out  # type: ignore[assignment]
    source = OWN if choices & COMES_FROM_US else CALLER
    if choices & REPLIES:
        listener._take(INVITE, CALLER, process)
        if not out.sent:
            return
        request = out.sent.pop()[0]
        at = len(text) % len(request)
        reply = request.replace(b"INVITE sip:bob@192.0.2.9 SIP/2.0", b"SIP/2.0 200 OK")
        datagram = reply[:at] + datagram + reply[at:]
        listener._take(datagram, source, process)
        if datagram.upper().startswith(b"SIP/2.0 "):
            assert all(to == (CALLER.ip, CALLER.port) for _, to in out.sent), "a reply for somebody else"
    else:
        listener._take(datagram, source, process)
    assert len(out.sent) <= 1, "more datagrams than one"
