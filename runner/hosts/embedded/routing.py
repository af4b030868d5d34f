"""
What Kamailio itself knows of the way of a message: its own sockets, its branches, and the direction in the dialog.

Must not know pseudo-variables or scripts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.sip.ip import parse_ip
from runner.sip.nameaddr import parse_route_body
from runner.sip.scan import LONG_MAX, number_of
from runner.sip.uri import Proto

from .context import MAX_BRANCHES, MAX_PATH_SIZE, MAX_URI_SIZE, PROTOCOL_NUMBERS, Fault
from .value import CannotEvaluate

if TYPE_CHECKING:
    from runner.sip.uri import Uri

    from .context import Branch, Context, Socket

_DEFAULT_PORT = 5060
PROTOCOL_NAMES = {number: name for name, number in PROTOCOL_NUMBERS.items() if number}


def find_socket(context: Context, name: bytes) -> Socket | None:
    """
    The listening socket ``[proto:]host[:port]``, by its own or its advertised address; None when none matches.

    An IPv6 address stands in brackets. Follows main.c, parse_phostport, and core/socket_info.c, grep_sock_info.

    Raises:
        CannotEvaluate: It does not parse, or its transport is none that this server speaks.
    """
    proto, host, port = _socket_parts(name.partition(b"\0")[0])
    if proto is not None and not context.environment.speaks(proto):
        raise CannotEvaluate("this server does not speak that transport")
    return next(iter(sockets_at(context, host, port, proto)), None)


def sockets_at(context: Context, host: bytes, port: int, proto: str | None) -> list[Socket]:
    """
    The listening sockets of an address, their own or what they advertise (core/socket_info.c, grep_sock_info).

    Args:
        context: Of this server.
        host: An IPv6 address may stand in brackets.
        port: 0 for any; that of the address and the address itself need not be of the same of the two.
        proto: None for any; WebSocket comes by a socket of TCP or TLS.
    """
    if host.startswith(b"[") and host.endswith(b"]") and len(host) > len(b"[]"):
        host = host[1:-1]
    found = []
    for socket in dict.fromkeys((*context.environment.sockets, context.socket)):
        known = (socket.address, *filter(None, [socket.advertised]))
        is_port = not port or any(own.port == port for own in known)
        is_asked = is_port and (proto is None or socket.address.proto in _CARRIERS.get(proto, (proto,)))
        if is_asked and any(_is_host(own.ip.encode(), host) for own in known):
            found.append(socket)
    return found


_CARRIERS = {"ws": ("tcp", "tls"), "wss": ("tls",)}


def is_myself(context: Context, text: bytes) -> bool:
    """core/kemi.c, sr_kemi_core_is_myself: a SIP URI that names one of the own sockets, or such a host alone."""
    if len(text) <= len(b"sip:") or not text.startswith((b"sip:", b"sips:")):
        return bool(text) and bool(sockets_at(context, text, 0, None))
    uri = context.uri(text)
    if uri is None or not uri.host:
        return False
    proto = PROTOCOL_NAMES.get(uri.proto) if uri.transport else None
    return bool(sockets_at(context, uri.host, uri.port_number if uri.port else 0, proto))


SOCKET_PROTOS = {b"udp": "udp", b"tcp": "tcp", b"tls": "tls", b"sctp": "sctp"}
"""WebSocket is no transport of a socket: it comes over one of these."""

_PORT = re.compile(rb"[ \t-\r]*([+-]?)0*([0-9]*)(?<=[0-9])")
_MOST_COLONS = 2
_IP4_BYTES = 4


def _socket_parts(text: bytes) -> tuple[str | None, bytes, int]:
    """Transport, host and port, 0 for none; of a port with more than 16 bits the lower ones count."""
    depth, colons = 0, []
    for at, byte in enumerate(text):
        if byte == b":"[0] and not depth:
            colons.append(at)
        depth += (byte == b"["[0]) - (byte == b"]"[0])
        if depth not in {0, 1} or len(colons) > _MOST_COLONS:
            raise CannotEvaluate("bad brackets or colons in a socket")
    if not text or text.endswith(b":"):
        raise CannotEvaluate("a socket without a host or port")
    if not colons:
        return None, text, 0
    port = _port(text[colons[-1] + 1 :])
    if len(colons) == 1 and port is not None:
        return None, text[: colons[0]], port
    proto = SOCKET_PROTOS.get(text[: colons[0]].lower())
    if proto is None or (len(colons) == _MOST_COLONS and port is None):
        raise CannotEvaluate("bad transport or port of a socket")
    return proto, text[colons[0] + 1 : colons[1] if len(colons) == _MOST_COLONS else None], port or 0


def _port(text: bytes) -> int | None:
    """What C's strtol makes of the whole text, cut to 16 bits; None when it is no number."""
    found = _PORT.fullmatch(text)
    if found is None:
        return None
    number = number_of(found.group(2), LONG_MAX)
    return (-number if found.group(1) == b"-" else min(number, LONG_MAX)) & 0xFFFF


def _is_host(ip: bytes, host: bytes) -> bool:
    """core/socket_info.c, si_hname_cmp: IPv6 addresses are compared as numbers, all else as text."""
    if ip.lower() == host.lower():
        return True
    address = parse_ip(host)
    return address is not None and address == parse_ip(ip) and len(address) > _IP4_BYTES


