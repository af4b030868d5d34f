"""``{sock.*}``: parts of a socket, ``proto:host:port``. A value that is null or not a socket fails."""

from __future__ import annotations

from dataclasses import dataclass

from runner.hosts.embedded.pv.transform import Input, register
from runner.hosts.embedded.routing import SOCKET_PROTOS
from runner.hosts.embedded.value import CannotEvaluate, Value, buffer_size
from runner.sip.scan import str2int

_SOURCE = "modules/corex/corex_var.c, tr_sock_eval; core/socket_info.c, parse_protohostport"


@dataclass(frozen=True, slots=True)
class _Socket:
    proto: bytes = b""
    host: bytes = b""
    port: bytes = b""


def _split_outside_brackets(text: bytes) -> list[bytes]:
    """Split at colons, except those inside an IPv6 address."""
    parts, start, depth = [], 0, 0
    for at, octet in enumerate(text):
        if octet == b"["[0]:
            depth += 1
        elif octet == b"]"[0]:
            depth -= 1
        elif octet == b":"[0] and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        if depth not in {0, 1}:
            raise CannotEvaluate("brackets do not match")
    parts.append(text[start:])
    return parts


def _parse(given: Input) -> _Socket:
    text = given.value.text
    if not text or text.endswith(b":") or len(text) >= buffer_size(is_6=given.is_6) - 1:
        raise CannotEvaluate("the value is no socket")
    parts = _split_outside_brackets(text)
    proto = SOCKET_PROTOS.get(parts[0].lower())
    is_known = proto is not None and given.environment.speaks(proto)
    match parts:
        case [host]:
            return _Socket(host=host)
        case [host, port] if str2int(port) is not None:
            return _Socket(host=host, port=port)
        case [written, host] if is_known:
            return _Socket(written, host)
        case [written, host, port] if is_known and str2int(port) is not None:
            return _Socket(written, host, port)
    raise CannotEvaluate("the value is no socket")


@register("sock.host", "the host", _SOURCE)
def _host(given: Input) -> Value:
    return Value(_parse(given).host)


@register("sock.port", "the port", _SOURCE)
def _port(given: Input) -> Value:
    return Value(_parse(given).port)


@register("sock.proto", "the protocol", _SOURCE)
def _proto(given: Input) -> Value:
    return Value(_parse(given).proto)


@register("sock.touri", "a SIP URI; a part ends at a NUL", _SOURCE)
def _touri(given: Input) -> Value:
    socket = _parse(given)
    if not socket.host:
        return Value(b"")
    out = b"sip:" + socket.host.partition(b"\0")[0]
    if socket.port:
        out += b":" + socket.port
    return Value(out + b";transport=" + socket.proto if socket.proto else out)
