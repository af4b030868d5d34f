"""
Selects of a URI: what may follow ``ruri``, ``dst_uri``, ``next_hop``, ``contact.uri`` and others.

Follows core/select_core.c (select_ruri, select_uri_user and those around them).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.hosts.embedded.context import bracketed
from runner.hosts.embedded.pv.select import ROOT, Names, Node, Selection
from runner.sip.ip import ip_version, is_number
from runner.sip.params import Param, find_param, parse_params
from runner.sip.uri import Proto, Scheme, Uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.embedded.pv.select import Name, Reader

_WHITE = b" \t\r\n"
_SEPARATORS = b"-.()"
_SIP = (Scheme.SIP, Scheme.SIPS)
_SECURE = (Scheme.SIPS, Scheme.TELS)


def find(text: bytes | None, wanted: Name) -> Param | None:
    """A parameter in a text like ``a=1;b``; None when it is not there or the text does not parse (search_param)."""
    found = parse_params(text or b"")
    return None if not found or isinstance(wanted, int) else find_param(found, wanted)


def value(param: Param | None) -> bytes | None:
    """The value of a parameter; None for a bare name, and without the parameter."""
    return None if param is None or param.is_bare else param.body


def hyphenated(names: Names) -> Names:
    """An underscore in the name of a parameter stands for a hyphen (the fixup of select_any_params)."""
    return tuple(name.replace(b"_", b"-") if isinstance(name, bytes) else name for name in names)


def _part(part: Callable[[Uri], bytes | None]) -> Reader:
    def read(selection: Selection) -> bytes | None:
        uri = selection.access.context.uri(selection.text)
        return None if uri is None else part(uri)

    return read


def _scheme(selection: Selection) -> bytes | None:
    """The only part for which blanks around the URI do not count."""
    uri = selection.access.context.uri(selection.text.strip(_WHITE))
    return None if uri is None else uri.scheme.value


# What parse_uri.c reads as a user at first: all up to a separator, but for the first byte.
_FIRST_USER = re.compile(rb"[^:]*:.([^@:;?]*)", re.DOTALL)


def _normalized(user: bytes) -> bytes:
    return user.translate(None, _SEPARATORS)


def _user(selection: Selection) -> bytes | None:
    """Without separators where URI_USER_NORMALIZE is set (parse_uri.c): never for a plain SIP URI."""
    uri = selection.access.context.uri(selection.text)
    if uri is None or uri.scheme in _SIP:
        return None if uri is None else uri.user or None
    first = _FIRST_USER.match(selection.text)
    if first is None:
        return None
    is_plain = not any(byte in _SEPARATORS for byte in first[1])
    return uri.user or None if is_plain else _normalized(uri.user)


def _routing_user(selection: Selection) -> bytes | None:
    """``rn`` of the parameters, else the user."""
    uri = selection.access.context.uri(selection.text)
    if uri is None:
        return None
    for params in (uri.params, uri.sip_params if uri.is_phone else None):
        if params and parse_params(params) is None:
            return None
        found = find(params, b"rn")
        if found is not None:
            return _normalized(found.body)
    return _user(selection)


def _host(uri: Uri) -> bytes | None:
    # core/parser/parse_uri.c gives a tel URI an empty host, the others none.
    return uri.host if uri.host or uri.written is Scheme.TEL else None


def _host_and_port(uri: Uri) -> bytes | None:
    default = b"5061" if uri.scheme in _SECURE else b"5060"
    return uri.host + b":" + (uri.port or default) if uri.host else None


def _transport(uri: Uri) -> bytes:
    proto = uri.proto or (Proto.TLS if uri.scheme in _SECURE else Proto.UDP)
    return proto.name.lower().encode()


def _params(selection: Selection) -> bytes | None:
    uri = selection.access.context.uri(selection.text)
    if uri is None:
        return None
    if len(selection.parsed) == 1:
        return uri.params
    found = find(uri.params, selection.parsed[1])
    if found is None and uri.is_phone:
        found = find(uri.sip_params, selection.parsed[1])
    return value(found)


URI = Node(title="<uri>")
URI.add("type", _scheme)
URI.add("user", _user)
URI.add("rn_user", _routing_user)
URI.add("pwd", _part(lambda uri: uri.password))
URI.add("host", _part(_host))
URI.add("port", _part(lambda uri: uri.port))
URI.add("params", _params, hyphenated, takes=bytes, is_optional=True)
URI.add("hostport", _part(_host_and_port))
URI.add("transport", _part(_transport))


def _request_uri(selection: Selection) -> bytes | None:
    """Null when it does not parse (parse_sip_msg_uri)."""
    context = selection.access.context
    is_known = context.uri(context.request_uri) is not None
    return context.request_uri if is_known and context.message.first_line.is_request else None


def _destination(selection: Selection) -> bytes | None:
    context = selection.access.context
    return context.dst_uri if context.message.first_line.is_request else None


def _next_hop(selection: Selection) -> bytes | None:
    """Unlike ``$nh(u)``, an R-URI that was written empty is that (select_next_hop)."""
    context = selection.access.context
    return (context.dst_uri or context.request_uri) if context.message.first_line.is_request else None


def _source_ip(selection: Selection) -> bytes | None:
    """The own address a next hop would see (core/forward.c, get_send_socket); no name is looked up but localhost."""
    context = selection.access.context
    if not context.message.first_line.is_request:
        return None
    if context.force_socket is not None:
        return bracketed(context.force_socket.address.ip).encode()
    uri = context.uri(context.dst_uri or context.request_uri)
    host = b"" if uri is None else uri.host
    version = 4 if is_number(host) or host.lower() == b"localhost" else ip_version(host)
    if uri is None or not version:
        return None
    proto = _transport(uri).decode() if uri.scheme is not Scheme.SIPS else "tls"
    for socket in (context.socket, *context.environment.sockets):
        if socket.address.proto == proto and ip_version(socket.address.ip.encode()) == version:
            return bracketed(socket.address.ip).encode()
    return None


ROOT.add("ruri request_uri", _request_uri).nest(URI)
ROOT.add("dst_uri", _destination).nest(URI)
_hop = ROOT.add("next_hop", _next_hop)
_hop.add("src_ip", _source_ip)
_hop.nest(URI)