def append_branch(context: Context, branch: Branch) -> None:
    """
    One more branch (core/dset.c, append_branch).

    Raises:
        CannotEvaluate: There are too many, or a text is too long for it.
    """
    if len(context.branches) >= MAX_BRANCHES - 1:
        context.fault = Fault.TOO_MANY_BRANCHES
        raise CannotEvaluate("too many branches")
    limit(branch.uri, MAX_URI_SIZE)
    limit(branch.dst_uri or b"", MAX_URI_SIZE)
    limit(branch.path or b"", MAX_PATH_SIZE)
    context.branches.append(branch)


def limit(text: bytes, size: int) -> None:
    """Raise CannotEvaluate for a text that, with a NUL behind it, does not fit into ``size`` bytes of a branch."""
    if len(text) >= size:
        raise CannotEvaluate(f"{len(text)} bytes are too many: a branch has room for {size - 1}")


def own_sockets(context: Context, uri: Uri) -> list[Socket]:
    """rr: loose.c, is_myself: the sockets that a URI names, of any transport."""
    if not uri.host or uri.param(b"gr").text:
        return []
    return sockets_at(context, uri.host, uri.port_number or _DEFAULT_PORT, None)


def is_own_and_not_the_sender(context: Context, text: bytes) -> bool:
    """siputils: sipops.c, is_first_hop_mode: an own address, by number, but not the sender's."""
    uri = context.uri(text)
    if uri is None:
        return False
    host, source = uri.host.decode("latin-1").strip("[]"), context.source
    is_own = any(
        own is not None and host == own.ip and uri.port_number in {0, own.port}
        for socket in (*context.environment.sockets, context.socket)
        for own in (socket.address, socket.advertised)
        if uri.proto in {0, PROTOCOL_NUMBERS[socket.address.proto]}
    )
    is_sender = (host, uri.port_number or _DEFAULT_PORT, uri.proto or Proto.UDP) == (
        source.ip,
        source.port,
        PROTOCOL_NUMBERS[source.proto],
    )
    return is_own and not is_sender


def is_upstream(context: Context) -> bool:
    """rr: loose.c, is_direction: upstream when the own Route has another ftag than the From; asked once a message."""
    if context.is_upstream is None:
        tag = _route_param(_routed_params(context), b"ftag")
        found = context.party(b"from")
        sender = b"" if found is None else found.tag
        context.is_upstream = bool(tag and sender) and tag != sender
    return context.is_upstream


_SEMICOLON_OR_QUOTE = re.compile(rb"[;\"']")
_QUOTE = re.compile(rb"(?<!\\)[\"']")
_NOT_BLANK = re.compile(rb"[^ \t]")
_VALUE_END = re.compile(rb"[; \t]")


def _route_param(params: bytes, name: bytes) -> bytes:
    """rr: loose.c, get_route_param: the value of a parameter, empty for none; its name is compared as written."""
    at, size, least = 0, len(params), len(name) + 2
    while size - at > least:
        if at:
            at = _behind_semicolon(params, at)
        at = _behind_blanks(params, at)
        if size - at < least:
            break
        if not params.startswith(name, at):
            at += 1
            continue
        at = _behind_blanks(params, at + len(name))
        if params[at : at + 1] in {b"", b";"}:
            break
        at += 1
        if params[at - 1 : at] != b"=":
            continue
        at = _behind_blanks(params, at)
        is_quoted = params[at : at + 1] in {b'"', b"'"}
        at += is_quoted
        end = (_QUOTE if is_quoted else _VALUE_END).search(params, at)
        return params[at : size if end is None else end.start()]
    return b""


def _behind_semicolon(params: bytes, at: int) -> int:
    """Behind the next semicolon outside quotes, of which either kind closes the other; the end for none."""
    is_quoted = False
    while found := _SEMICOLON_OR_QUOTE.search(params, at):
        at = found.end()
        if found.group() != b";":
            is_quoted ^= params[found.start() - 1 : found.start()] != b"\\"
        elif not is_quoted:
            return at
    return len(params)


def _behind_blanks(params: bytes, at: int) -> int:
    found = _NOT_BLANK.search(params, at)
    return len(params) if found is None else found.start()


def routed_place(context: Context) -> tuple[int, int] | None:
    """
    rr: loose.c, redo_route_params: where the parameters stand by which ``loose_route`` went, else those of the topmost
    Route when it is own; None for none.

    Kept as offsets, so after a rebuild they give whatever is there then.
    """
    message, header = context.message, context.header(b"route")
    found = None if header is None or not message.first_line.is_request else parse_route_body(header.body)
    if found is None or header is None:
        return None
    if context.routed_params is not None and context.routed_params[0] <= len(message.data):
        return context.routed_params
    uri = context.uri(found[0].uri)
    if uri is None or not own_sockets(context, uri):
        return None
    return params_place(uri, found[0].uri, header.body_start + found[0].uri_start)


def params_place(uri: Uri, text: bytes, start: int) -> tuple[int, int] | None:
    """Where the parameters of a URI stand that begins at an offset; None without any."""
    if not uri.params:
        return None
    at = start + text.rindex(b";" + uri.params) + 1
    return at, at + len(uri.params)


def _routed_params(context: Context) -> bytes:
    place = routed_place(context)
    return b"" if place is None else context.message.data[place[0] : place[1]]
