"""Plays a case on the embedded host, in this process."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from runner import sip
from runner.calls import CALLS, MODF_CANNOT_RUN
from runner.errors import CallRefused
from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost, to_bytes
from tools.compare.cases import KSR, NOT_ASKED, Played
from tools.compare.peers import LOOPBACK, PORTS, plain
from tools.compare.shrink import header_name, lines
from tools.oracle import as_mono_reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.embedded.context import Version
    from runner.sip.message import SipMessage
    from tools.compare.cases import Answer, Case, Step

MAIN = Socket(Address(LOOPBACK, PORTS["main"]), "main")
ALT = Socket(Address(LOOPBACK, PORTS["alt"]), "alt", Address("203.0.113.5", 5070))
SOCKETS = {"main": MAIN, "alt": ALT}
ENVIRONMENT = Environment(
    sockets=(MAIN, ALT),
    server_id=7,
    defines={"TEXT": "some text", "NUMBER": "42", "EMPTY": ""},
    variables={"TEXT": "env value", "EMPTY": ""},
    hash_tables=frozenset({"table"}),
)
"""What ``kamailio.cfg`` says."""
_NULL_ARGUMENT: dict[str, Answer] = {"PV.GetS": None, "PV.GetI": 0, "Core.ModF": MODF_CANNOT_RUN}
LARGEST_DATAGRAM = 65507  # by UDP over IPv4: the kernel refuses to send more
_SEEN_PORTS = {PORTS[name] for name in PORTS if name not in SOCKETS}
_SEEN_PORTS_TEXT = {b"%d" % port for port in _SEEN_PORTS}
_RPORT = re.compile(rb"(?i);\s*rport(?=[\s;=]|\Z)(?:\s*=\s*([0-9]{0,5})(?=[\s;]|\Z))?")
_RECEIVED = re.compile(rb"(?i);\s*received\s*=\s*([^\s;]*)")
_SENT_BY = re.compile(rb"/\s*([^\s/]+)\s+([^\s:;/]+)(?:\s*:\s*([0-9]+))?")
_COMMENT = re.compile(rb"\([^()]*\)")
_QUOTED = re.compile(rb'"[^"]*(?:"|\Z)')


class EmbeddedSide:
    """
    The embedded host in the surroundings of ``kamailio.cfg``.

    Args:
        host: What answers; a test may plant a fault.
        kamailio: The version that it has to be.
        garbles: Whether bytes that are not UTF-8 are read as Mono 6.8 reads them for app_mono.
    """

    def __init__(
        self, host: type[MessageHost] = MessageHost, *, kamailio: Version = "5.6", garbles: bool = True
    ) -> None:
        self._host = host
        self._garbles = garbles
        self._environment = replace(ENVIRONMENT, kamailio=kamailio)

    def start(self) -> None:
        """Nothing of a case outlives it here."""

    def send(self, case: Case) -> None:
        """It begins, and ends, in ``collect``."""

    def message_after(self, case: Case) -> SipMessage | None:
        """The message when all steps are done; None where Kamailio drops it."""
        host = self._hold(case)
        if host is None:
            return None
        for step in case.steps:
            self._answer(host, step)
        return host.context.message

    def collect(self, case: Case) -> Played:
        """What this host does."""
        host = self._hold(case)
        if host is None:
            return Played(reached=False)
        is_request = host.context.message.first_line.is_request
        answers = tuple(self._answer(host, step) for step in case.steps)
        forwarded: tuple[bytes, ...] = ()
        replies = tuple(host.replies)
        if case.mode in {"forward", "both"} or (not is_request and case.mode != "drop"):
            forwarded = _leaving(host.forwarded)
        if case.mode in {"reply", "both"} and is_request and not host.context.is_reply_forbidden:
            replies += _leaving(lambda: host.reply(200, "OK", "<TOTAG>"))
        replies = tuple(data for data in replies if _is_seen(data))
        if not is_request:
            # What peers hear of a reply is sent on, and a reply of the host's own to it too.
            forwarded = forwarded if _is_relayed_to_a_peer(host.context.message.data) else ()
            forwarded, replies = tuple(sorted((*forwarded, *replies))), ()
        return Played(True, answers, tuple(map(plain, forwarded)), tuple(map(plain, replies)))  # noqa: FBT003 - reached

    def _hold(self, case: Case) -> MessageHost | None:
        """A host of the message; None where Kamailio drops it."""
        try:
            parsed = sip.parse(case.message, is_6=self._environment.is_6)
        except sip.SipParseError:
            return None
        if parsed.dropped is not None:
            return None
        source = Address(LOOPBACK, PORTS[case.mode])
        host = self._host(parsed, source=source, received_on=SOCKETS[case.socket], environment=self._environment)
        host.to_tag = "<TOTAG>"
        return host

    def _answer(self, host: MessageHost, step: Step) -> Answer:
        name, *arguments = step
        if name == KSR:
            return _ksr(host, *arguments)
        if None in arguments:
            return _NULL_ARGUMENT.get(str(name), -1)
        try:
            got: Answer = getattr(host, CALLS[str(name)].method)(*arguments)
        except Exception as error:  # noqa: BLE001 - a fact like any other: the host raised
            return f"raised {type(error).__name__}: {error}"
        return as_mono_reads(to_bytes(got)) if self._garbles and isinstance(got, str) else got


def _ksr(host: MessageHost, function: Answer, *arguments: Answer) -> Answer:
    try:
        return host.ksr(str(function), [argument for argument in arguments if argument is not None])
    except CallRefused:
        return NOT_ASKED
    except Exception as error:  # noqa: BLE001 - a fact like any other: the host raised
        return f"raised {type(error).__name__}: {error}"


def _via_bodies(message: bytes) -> list[bytes]:
    """Of all Vias in order: a plain look, not the host's own parser."""
    vias = [line.partition(b":")[2] for line in lines(message.lstrip())[0] if header_name(line) in {b"via", b"v"}]
    return [_QUOTED.sub(b"", body) for body in _COMMENT.sub(b"", b",".join(vias)).split(b",") if body.strip()]


def _is_seen(reply: bytes) -> bool:
    """Whether a peer hears a reply that goes back as its first Via says (RFC 3581)."""
    via = (*_via_bodies(reply), b"")[0]
    found = _SENT_BY.search(via)
    return _RPORT.search(via, 0 if found is None else found.end()) is not None or (
        found is not None and found[3] in _SEEN_PORTS_TEXT
    )


def _is_relayed_to_a_peer(message: bytes) -> bool:
    """Whether a peer hears a reply that is sent on: as its second Via says, if that is no name, by UDP."""
    via = (*_via_bodies(message)[1:2], b"")[0]
    found = _SENT_BY.search(via)
    if found is None or found[1].upper() != b"UDP":
        return False
    rport, received = (pattern.search(via, found.end()) for pattern in (_RPORT, _RECEIVED))
    port = (rport[1] if rport is not None else None) or found[3]
    return _is_loopback(found[2] if received is None else received[1]) and port in _SEEN_PORTS_TEXT


def _is_loopback(host: bytes) -> bool:
    """Also for ``127.1``, which the resolver of the C library takes for it."""
    try:
        return socket.inet_aton(host.decode("ascii")) == socket.inet_aton(LOOPBACK)
    except (OSError, ValueError):
        return False


def _leaving(build: Callable[[], bytes | None]) -> tuple[bytes, ...]:
    try:
        built = build()
    except Exception as error:  # noqa: BLE001 - a fact like any other: the host raised
        return (f"raised {type(error).__name__}: {error}".encode(),)
    return () if built is None or len(built) > LARGEST_DATAGRAM else (built,)
