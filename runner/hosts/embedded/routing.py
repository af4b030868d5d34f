"""
What Kamailio itself knows of the way of a message: its own sockets, its branches, and the direction in the dialog.

Must not know pseudo-variables or scripts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.sip.nameaddr import parse_route_body
from runner.sip.uri import Uri, parse_uri

from .context import MAX_BRANCHES, MAX_PATH_SIZE, MAX_URI_SIZE, PROTOCOL_NUMBERS
from .value import CannotEvaluate

if TYPE_CHECKING:
    from .context import Branch, Context, Socket

_DEFAULT_PORT = 5060


def find_socket(context: Context, name: bytes) -> Socket | None:
    """
    The listening socket ``proto:ip:port``, ``ip:port`` or ``ip``; None when none matches (core/socket_info.c).

    Raises:
        CannotEvaluate: The port is no number.
    """
    text = name.decode("latin-1")
    proto = ""
    head, colon, rest = text.partition(":")
    if colon and head.lower() in PROTOCOL_NUMBERS:
        proto, text = head.lower(), rest
    ip, _, port = text.rpartition(":") if ":" in text else (text, "", "")
    if not ip or (port and not port.isdigit()):
        raise CannotEvaluate("bad port of a socket")
    for socket in context.environment.sockets:
        address = socket.address
        if address.ip == ip and (not port or address.port == int(port)) and proto in {"", address.proto}:
            return socket
    return None


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
        params = (param.partition(b"=") for param in _routed_params(context).split(b";"))
        tag = next((value for name, _, value in params if name.strip() == b"ftag"), b"")
        found = context.party(b"from")
        sender = b"" if found is None else found.tag
        context.is_upstream = bool(tag and sender) and tag != sender
    return context.is_upstream


def _routed_params(context: Context) -> bytes:
    """rr: loose.c, redo_route_params: those ``loose_route`` left, else those of the topmost Route when it is own."""
    header = context.header(b"route")
    if context.routed_params or header is None or not context.message.first_line.is_request:
        return context.routed_params
    found = parse_route_body(header.body)
    uri = None if found is None else parse_uri(found[0].uri)
    return b"" if uri is None or not own_sockets(context, uri) else uri.params or b""
