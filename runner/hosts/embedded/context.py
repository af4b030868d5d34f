"""
What pseudo-variables read and write: one message, what a script did to it so far, and what outlives it.

Must not know a particular pseudo-variable.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from runner.sip.contacts import Contact, parse_contacts, parse_contacts_6
from runner.sip.edits import Edits
from runner.sip.nameaddr import ToBody, parse_to_body
from runner.sip.sdp import Session, sessions
from runner.sip.uri import Uri, parse_uri, parse_uri_6

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.sip.message import Header, SipMessage

    from .value import Value

PROTOCOL_NUMBERS = {"none": 0, "udp": 1, "tcp": 2, "tls": 3, "sctp": 4, "ws": 5, "wss": 6}
"""core/ip_addr.h, enum sip_protos; $prid."""


Version = Literal["5.6", "6.0"]
"""The versions of Kamailio that the embedded host can answer as: 5.6.3 of Debian 12 and 6.0.1 of Debian 13."""

RELEASES: dict[Version, bytes] = {"5.6": b"5.6.3", "6.0": b"6.0.1"}
"""What each calls itself."""

_DEFAULT_PORT = 5060

MAX_BRANCHES = 12
"""core/config.h, MAX_BRANCHES_DEFAULT; the R-URI counts as one of them."""

MAX_URI_SIZE = 1024
"""core/config.h: the bytes of an R-URI of which one part is written; the URIs of a branch have one byte less."""

MAX_PATH_SIZE = 256
"""core/config.h: the path of a branch has one byte less."""


@dataclass(frozen=True, slots=True)
class Address:
    """A transport address."""

    ip: str
    port: int
    proto: str = "udp"


@dataclass(frozen=True, slots=True)
class Socket:
    """
    A listening socket of the SIP server.

    Attributes:
        address: Where it listens.
        name: Its name in the configuration; empty for none.
        advertised: What it tells others instead of its own address; None for nothing else.
    """

    address: Address
    name: str = ""
    advertised: Address | None = None

    @property
    def text(self) -> str:
        """As ``$Ras`` and ``$fs`` show it: ``udp:127.0.0.1:5060``."""
        return f"{self.address.proto}:{bracketed(self.address.ip)}:{self.address.port}"


@dataclass(frozen=True, slots=True)
class Environment:
    """
    What Kamailio's configuration and process would say.

    Attributes:
        sockets: Every listening socket; the one that received the message may be among them.
        server_id: ``$sid``; 0 means not configured.
        defines: ``#!define`` names and texts, for ``$def`` and ``$defn``.
        variables: Environment variables, for ``$env`` and ``$envn``.
        hash_tables: Names of the hash tables that exist.
        kamailio: The version whose answers are given.
    """

    sockets: tuple[Socket, ...] = ()
    server_id: int = 0
    defines: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    hash_tables: frozenset[str] = frozenset()
    kamailio: Version = "5.6"

    @property
    def is_6(self) -> bool:
        """True for 6.0, False for 5.6."""
        return self.kamailio != "5.6"

    def speaks(self, proto: str) -> bool:
        """Whether that is a transport of a socket here: TLS and SCTP are with one only (main.c, parse_proto)."""
        return proto in {"udp", "tcp"} or any(proto == socket.address.proto for socket in self.sockets)


class Fault(enum.Enum):
    """
    What last went wrong inside Kamailio: its number, and the code and text by which ``sl_reply_error`` tells of it.

    core/error.c, err2reason_phrase.
    """

    UNSPECIFIED = (1, 500, "I'm terribly sorry, server error occurred")
    HEADER_MISSING = (9, 400, "Transaction tuple incomplete")
    TOO_MANY_BRANCHES = (12, 500, "Forking capacity exceeded")
    BAD_URI = (479, 479, "Regretfully, we were not able to process the URI")

    @property
    def code(self) -> int:
        """The code of the reply."""
        return self.value[1]

    @property
    def reason(self) -> str:
        """The reason of the reply."""
        return f"{self.value[2]} ({self.value[0]}/SL)"


@dataclass(slots=True)
class Branch:
    """One further destination of a request (core/dset.h, struct branch)."""

    uri: bytes = b""
    dst_uri: bytes | None = None
    path: bytes | None = None
    q: int | None = None
    send_socket: bytes | None = None
    flags: int = 0
    location_ua: bytes | None = None
    ruid: bytes | None = None
    otcpid: int = 0


@dataclass(slots=True)
class Process:
    """
    What lives as long as the SIP server's process: ``$var``, ``$vn``, ``$shv``, hash tables, ``$sbranch``.

    Attributes:
        micros: Of the moment that ``$TV(sn)`` read last, for ``$TV(un)``; 0 before.
        probability: Of ``cfgutils.rand_event``, in percent.
    """

    script_variables: dict[tuple[str, bytes], Value] = field(default_factory=dict)
    shared_variables: dict[bytes, Value] = field(default_factory=dict)
    hash_tables: dict[bytes, dict[bytes, Value]] = field(default_factory=dict)
    static_branch: Branch = field(default_factory=lambda: Branch(q=0))
    micros: int = 0
    probability: int = 10

    @property
    def kept(self) -> list[dict[Any, Value]]:
        """What scripts fill under names of their own."""
        return [self.script_variables, self.shared_variables, *self.hash_tables.values()]


@dataclass(slots=True)
class XavpNode:
    """One value of an xavp: a list of further named values, text, a number, or nothing."""

    name: bytes
    value: Value | list[XavpNode] | None


@dataclass(slots=True)
class Identity:
    """
    One address of P-Asserted-Identity, P-Preferred-Identity or Diversion.

    Attributes:
        address: As parsed.
        body_start: Offset of the body it stands in.
        was_tried: True once a read found that its URI does not parse.
    """

    address: ToBody
    body_start: int
    was_tried: bool = False


@dataclass(slots=True)
class Context:
    """
    One message in the hands of a script.

    Attributes:
        message: As received, or as rebuilt by ``msg_apply_changes``.
        source: Who sent it.
        socket: The socket that received it.
        edits: Changes that reads don't see.
        new_uri: The R-URI written; None while it is the message's own.
        request_q: The R-URI's weight among the branches, in thousandths; None for none.
        dst_uri: ``$du``; None when unset.
        path: The path vector, as Route headers are made of.
        force_socket: ``$fs``; None when unset.
        flags: ``$mf``.
        script_flags: ``$sf``.
        branch_flags: ``$bf``.
        branches: ``$branch`` and ``$br``, without the R-URI itself.
        reply_headers: What goes into a reply, in order.
        reply_body: The body of a reply; empty for none.
        is_multipart: True once ``set_body_multipart`` made the body a part, until its boundaries are mended.
        avps: Newest first.
        xavps: By kind (``xavp``, ``xavi``), newest first; ``xavu`` the same.
        return_code: ``$rc``, what the last module function gave.
        routed_params: Where in the message the URI parameters are by which ``loose_route`` went, from and to; None
            before.
        is_upstream: The direction once it was asked for, which then stays (rr/loose.c, is_direction).
        is_next_hop_a_route: True once ``loose_route`` took the destination from a Route.
        is_record_routed: True once ``record_route`` added its header.
        is_answered: True once the script had a final reply sent; 6.0 says no error behind it (FL_FINAL_REPLY).
        is_reply_forbidden: True once a check found a message that cannot be answered (FL_MSG_NOREPLY).
        forces_rport: True once ``force_rport`` asked for ``;rport`` in the sender's Via (FL_FORCE_RPORT).
        adds_rport: True once ``add_local_rport`` asked for it in the own Via (FL_ADD_LOCAL_RPORT).
        adds_server_id: True once ``via_add_srvid`` asked for ``;srvid`` in the own Via (FL_ADD_SRVID).
        advertised_address: What ``set_advertised_address`` said; empty for nothing.
        advertised_port: What ``set_advertised_port`` said.
        route_params: What ``add_rr_param`` said before the Record-Route that gets it.
        more_flags: Those of ``setxflag``.
        fault: The last one since a module function was called.
        fault_before: The last one before it, between the last two (core/action.c, do_action).
        is_transaction_sought: True once tm looked for the transaction, and found that there is none.
        identities: What reads parsed of P-Asserted-Identity, P-Preferred-Identity and, in 6.0, Diversion, by key.
        sessions: The descriptions that ``read_sdp`` found last; a write of one does not look for them.
    """

    message: SipMessage
    source: Address
    socket: Socket
    environment: Environment = field(default_factory=Environment)
    process: Process = field(default_factory=Process)
    edits: Edits = field(default_factory=Edits)
    new_uri: bytes | None = None
    request_q: int | None = None
    dst_uri: bytes | None = None
    path: bytes | None = None
    force_socket: Socket | None = None
    flags: int = 0
    script_flags: int = 0
    branch_flags: int = 0
    branches: list[Branch] = field(default_factory=list)
    reply_headers: list[bytes] = field(default_factory=list)
    reply_body: bytes = b""
    is_multipart: bool = False
    avps: list[tuple[bytes | int, Value]] = field(default_factory=list)
    xavps: dict[str, list[XavpNode]] = field(default_factory=lambda: {"xavp": [], "xavu": [], "xavi": []})
    return_code: int = 0
    is_record_routed: bool = False
    is_answered: bool = False
    is_reply_forbidden: bool = False
    forces_rport: bool = False
    adds_rport: bool = False
    adds_server_id: bool = False
    advertised_address: bytes = b""
    advertised_port: bytes = b""
    route_params: bytes = b""
    more_flags: int = 0
    fault: Fault = Fault.UNSPECIFIED
    fault_before: Fault = Fault.UNSPECIFIED
    is_transaction_sought: bool = False
    routed_params: tuple[int, int] | None = None
    is_upstream: bool | None = None
    is_next_hop_a_route: bool = False
    identities: dict[bytes, list[Identity]] = field(default_factory=dict)
    sessions: tuple[Session, ...] | None = None

    def begin_action(self) -> None:
        """The last fault becomes the one before (core/action.c, do_action)."""
        self.fault_before, self.fault = self.fault, Fault.UNSPECIFIED

    @property
    def request_uri(self) -> bytes:
        """The R-URI as it goes out; of a reply the status, which stands in its place (parse_fline.h, msg_start)."""
        line = self.message.first_line
        return self.new_uri if self.new_uri is not None else line.status or line.uri

    def uri(self, text: bytes) -> Uri | None:
        """A URI as this version of Kamailio reads it; None for what is none."""
        found = parse_uri(text) if self.environment.kamailio == "5.6" else parse_uri_6(text)
        if found is None:
            self.fault = Fault.BAD_URI
        return found

    def contacts(self, body: bytes) -> tuple[Contact, ...] | None:
        """The addresses of a Contact as this version of Kamailio lists them; None when it does not parse."""
        return parse_contacts_6(body) if self.environment.is_6 else parse_contacts(body)

    def hash_table(self, name: bytes) -> dict[bytes, Value] | None:
        """What is in a hash table; None for one that the configuration has not got."""
        if name.decode("latin-1") not in self.environment.hash_tables:
            return None
        return self.process.hash_tables.setdefault(name, {})

    def header(self, key: bytes) -> Header | None:
        """The first header of that type, lower-case long name; None when there is none that Kamailio can reach."""
        return self.message.header(key)

    def read_sdp(self) -> tuple[Session, ...] | None:
        """The SDP descriptions in the body; None where it is of another type, or a header or it does not parse."""
        header, body = self.header(b"content-type"), self.message.body or b""
        self.sessions = None
        if header is not None and self.message.broken_at is None:
            self.sessions = sessions(header.body, body, is_6=self.environment.is_6)
        return self.sessions

    def party(self, key: bytes) -> ToBody | None:
        """What is in the From or To header; None when it is missing or does not parse."""
        header = self.message.header(key)
        return None if header is None else self.party_in(key, header)

    def party_in(self, key: bytes, header: Header) -> ToBody | None:
        """As ``party``, in the first header of that type."""
        # A NUL that ended a To when the headers were parsed takes the blanks in front of it for the URI's.
        ends_at_nul = key == b"to" and self.message.data[header.end : header.end + 1] == b"\0"
        return parse_to_body(header.body + b"\0" if ends_at_nul else header.body)


def place_of(socket: Socket) -> bytes:
    """Where to reach a socket, as a URI has it behind its user: ``a.example:5070;transport=tcp``, without defaults."""
    own = socket.advertised or socket.address
    port = "" if own.port == _DEFAULT_PORT else f":{own.port}"
    transport = "" if socket.address.proto == "udp" else f";transport={socket.address.proto}"
    return f"{bracketed(own.ip)}{port}{transport}".encode()


def bracketed(ip: str) -> str:
    """An IP address as it stands in a URI: IPv6 in brackets."""
    return f"[{ip}]" if ":" in ip else ip
