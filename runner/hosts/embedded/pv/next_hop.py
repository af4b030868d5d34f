"""Where the message goes next and came through: ``$nh``, ``$fs``, ``$via0``, ``$rpl``, ``$route_uri``, ``$fti``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.hosts.embedded.context import PROTOCOL_NUMBERS
from runner.hosts.embedded.routing import find_socket, is_upstream
from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.ip import ip_version
from runner.sip.nameaddr import parse_route_body
from runner.sip.scan import ULONG_MAX, str2int
from runner.sip.uri import Proto
from runner.sip.via import Via, vias

from .registry import Access, Reader, one_of, register
from .request import text_or_null, uri_part

if TYPE_CHECKING:
    from runner.hosts.embedded.context import Context
    from runner.sip.message import SipMessage

_DEFAULT_TLS_PORT = 5061
_MAX_URI_SIZE = 1024  # core/config.h
_PROTOCOLS = frozenset({b"udp", b"tcp", b"tls", b"sctp", b"ws", b"wss"})


def next_hop_uri(context: Context) -> bytes | None:
    """``$du``, else the R-URI; for a reply where the second Via points (pv_branch.c, pv_get_nh)."""
    if context.message.first_line.is_reply:
        found = _answer_to(context)
        return None if found is None else found.uri
    return context.dst_uri or context.request_uri or context.message.first_line.uri


@dataclass(frozen=True, slots=True)
class _Answer:
    """Where a reply goes; port 0 is that of the transport."""

    host: bytes
    port: int
    via: Via

    @property
    def protocol(self) -> bytes:
        """core/socket_info.c, get_valid_proto_string."""
        transport = self.via.transport.lower()
        return transport if transport in _PROTOCOLS else b"udp"

    @property
    def uri(self) -> bytes | None:
        """None when it is too long."""
        protocol = b"ws" if self.protocol == b"wss" else self.protocol
        uri = b"sip:%s:%d;transport=%s" % (self.host, self.port, protocol)
        return uri if len(uri) < _MAX_URI_SIZE else None


def _answer_to(context: Context, *, is_tls_known: bool = True) -> _Answer | None:
    """RFC 3261 18.2.2 and RFC 3581: received and rport of the second Via, else its sent-by (pv_get_nh_reply)."""
    found = vias(context.message)
    if len(found) < 2:  # noqa: PLR2004 - the second Via is meant
        return None
    via = found[1]
    received, rport = via.param(b"received"), via.param(b"rport")
    host = via.host if received is None else received.value or b""
    port = 0
    if rport is not None and rport.value is not None:
        number = str2int(rport.value)
        if number is None:
            return None
        port = number
    is_tls = is_tls_known and not via.has_port and via.transport.lower() in {b"tls", b"wss"}
    return _Answer(host, port or (_DEFAULT_TLS_PORT if is_tls else via.port_number), via)


def _next_hop(access: Access) -> Value:
    if access.context.message.first_line.is_reply:
        return _reply_hop(access)
    uri = next_hop_uri(access.context)
    if uri is None:
        return NULL
    if access.name == "u":
        return Value(uri)
    found = access.context.uri(uri)
    if found is None:
        return NULL
    match access.name:
        case "U":
            return text_or_null(found.user)
        case "d":
            return text_or_null(found.host)
        case "p":
            # Unlike that of the R-URI it does not look at the transport.
            is_own = access.context.dst_uri is None and access.context.new_uri is None
            behind = b" "[0] if is_own else 0
            return uri_part(found if found.port is not None else replace(found, proto=Proto.NONE), "port", behind)
        case "P":
            return uri_part(found, "proto")
        case _:
            return Value.integer(ip_version(found.host))


def _reply_hop(access: Access) -> Value:
    """pv_branch.c, pv_get_nh_reply."""
    answer = _answer_to(access.context)
    if answer is None:
        return NULL
    match access.name:
        case "u":
            return NULL if answer.uri is None else Value(answer.uri)
        case "U":
            return NULL
        case "d":
            return Value(answer.host)
        case "p":
            return Value.integer(answer.port)
        case "P":
            return Value(answer.protocol, PROTOCOL_NUMBERS[answer.protocol.decode()])
        case _:
            return Value.integer(ip_version(answer.host))


def _write_socket(access: Access, value: Value) -> None:
    if value.is_null:
        access.context.force_socket = None
        return
    if not value.text:
        raise CannotEvaluate("$fs needs a text")
    access.context.force_socket = find_socket(access.context, value.text) or access.context.force_socket


def _write_socket_name(access: Access, value: Value) -> None:
    if value.is_null:
        access.context.force_socket = None
        return
    if not value.text:
        raise CannotEvaluate("$fsn needs a text")
    for socket in access.context.environment.sockets:
        if socket.name.encode() == value.text:
            access.context.force_socket = socket


def _socket(access: Access) -> Value:
    socket = access.context.force_socket
    return NULL if socket is None else Value(socket.text.encode())


def _socket_name(access: Access) -> Value:
    socket = access.context.force_socket
    return NULL if socket is None else text_or_null(socket.name.encode())


def _socket_port(access: Access) -> Value:
    socket = access.context.force_socket
    if socket is None:
        return Value.integer(0)
    return Value.integer_text(b"%d" % socket.address.port, socket.address.port)


def _via(at: int) -> Reader:
    def read(access: Access) -> Value:
        found = vias(access.context.message) if access.context.message.broken_at is None else []
        if not (found if at < 0 else found[at : at + 1]):
            return NULL
        return _via_part(found[at], access.name)

    return read


def _via_part(via: Via, part: str) -> Value:
    match part:
        case "host":
            return text_or_null(via.host)
        case "port":
            return Value.integer(via.port_number)
        case "proto":
            return Value(via.transport)
        case "protoid":
            return Value.integer(via.protocol_number)
    if part == "params":
        return text_or_null(via.written)
    if part.startswith("oc"):
        return _overload(via, part.replace("-", ""))
    param = via.param(part.encode())
    return NULL if param is None else text_or_null(param.value)


def _overload(via: Via, part: str) -> Value:
    """core/parser/parse_via.c, parse_via_oc: overload control (RFC 7339), the last of each name."""
    values = {param.name.lower(): param.value for param in via.params}
    match part:
        case "oc":
            return Value.integer(0 if b"oc" not in values else 2 if values[b"oc"] else 1)
        case "ocval":
            return text_or_null(values.get(b"oc"))
        case "ocalgo":
            return text_or_null(values.get(b"oc-algo"))
        case "ocvalidity":
            return Value.integer(str2int(values.get(b"oc-validity") or b"", ULONG_MAX) or 0)
        case _:
            return Value.integer(str2int(values.get(b"oc-seq") or b"") or 0)


def _reply_destination(access: Access) -> Value:
    """pv_core.c, pv_get_rpl_attrs: null for a request."""
    message = access.context.message
    if not message.first_line.is_reply:
        return NULL
    if access.name in {"cntvia", "cntrr"}:
        return NULL if message.broken_at is not None else _count(message, access.name)
    answer = _answer_to(access.context, is_tls_known=False)
    if answer is None:
        return NULL
    match access.name:
        case "duri":
            return NULL if answer.uri is None else Value(answer.uri)
        case "dhost":
            return Value(answer.host)
        case "dport":
            return Value.integer(answer.port)
        case "dproto":
            return Value(answer.protocol, answer.via.protocol_number)
        case _:
            return Value.integer(answer.via.protocol_number)


def _count(message: SipMessage, name: str) -> Value:
    """Vias, or the addresses of Record-Routes behind the first Via; null when one does not parse."""
    if name == "cntvia":
        return Value.integer(len(vias(message)))
    via = message.header(b"via")
    headers = message.all_headers(b"record-route")
    found = [parse_route_body(header.body) for header in headers if via is not None and header.start > via.start]
    return NULL if None in found else Value.integer(sum(len(one or ()) for one in found))


def _route_uri(access: Access) -> Value:
    header = access.context.header(b"route")
    if header is None:
        raise CannotEvaluate("there is no Route")
    found = parse_route_body(header.body)
    if found is None:
        raise CannotEvaluate("the Route does not parse")
    return Value(found[0].uri)


def _initial_tag(key: bytes, opposite: bytes) -> Reader:
    """rr: rr_mod.c, pv_get_from_tag_initial: a request that goes upstream has the tags the other way round."""

    def read(access: Access) -> Value:
        found = access.context.party(key)
        if found is not None and is_upstream(access.context):
            found = access.context.party(opposite)
        return NULL if found is None else text_or_null(found.tag)

    return read


def _direction(access: Access) -> Value:
    number, name = (2, b"upstream") if is_upstream(access.context) else (1, b"downstream")
    return Value.integer(number) if access.name == "id" else Value(name)


_LATER_VIA_PARTS = (
    *("params", "oc", "ocval", "oc-val", "ocalgo", "oc-algo", "ocvalidity", "oc-validity", "ocseq", "oc-seq"),
)
_VIA_PARTS = one_of("host", "port", "proto", "protoid", "branch", "rport", "received", "i", *_LATER_VIA_PARTS)
register(
    "nh",
    "Next hop, $du or R-URI: u, U, d, p, P, i.",
    "pv: pv_core.c, pv_get_nh",
    _next_hop,
    parse_name=one_of("u", "U", "d", "p", "P", "i"),
)
register("fs", "Socket to send from; null when not forced.", "pv: pv_core.c, pv_get_force_sock", _socket, _write_socket)
register("fsn", "Name of the forced socket.", "pv: pv_core.c, pv_get_force_sock_name", _socket_name, _write_socket_name)
register("fsp", "Port of the forced socket, 0 for none.", "pv: pv_core.c, pv_get_force_sock_port", _socket_port)
_SOURCE = "pv: pv_core.c, pv_get_via_attr"
register("via0", "Part of the first Via.", _SOURCE, _via(0), parse_name=_VIA_PARTS, later_names=_LATER_VIA_PARTS)
register("via1", "Part of the second Via.", _SOURCE, _via(1), parse_name=_VIA_PARTS, later_names=_LATER_VIA_PARTS)
register("viaZ", "Part of the last Via.", _SOURCE, _via(-1), parse_name=_VIA_PARTS, later_names=_LATER_VIA_PARTS)
register(
    "rpl",
    "Where a reply goes: duri, dhost, dport, dproto, dprotoid, cntvia, cntrr.",
    "pv: pv_core.c, pv_get_rpl_attrs",
    _reply_destination,
    parse_name=one_of("duri", "dhost", "dport", "dproto", "dprotoid", "cntvia", "cntrr"),
)
register("route_uri", "URI of the first Route.", "rr: rr_mod.c, pv_get_route_uri_f", _route_uri)
register(
    "fti", "From tag of the initial request.", "rr: rr_mod.c, pv_get_from_tag_initial", _initial_tag(b"from", b"to")
)
register("tti", "To tag of the initial request.", "rr: rr_mod.c, pv_get_to_tag_initial", _initial_tag(b"to", b"from"))
register(
    "rdir",
    "Direction in the dialog: id, name.",
    "rr: rr_mod.c, pv_get_rdir",
    _direction,
    parse_name=one_of("id", "name"),
)
