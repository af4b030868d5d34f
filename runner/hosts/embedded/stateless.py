"""
What a proxy without state can know from a message alone: where it may go, whose branch it carries, whether it loops.

RFC 3261, 16.11. Must not know scripts, sockets or counts.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from typing import TYPE_CHECKING

from runner.sip.header_names import header_type, leading_name
from runner.sip.message import parse
from runner.sip.nameaddr import parse_to_body
from runner.sip.scan import BLANKS
from runner.sip.uri import MAX_PORT, MAX_PORT_DIGITS
from runner.sip.via import vias

from .context import Address, bracketed

if TYPE_CHECKING:
    from runner.sip.message import SipMessage
    from runner.sip.via import Via

SIP_PORT = 5060
LARGEST_DATAGRAM = 65535
MAX_HOPS = 70  # RFC 3261, 8.1.1.6; also maxfwd's max_limit (modules/maxfwd/maxfwd.c)
MAX_VIA_PARAMS = 1000  # of all Vias: 14 for each of 70 hops. 32,000 took half a second of a listener (measured)
MAGIC_COOKIE = "z9hG4bK"
_LOOP_DIGITS, _PROOF_DIGITS = 16, 32

# What goes to 0.0.0.0 or :: arrives at 127.0.0.1 or ::1 (Linux). ::/96 are addresses of IPv4, written the old way (RFC
# 4291, 2.5.5.1), but for ::1. The rest is multicast, reserved, and broadcast.
_NOT_ONE_HOST = tuple(map(ipaddress.ip_network, ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/96", "ff00::/8")))
_LOOPBACK = ipaddress.ip_address("::1")


def port_of(text: bytes | None) -> int | None:
    """A port as a message writes it: 5060 when it is missing, None when it is not a number from 1 to 65535."""
    if not text:
        return SIP_PORT
    if not text.isdigit() or len(text) > MAX_PORT_DIGITS:
        return None
    number = int(text)
    return number if 0 < number <= MAX_PORT else None


def ip_of(host: bytes) -> str | None:
    """
    The host of a URI or Via as an IP address, in the one way to write it; None for a name, and for a zone (``%eth0``).

    An address of IPv4 that is written as one of IPv6 (``::ffff:192.0.2.1``) is what it stands for.
    """
    try:
        address = ipaddress.ip_address(host.decode("ascii").removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        return str(address.ipv4_mapped or address)
    return str(address)


def why_not_to(target: Address, own: Address) -> str:
    """Why nothing is sent there from this socket; empty when it may be."""
    where = f"{bracketed(target.ip)}:{target.port}"
    try:
        address = ipaddress.ip_address(target.ip)
    except ValueError:
        return f"{where} is no IP address"
    if not 0 < target.port <= MAX_PORT:
        return f"{where} has no port from 1 to {MAX_PORT}"
    if address != _LOOPBACK and any(address in network for network in _NOT_ONE_HOST):
        return f"{where} is no address of one host"
    if address.version != ipaddress.ip_address(own.ip).version:
        return f"{where} is of another IP version than this socket"
    if (str(address), target.port) == (own.ip, own.port):
        return f"{where} is this socket itself"
    return ""


def reply_address(via: Via) -> Address | None:
    """Where a reply goes for which this Via is the topmost (RFC 3261, 18.2.2; RFC 3581); None when it says nowhere."""
    received, rport = via.param(b"received"), via.param(b"rport")
    ip = ip_of((received.value if received is not None else None) or via.host)
    port = port_of((rport.value if rport is not None else None) or via.port)
    return None if ip is None or port is None else Address(ip, port)


class Branches:
    """
    The branches that one process makes: each proves that it is its own, and where the replies to it go.

    A reply carries what its request carried: the Vias, Call-ID, the tag in From, the number in CSeq. The branch in our
    own Via is a keyed hash of these, so nobody can take a branch of ours and have another reply, or a reply to
    somebody else, sent on. A request that is sent again, its CANCEL and the ACK of a refusal have the same, as without
    state they must (16.11).

    Args:
        own: What our Via names.
    """

    def __init__(self, own: Address) -> None:
        self._own = own
        self._secret = secrets.token_bytes(32)

    def made_for(self, request: SipMessage, draft: SipMessage) -> str | None:
        """
        The branch of a request that is sent on.

        Args:
            request: As it was received.
            draft: As it is sent, with any branch in our Via.

        Returns:
            None: no reply to it could find its way back.
        """
        found = vias(draft)
        loop = self._loop(request, vias(request))
        proof = self._proof(draft, found[1], loop) if len(found) > 1 else None
        return None if proof is None else f"{MAGIC_COOKIE}{loop}{proof}"

    def way_back(self, reply: SipMessage) -> Address | None:
        """Where a reply is sent on to; None when it answers nothing that this process sent."""
        found = vias(reply)
        if len(found) < 2 or not self._is_own(found[0]):  # noqa: PLR2004 - ours, and the one before
            return None
        branch = _branch(found[0])
        loop = branch[len(MAGIC_COOKIE) :][:_LOOP_DIGITS].decode("latin-1")
        proof = self._proof(reply, found[1], loop)
        if proof is None or not hmac.compare_digest(branch, f"{MAGIC_COOKIE}{loop}{proof}".encode("latin-1")):
            return None
        return reply_address(found[1])

    def why_refused(self, request: SipMessage, path: list[Via]) -> tuple[str, str] | None:
        """Code and reason of the answer to a request that goes nowhere, whatever a script says; None when it may."""
        if is_short(request):
            return "400", "Content-Length Is More Than Came"
        if len(path) > MAX_HOPS:
            return "483", "Too Many Hops"
        return ("482", "Loop Detected") if self.has_looped(request, path) else None

    def has_looped(self, request: SipMessage, path: list[Via]) -> bool:
        """
        Whether a request with these Vias was here before, from the same place and for the same R-URI.

        With another R-URI, or from elsewhere, a script may well send it another way: such a request is a spiral, which
        ends with its hops.
        """
        start = f"{MAGIC_COOKIE}{self._loop(request, path)}".encode()
        return any(self._is_own(via) and _branch(via).startswith(start) for via in path)

    def _is_own(self, via: Via) -> bool:
        return (ip_of(via.host), port_of(via.port)) == (self._own.ip, self._own.port)

    def _loop(self, request: SipMessage, path: list[Via]) -> str:
        came_by = reply_address(path[0]) if path else None
        return self._hash(b"loop", request.first_line.uri, repr(came_by).encode(), *_call(request))[:_LOOP_DIGITS]

    def _proof(self, message: SipMessage, before: Via, loop: str) -> str | None:
        to = reply_address(before)
        if to is None:
            return None
        facts = (loop.encode("latin-1"), repr(to).encode(), _branch(before))
        return self._hash(b"proof", *facts, *_call(message))[:_PROOF_DIGITS]

    def _hash(self, *parts: bytes) -> str:
        # Each with its length, so that no two lists of parts are one text.
        text = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return hmac.digest(self._secret, text, "sha256").hex()


def _branch(via: Via) -> bytes:
    branch = via.param(b"branch")
    return (branch.value if branch is not None else None) or b""


def _call(message: SipMessage) -> tuple[bytes, bytes, bytes]:
    """What requests of one transaction and their replies share: Call-ID, the tag in From, the number in CSeq."""
    call_id, sender = message.header(b"call-id"), message.header(b"from")
    party = None if sender is None else parse_to_body(sender.body)
    identity = b"" if call_id is None else call_id.body.strip(BLANKS)
    return (identity, (party.tag if party else None) or b"", message.cseq[0])


_LONGEST_NAME = len(b"content-length:")


def is_short(message: SipMessage) -> bool:
    """Whether the body is shorter than Content-Length says, or that is not a number (RFC 3261, 18.3)."""
    length = message.content_length
    if length is None:
        # One that is no number is no header any more, as the headers end there; nothing can be answered then.
        at = message.broken_at
        line = b"" if at is None else leading_name(message.data[at : at + _LONGEST_NAME])
        return header_type(line) == b"content-length"
    return length > len(message.body or b"")


def without_excess(message: SipMessage) -> SipMessage:
    """The message without what lies behind the end of the body by Content-Length (RFC 3261, 18.3)."""
    length = message.content_length
    if length is None or message.body_start is None or message.body_start + length >= len(message.data):
        return message
    return parse(message.data[: message.body_start + length], is_6=message.is_6)
