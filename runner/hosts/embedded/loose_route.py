"""
Where the Route headers of a request lead it (RFC 3261, 16.4): what Kamailio's module rr does in loose.c.

Must not know scripts: a Context in, the function's own value out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.sip.nameaddr import parse_route_body
from runner.sip.uri import Proto

from .routing import PROTOCOL_NAMES, own_sockets, params_place, sockets_at

if TYPE_CHECKING:
    from runner.sip.message import Header
    from runner.sip.uri import Uri

    from .context import Context, Socket

_DEFAULT_PORT, _TLS_PORT = 5060, 5061
_DRIVEN, _NOT_DRIVEN, _PRELOADED = 1, -1, -3  # rr/loose.h; RR_ERROR is -1, too


class _CannotRouteError(Exception):
    """A Route or its URI does not parse; edits made until then stand."""


@dataclass(frozen=True, slots=True)
class _Route:
    """
    One address of a Route header.

    Attributes:
        header: The header it stands in.
        uri: As written.
        start: Offset of the address in the message.
        end: Offset behind it.
        uri_start: Offset of the URI.
    """

    header: Header
    uri: bytes
    start: int
    end: int
    uri_start: int


def loose_route(context: Context, *, is_loose_only: bool = False) -> int:
    """
    loose.c, loose_route_mode: a topmost Route that is an own socket goes, the one behind it is the destination.

    With ``is_loose_only`` an own R-URI does not stand for a strict router in front.

    Returns:
        1 routed; -1 there was nothing to route by; -3 the own Route was the only one of a request without a To tag.
    """
    is_routed = context.message.first_line.is_request and context.message.all_headers(b"route")
    uri = context.uri(context.request_uri) if is_routed else None
    to = context.party(b"to")
    if uri is None or to is None:
        return _NOT_DRIVEN
    try:
        if not to.tag or is_loose_only or not own_sockets(context, uri):
            return _after_loose(context, is_preloaded=not to.tag)
        return _after_strict(context)
    except _CannotRouteError:
        return _NOT_DRIVEN


def loose_route_preloaded(context: Context) -> int:
    """rr_mod.c, w_loose_route_preloaded: the same, but only the preloaded case is true."""
    return _DRIVEN if loose_route(context) == _PRELOADED else _NOT_DRIVEN


class _Routes:
    """The Route headers of a message, read one at a time as loose.c does: a broken one matters when it is reached."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.headers = context.message.all_headers(b"route")
        self.at = 0
        self.index = 0
        self.current = self._read(self.headers[0])

    def _read(self, header: Header) -> list[_Route]:
        found = parse_route_body(header.body)
        if found is None:
            raise _CannotRouteError
        at = header.body_start
        return [_Route(header, one.uri, at + one.start, at + one.end, at + one.uri_start) for one in found]

    @property
    def top(self) -> _Route:
        """The topmost address that was not passed yet."""
        return self.current[self.index]

    def following(self) -> _Route | None:
        """The address behind the topmost one in the same header."""
        return self.current[self.index + 1] if self.index + 1 < len(self.current) else None

    def last_header(self) -> list[_Route]:
        """The addresses of the last header."""
        return self._read(self.headers[-1])

    def pass_top(self) -> bool:
        """Go on to the next address, without the header when that was its last; False when there is no other."""
        if self.following() is not None:
            self.index += 1
            return True
        header = self.headers[self.at]
        self.context.edits.replace(header.start, header.end - header.start)
        self.at += 1
        if self.at == len(self.headers):
            if self.context.message.broken_at is not None:
                raise _CannotRouteError
            return False
        self.current, self.index = self._read(self.headers[self.at]), 0
        return True

    def cut_passed(self) -> None:
        """Delete what was passed of the current header."""
        if self.index:
            header = self.headers[self.at]
            self.context.edits.replace(header.body_start, self.top.start - header.body_start)

    def cut_top(self) -> None:
        """Delete all up to the address behind the topmost one, the whole header when there is none."""
        header, following = self.headers[self.at], self.following()
        if following is None:
            self.context.edits.replace(header.start, header.end - header.start)
        else:
            self.context.edits.replace(header.body_start, following.start - header.body_start)


