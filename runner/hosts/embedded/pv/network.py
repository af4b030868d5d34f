"""Addresses: who sent the message, which socket received it, which there are (pv_core.c)."""

from __future__ import annotations

import re

from runner.hosts.embedded.context import PROTOCOL_NUMBERS, Address, Socket, bracketed
from runner.hosts.embedded.value import NULL, CannotEvaluate, Value

from .expression import parse_format
from .registry import Access, Reader, one_of, register


def _uri(address: Address, *, is_full: bool) -> Value:
    """core/msg_translator.c, get_src_uri: the transport is left out for UDP unless the full form is asked for."""
    text = f"sip:{bracketed(address.ip)}:{address.port}"
    if is_full or address.proto != "udp":
        text += f";transport={address.proto}"
    return Value(text.encode())


def _source_ip(access: Access) -> Value:
    return Value(access.context.source.ip.encode())


def _source_ip_bracketed(access: Access) -> Value:
    return Value(bracketed(access.context.source.ip).encode())


def _source_port(access: Access) -> Value:
    return Value.integer(access.context.source.port)


def _source_uri(access: Access) -> Value:
    return _uri(access.context.source, is_full=False)


def _source_uri_full(access: Access) -> Value:
    return _uri(access.context.source, is_full=True)


def _source_socket(access: Access) -> Value:
    source = access.context.source
    return Value(f"{source.proto}:{bracketed(source.ip)}:{source.port}".encode())


def _proto(access: Access) -> Value:
    proto = access.context.source.proto
    return Value(proto.encode(), PROTOCOL_NUMBERS.get(proto, 0))


def _proto_number(access: Access) -> Value:
    return Value.integer(PROTOCOL_NUMBERS.get(access.context.source.proto, 0))


def _own(access: Access, *, is_advertised: bool) -> Address:
    socket = access.context.socket
    return socket.advertised if is_advertised and socket.advertised is not None else socket.address


def _ip(*, is_advertised: bool) -> Reader:
    return lambda access: Value(_own(access, is_advertised=is_advertised).ip.encode())


def _port(*, is_advertised: bool) -> Reader:
    def read(access: Access) -> Value:
        port = _own(access, is_advertised=is_advertised).port
        return Value.integer_text(b"%d" % port, port)

    return read


def _own_uri(*, is_advertised: bool, is_full: bool) -> Reader:
    return lambda access: _uri(_own(access, is_advertised=is_advertised), is_full=is_full)


def _socket(access: Access) -> Value:
    return Value(access.context.socket.text.encode())


def _socket_name(access: Access) -> Value:
    name = access.context.socket.name
    return Value(name.encode()) if name else NULL


def _family(access: Access) -> Value:
    is_ipv6 = ":" in access.context.socket.address.ip
    if access.name == "name":
        return Value(b"IPv6" if is_ipv6 else b"IPv4")
    return Value.integer(10 if is_ipv6 else 2)


_LSOCK = re.compile(rb"([nlai])/([^/]*)/([nlai])[^/]+", re.DOTALL)


def _listening(access: Access) -> Value:
    """corex: corex_var.c, pv_get_lsock: ``n/main/listen``; of the field's word the first letter counts."""
    found = _LSOCK.fullmatch(access.name.print(access.context))
    if found is None:
        raise CannotEvaluate("expected match/value/field")
    match, value, field = found.groups()
    for index, socket in enumerate(access.context.environment.sockets):
        texts = {
            b"n": socket.name.encode(),
            b"l": socket.text.encode(),
            b"a": b"" if socket.advertised is None else Socket(socket.advertised).text.encode(),
        }
        # The number behind i is never read, so it is the first socket.
        if match == b"i" or (texts[match] and texts[match].lower() == value.lower()):
            return Value.integer(index) if field == b"i" else Value(texts[field])
    return NULL


_SOURCE = "pv: pv_core.c, pv_get_srcip"
register("si src_ip", "IP address of the sender.", _SOURCE, _source_ip)
register("siz", "IP address of the sender, IPv6 in brackets.", _SOURCE, _source_ip_bracketed)
register("sp", "Port of the sender.", "pv: pv_core.c, pv_get_srcport", _source_port)
register("su", "Sender as a URI.", "pv: pv_core.c, pv_get_srcaddr_uri", _source_uri)
register("sut", "Sender as a URI with its transport.", "pv: pv_core.c, pv_get_srcaddr_uri_full", _source_uri_full)
register("sas", "Sender as a socket: proto:ip:port.", "pv: pv_core.c, pv_get_srcaddr_socket", _source_socket)
register("pr proto", "Transport the message came over.", "pv: pv_core.c, pv_get_proto", _proto)
register("prid", "Kamailio's number of that transport.", "pv: pv_core.c, pv_get_protoid", _proto_number)
_SOURCE = "pv: pv_core.c, pv_get_rcvip"
register("Ri", "IP address that received the message.", _SOURCE, _ip(is_advertised=False))
register("Rp", "Port that received the message.", _SOURCE, _port(is_advertised=False))
register("Ru", "Receiving socket as a URI.", _SOURCE, _own_uri(is_advertised=False, is_full=False))
register("Rut", "Receiving socket as a URI with transport.", _SOURCE, _own_uri(is_advertised=False, is_full=True))
register("Ras", "Receiving socket: proto:ip:port.", _SOURCE, _socket)
register("Rn", "Name of the receiving socket; null for none.", _SOURCE, _socket_name)
register("RAi", "IP address the receiving socket advertises.", _SOURCE, _ip(is_advertised=True))
register("RAp", "Port the receiving socket advertises.", _SOURCE, _port(is_advertised=True))
register("RAu", "Advertised address as a URI.", _SOURCE, _own_uri(is_advertised=True, is_full=False))
register("RAut", "Advertised address with transport.", _SOURCE, _own_uri(is_advertised=True, is_full=True))
register(
    "af",
    "Address family of the receiving socket: af(id) the number, af(name) IPv4 or IPv6.",
    "pv: pv_core.c, pv_get_af",
    _family,
    parse_name=one_of("id", "name"),
)
register(
    "lsock",
    "A listening socket: n, l, a or i (name, listen, advertise, index), /, its value, /, the part that is wanted.",
    "corex: corex_var.c, pv_get_lsock",
    _listening,
    parse_name=parse_format,
)
