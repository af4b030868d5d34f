"""
What Kamailio itself knows of the way of a message: its own sockets, its branches, and the direction in the dialog.

Must not know pseudo-variables or scripts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.sip.nameaddr import parse_route_body
from runner.sip.scan import LONG_MAX, number_of
from runner.sip.uri import Uri, parse_uri

from .context import MAX_BRANCHES, MAX_PATH_SIZE, MAX_URI_SIZE
from .value import CannotEvaluate

if TYPE_CHECKING:
    from .context import Branch, Context, Socket

_DEFAULT_PORT = 5060


def find_socket(context: Context, name: bytes) -> Socket | None:
    """
    The listening socket ``proto:ip:port``, ``ip:port``, ``proto:ip`` or ``ip``; None when none matches.

    It is found by what it advertises, too (main.c, parse_phostport; core/socket_info.c, grep_sock_info).

    Raises:
        CannotEvaluate: The port is no number, the protocol is unknown, or brackets and colons are misplaced.
    """
    sockets = context.environment.sockets
    proto, host, port = _place(name)
    if proto and proto not in _ALWAYS_KNOWN | (_KNOWN_WHEN_USED & {socket.address.proto for socket in sockets}):
        raise CannotEvaluate(f"no socket has the protocol {proto!r}")
    if len(host) > 2 and host[:1] == b"[" and host[-1:] == b"]":  # noqa: PLR2004 - something between the brackets
        host = host[1:-1]
    ip = host.decode("latin-1").lower()
    for socket in sockets:
        own = [address for address in (socket.address, socket.advertised) if address is not None]
        is_there = any(address.ip.lower() == ip for address in own)
        if is_there and proto in {"", socket.address.proto} and (not port or any(port == each.port for each in own)):
            return socket
    return None


# main.c, parse_proto: the others are unknown unless they are switched on, which a socket shows. WebSocket has none.
_ALWAYS_KNOWN, _KNOWN_WHEN_USED = frozenset({"udp", "tcp"}), frozenset({"tls", "sctp"})

_HOST = rb"((?:[^:\[\]]|\[[^\[\]]*+(?:\]|\Z))*+)"
_PLACE = re.compile(_HOST + b"(?::" + _HOST + b")?(?::" + _HOST + b")?")
_PORT = re.compile(rb"[ \t\n\v\f\r]*([+-]?)([0-9]+)")


def _place(name: bytes) -> tuple[str, bytes, int]:
    """main.c, parse_phostport: protocol, host and port; empty or 0 for what is missing."""
    found = _PLACE.fullmatch(name)
    if found is None or not name or name.endswith(b":"):
        raise CannotEvaluate("brackets or colons are misplaced in the name of a socket")
    first, second, third = found.groups()
    if second is None:
        return "", first, 0
    number = _port(second if third is None else third)
    if third is None and number is not None:
        return "", first, number
    proto = first.decode("latin-1").lower()
    if not proto or (third is not None and number is None):
        raise CannotEvaluate("no protocol or a bad port in the name of a socket")
    return proto, second, number or 0


def _port(text: bytes) -> int | None:
    """C's strtol, of which the lower 16 bits are taken; None for no number."""
    found = _PORT.fullmatch(text)
    if found is None:
        return None
    number = number_of(found[2], LONG_MAX)
    return (-number if found[1] == b"-" else min(number, LONG_MAX)) % (1 << 16)


def append_branch(context: Context, branch: Branch) -> None:
    """
    One more branch (core/dset.c, append_branch).

    Raises:
        CannotEvaluate: There are too many, or a text is too long for it.
    """
    if len(context.branches) >= MAX_BRANCHES - 1:
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
    uri = parse_uri(found[0].uri)
    return b"" if uri is None or not own_sockets(context, uri) else uri.params or b""