def _after_loose(context: Context, *, is_preloaded: bool) -> int:
    """loose.c, after_loose: the R-URI is the request's own."""
    routes = _Routes(context)
    context.routed_params = None
    uri = _parsed(context, routes.top.uri)
    if own_sockets(context, uri):
        context.routed_params = params_place(uri, routes.top.uri, routes.top.uri_start)
        done = _PRELOADED if is_preloaded else _DRIVEN
        if not routes.pass_top():
            return done
        if _has_param(uri, b"r2"):
            second = _parsed(context, routes.top.uri)
            context.force_socket = _socket_of(context, second) or context.force_socket
            if not routes.pass_top():
                return done
        uri = _parsed(context, routes.top.uri)
        context.is_next_hop_a_route = True
    if _has_param(uri, b"lr"):
        context.dst_uri = _with_maddr(routes.top.uri, uri)
        routes.cut_passed()
        return _DRIVEN
    # The next hop is a strict router: the R-URI goes to the end of the routes, and its URI becomes the R-URI.
    message = context.message
    if message.broken_at is not None:
        return _NOT_DRIVEN
    context.edits.insert(message.headers[-1].end, b"Route: <" + message.first_line.uri + b">\r\n")
    context.new_uri = _with_maddr(routes.top.uri, uri)
    routes.cut_top()
    return _DRIVEN


def _after_strict(context: Context) -> int:
    """loose.c, after_strict: the R-URI is the own one that a strict router took from the routes."""
    routes = _Routes(context)
    context.routed_params = None
    uri = _parsed(context, routes.top.uri)
    if _has_param(uri, b"r2") and own_sockets(context, uri):
        context.force_socket = _socket_of(context, uri) or context.force_socket
        if not routes.pass_top():
            return _NOT_DRIVEN
        uri = _parsed(context, routes.top.uri)
    if context.new_uri is None:
        line = context.message.first_line
        context.routed_params = params_place(_parsed(context, line.uri), line.uri, line.uri_start)
    if not _has_param(uri, b"lr"):
        context.new_uri = _with_maddr(routes.top.uri, uri)
        routes.cut_top()
        return _DRIVEN
    context.dst_uri = _with_maddr(routes.top.uri, uri)
    routes.cut_passed()
    if context.message.broken_at is not None:
        return _NOT_DRIVEN
    *before, last = routes.last_header()
    context.new_uri = _with_maddr(last.uri, _parsed(context, last.uri))
    start, end = (before[-1].end, last.end) if before else (last.header.start, last.header.end)
    context.edits.replace(start, end - start)
    return _DRIVEN


def _parsed(context: Context, uri: bytes) -> Uri:
    found = context.uri(uri)
    if found is None:
        raise _CannotRouteError
    return found


def _socket_of(context: Context, uri: Uri) -> Socket | None:
    """loose.c, rr_do_force_send_socket: without a port, that of the transport or else any."""
    proto = PROTOCOL_NAMES.get(uri.proto)
    default = _TLS_PORT if uri.proto is Proto.TLS else _DEFAULT_PORT
    for port in (uri.port_number or default, uri.port_number):
        if found := sockets_at(context, uri.host, port, proto):
            return found[0]
    return None


# The name, whatever its value; and what passes another one, of which the first byte that differs hides a quote or ";".
_OTHER = rb'.(?:[^";]|"(?:[^"\\]|\\.)*")*;'
_NAMED = {
    b"lr": re.compile(rb"[ \t\r\n]*[lL][rR][ \t\r\n]*(?:[;=]|\Z)"),
    b"r2": re.compile(rb"[ \t\r\n]*[rR]2[ \t\r\n]*(?:[;=]|\Z)"),
}
_NOT_NAMED = {
    b"lr": re.compile(rb"[ \t\r\n]*+(?:[lL](?:[rR][ \t\r\n]*+)?+)?+" + _OTHER, re.DOTALL),
    b"r2": re.compile(rb"[ \t\r\n]*+(?:[rR](?:2[ \t\r\n]*+)?+)?+" + _OTHER, re.DOTALL),
}


def _has_param(uri: Uri, name: bytes) -> bool:
    """Whether a URI has ``lr`` or ``r2``, whatever the value (loose.c, is_strict; core/parser/parse_rr.h, is_2rr)."""
    params, at = uri.params or b"", 0
    while not _NAMED[name].match(params, at):
        passed = _NOT_NAMED[name].match(params, at)
        if passed is None:
            return False
        at = passed.end()
    return True


_MAX_MADDR = 117
"""loose.c, get_maddr_uri: the URI made of it has to fit into 127 bytes."""


def _with_maddr(text: bytes, uri: Uri) -> bytes:
    """loose.c, get_maddr_uri: where maddr points, the port kept."""
    address = uri.param(b"maddr").value
    if not address:
        return text
    if len(address) > _MAX_MADDR:
        raise _CannotRouteError
    return b"sip:" + address + (b":" + uri.port if uri.port else b"")
