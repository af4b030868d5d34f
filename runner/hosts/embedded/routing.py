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

from .context import MAX_BRANCHES, MAX_PATH_SIZE, MAX_URI_SIZE, Fault
from .value import CannotEvaluate

if TYPE_CHECKING:
    from runner.sip.uri import Uri

    from .context import Branch, Context, Socket

_DEFAULT_PORT = 5060


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
    if host.startswith(b"[") and host.endswith(b"]") and len(host) > len(b"[]"):
        host = host[1:-1]
    for socket in context.environment.sockets:
        known = (socket.address, *filter(None, [socket.advertised]))
        is_port = not port or any(own.port == port for own in known)
        is_asked = is_port and proto in {None, socket.address.proto}
        if is_asked and any(_is_host(own.ip.encode(), host) for own in known):
            return socket
    return None


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
    """core/socket_info.c, grep_sock_info: the sockets of that address, and those that advertise it."""
    place = uri.host.decode("latin-1").strip("[]").lower(), uri.port_number or _DEFAULT_PORT
    return [
        socket
        for socket in (*context.environment.sockets, context.socket)
        if any(own is not None and place == (own.ip.lower(), own.port) for own in (socket.address, socket.advertised))
    ]


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


def _routed_params(context: Context) -> bytes:
    """
    rr: loose.c, redo_route_params: those ``loose_route`` left, else those of the topmost Route when it is own.

    Kept as offsets, so after a rebuild they give whatever is there then.
    """
    message, header = context.message, context.header(b"route")
    found = None if header is None or not message.first_line.is_request else parse_route_body(header.body)
    if found is None:
        return b""
    if context.routed_params is not None and context.routed_params[0] <= len(message.data):
        start, end = context.routed_params
        return message.data[start:end]
    uri = context.uri(found[0].uri)
    return b"" if uri is None or not own_sockets(context, uri) else uri.params or b""
