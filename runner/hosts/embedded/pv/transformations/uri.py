"""``{uri.*}``: parts of a URI. A value that is null or not a URI fails; a missing part is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.pv.transform import Input, register, takes
from runner.hosts.embedded.value import CannotEvaluate, Value
from runner.sip.params import find_param, parse_params
from runner.sip.uri import Proto, Uri

from .param import param_value

if TYPE_CHECKING:
    from collections.abc import Callable

_SOURCE = "modules/pv/pv_trans.c, tr_eval_uri"
_MIN_BEFORE_SEMICOLON = 4
_PROTO_NAMES = {Proto.UDP: b"udp", Proto.TCP: b"tcp", Proto.TLS: b"tls", Proto.SCTP: b"sctp", Proto.WS: b"ws"}
_DEFAULT_PORT = 5060
# In 5.6 {uri.saor}, {uri.suri} and {uri.duri} skip one byte without writing it, so its content is arbitrary.
_UNWRITTEN = b"\0"


def _parse(given: Input) -> Uri:
    text = given.needs_text()
    # A trailing ";" is allowed.
    is_open = len(text) > _MIN_BEFORE_SEMICOLON and text.endswith(b";")
    uri = given.uri(text[:-1] if is_open else text)
    if uri is None:
        raise CannotEvaluate("the value is no URI")
    return uri


def _register_part(name: str, meaning: str, part: Callable[[Uri], bytes]) -> None:
    @register(f"uri.{name}", meaning, _SOURCE)
    def _part(given: Input) -> Value:
        return Value(part(_parse(given)))


_register_part("user", "the user part", lambda uri: uri.user)
_register_part("host", "the host", lambda uri: uri.host)
_register_part("domain", "the host", lambda uri: uri.host)
_register_part("params", "the parameters of the SIP URI", lambda uri: uri.sip_params or b"")
_register_part("headers", "what is behind the question mark", lambda uri: uri.headers or b"")
_register_part("transport", "the value of transport", lambda uri: uri.transport)
_register_part("ttl", "the value of ttl", lambda uri: uri.param(b"ttl").value)
_register_part("uparam", "the value of user", lambda uri: uri.param(b"user").value)
_register_part("maddr", "the value of maddr", lambda uri: uri.param(b"maddr").value)
_register_part("method", "the value of method", lambda uri: uri.param(b"method").value)
_register_part("lr", "the value of lr", lambda uri: uri.param(b"lr").value)
_register_part("r2", "the value of r2", lambda uri: uri.param(b"r2").value)


@register("uri.passwd", "the password", _SOURCE)
def _password(given: Input) -> Value:
    password = _parse(given).password
    return Value(b"") if password is None else Value(password, behind=b"@"[0])


def _behind_port(text: bytes, uri: Uri) -> int:
    """The byte behind a port, 0 at the end of the copy that was parsed; a port that is missing stands nowhere."""
    if uri.port is None:
        return 0
    if uri.sip_params is not None or text.endswith(b";"):
        return b";"[0]
    return 0 if uri.headers is None else b"?"[0]


@register("uri.port", "the port as written, and as a number", _SOURCE)
def _port(given: Input) -> Value:
    uri = _parse(given)
    return Value(uri.port or b"", uri.port_number, is_integer=True, behind=_behind_port(given.needs_text(), uri))


@register("uri.param", "the value of a parameter", _SOURCE, takes("s"), ",name")
def _param(given: Input) -> Value:
    uri = _parse(given)
    if not uri.sip_params:
        return Value(b"")
    params = parse_params(uri.sip_params)
    if params is None:
        raise CannotEvaluate("the parameters are malformed")
    found = find_param(params, given.string(0).text)
    return Value(b"") if found is None else param_value(found)


@register("uri.scheme", "all before the first colon", _SOURCE)
def _scheme(given: Input) -> Value:
    _parse(given)
    return Value(given.needs_text().partition(b":")[0])


@register("uri.tosocket", "proto:host:port, if there is a transport; else empty", _SOURCE)
def _tosocket(given: Input) -> Value:
    uri = _parse(given)
    if uri.proto is Proto.NONE:
        return Value(b"")
    return Value(b"%s:%s:%d" % (_PROTO_NAMES[uri.proto], uri.host, uri.port_number or _DEFAULT_PORT))


def _rebuilt(given: Input, *, has_user: bool, has_port: bool) -> Value:
    uri = _parse(given)
    out = given.needs_text().partition(b":")[0] + (b":" if given.is_6 else b":" + _UNWRITTEN)
    if has_user and uri.user:
        out += uri.user + b"@"
    out += uri.host
    if has_port and uri.port:
        out += b":" + uri.port
    if has_port and uri.transport:
        out += b";transport=" + uri.transport
    return Value(out)


@register("uri.saor", "scheme, user and host; in 5.6 an odd byte behind the scheme", _SOURCE)
def _saor(given: Input) -> Value:
    return _rebuilt(given, has_user=True, has_port=False)


@register("uri.suri", "the same with port and transport", _SOURCE)
def _suri(given: Input) -> Value:
    return _rebuilt(given, has_user=True, has_port=True)


@register("uri.duri", "the same without user", _SOURCE)
def _duri(given: Input) -> Value:
    return _rebuilt(given, has_user=False, has_port=True)
