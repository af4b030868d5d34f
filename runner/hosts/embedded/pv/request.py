"""The request line: ``$ru`` and its parts, the original ``$ou``, ``$rm``, ``$rs``, ``$rr``, ``$rv`` (pv_core.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.context import MAX_URI_SIZE, Fault
from runner.hosts.embedded.value import NULL, CannotEvaluate, Value, make
from runner.sip.methods import method_number
from runner.sip.uri import Proto, Scheme, Uri

from .registry import Access, Reader, register

if TYPE_CHECKING:
    from runner.hosts.embedded.context import Context

_SCHEME_NUMBERS = {Scheme.SIP: 1, Scheme.SIPS: 2, Scheme.TEL: 3, Scheme.TELS: 4, Scheme.URN: 5}
"""core/parser/msg_parser.h, enum _uri_type; ``$rz`` as an integer."""
# A look at an Enum's member is a call of Python, as its hash is.
_SIPS, _TEL, _TELS, _URN = Scheme.SIPS, Scheme.TEL, Scheme.TELS, Scheme.URN
_NO_FAULT = Fault.UNSPECIFIED


def text_or_null(text: bytes | None) -> Value:
    """The text; null when it is empty or None."""
    return make((text, None, False, False, 0)) if text else NULL


def text_and_number(text: bytes, number: int) -> Value:
    """Text that also has a number, and is text (pvapi.c, pv_get_strintval)."""
    return Value(text, number)


def uri_part(uri: Uri, part: str, behind: int = 0) -> Value:
    """pv_core.c, pv_get_xuri_attr; ``behind`` is the byte behind the URI, 0 where it does not stand in the message."""
    match part:
        case "user":
            return text_or_null(uri.user)
        case "host":
            return text_or_null(uri.host)
        case "port":
            if uri.port is not None:
                behind = b";"[0] if uri.sip_params is not None else b"?"[0] if uri.headers is not None else behind
                return Value(uri.port, uri.port_number, behind=behind)
            return text_and_number(b"5061", 5061) if uri.proto is Proto.TLS else text_and_number(b"5060", 5060)
        case "proto":
            return text_and_number(uri.transport, uri.proto) if uri.transport else text_and_number(b"UDP", 1)
        case "scheme":
            return text_and_number(uri.scheme.value, _SCHEME_NUMBERS[uri.scheme])
        case _:
            return Value.integer(len(uri.user))


def _current(access: Access) -> Value:
    context = access.context
    if context.message.first_line.is_reply or context.uri(context.request_uri) is None:
        return NULL
    return _line_uri(context) if context.new_uri is None else Value(context.new_uri)


def _original(access: Access) -> Value:
    line = access.context.message.first_line
    return NULL if line.is_reply or access.context.uri(line.uri) is None else _line_uri(access.context)


def _line_uri(context: Context) -> Value:
    line = context.message.first_line
    return Value.piece(context.message.data, line.uri_start, len(line.uri))


def _current_part(part: str) -> Reader:
    def read(access: Access) -> Value:
        context = access.context
        uri = None if context.message.first_line.is_reply else context.uri(context.request_uri)
        behind = b" "[0] if context.new_uri is None else 0
        return NULL if uri is None else uri_part(uri, part, behind)

    return read


def _original_part(part: str) -> Reader:
    def read(access: Access) -> Value:
        line = access.context.message.first_line
        uri = None if line.is_reply else access.context.uri(line.uri)
        return NULL if uri is None else uri_part(uri, part, b" "[0])

    return read


def write_uri(context: Context, text: bytes) -> None:
    """Set the R-URI."""
    context.fault = _NO_FAULT
    context.new_uri = text


def _write_uri(access: Access, value: Value) -> None:
    if value.text is None:
        raise CannotEvaluate("$ru needs a text")
    write_uri(access.context, value.text)


def rewrite(
    context: Context, *, user: bytes | None = None, host: bytes | None = None, port: bytes | None = None
) -> None:
    """
    Change one part of the R-URI (core/action.c, SET_USER_T, SET_HOST_T, SET_PORT_T).

    Raises:
        CannotEvaluate: The R-URI does not parse, would be too long, or it is tel and the port is to be set.
    """
    context.fault = _NO_FAULT  # do_action, as for a module function
    uri = context.uri(context.request_uri)
    if uri is None:
        raise CannotEvaluate("the R-URI does not parse")
    scheme = uri.scheme
    is_phone_number = scheme is _TEL or scheme is _TELS
    is_tel = is_phone_number and not uri.is_phone
    if is_tel and port is not None:
        raise CannotEvaluate("a tel URI has no port")
    # A sips URI with user=phone becomes sip in 5.6, a urn too: the type alone is looked at.
    is_secure = scheme is _SIPS or scheme is _TELS
    new_user = uri.user if user is None else user
    out = [b"tel" if is_tel and host is None else b"sips" if is_secure else b"sip", b":", new_user]
    if new_user and uri.password is not None:
        out += (b":", uri.password)
    if is_phone_number and uri.params is not None:
        out += (b";", uri.params)
    new_host = host if host is not None else None if is_tel or scheme is _URN else uri.host
    if new_host is not None:
        out += (b"@" if new_user else b"", new_host)
    new_port = uri.port if port is None else port or None
    if new_port is not None:
        out += (b":", new_port)
    if uri.sip_params is not None:
        out += (b";", uri.sip_params)
    if is_tel and host is not None:
        out.append(b";user=phone")
    if uri.headers is not None:
        out += (b"?", uri.headers)
    text = b"".join(out)
    if len(text) > MAX_URI_SIZE:
        raise CannotEvaluate(f"the R-URI would have {len(text)} bytes, more than {MAX_URI_SIZE}")
    context.new_uri = text


def _write_user(access: Access, value: Value) -> None:
    if value.text is None and not value.is_null:
        raise CannotEvaluate("$rU needs a text")
    rewrite(access.context, user=value.text or b"")


def _write_host(access: Access, value: Value) -> None:
    if value.text is None:
        raise CannotEvaluate("$rd needs a text")
    rewrite(access.context, host=value.text)


def _write_port(access: Access, value: Value) -> None:
    number = value.number
    text = value.text if value.text is not None else (b"" if number is None else b"%d" % (number % (1 << 64)))
    rewrite(access.context, port=text)


def _method(access: Access) -> Value:
    name = access.context.message.method
    if access.context.message.first_line.is_request:
        start = access.context.message.first_line.start
        return Value.piece(access.context.message.data, start, len(name), method_number(name))
    return text_and_number(name, method_number(name)) if name else NULL


def _method_number(access: Access) -> Value:
    name = access.context.message.method
    return Value.integer(method_number(name)) if name else NULL


def _status(access: Access) -> Value:
    line = access.context.message.first_line
    return Value.integer_text(line.status, int(line.status)) if line.is_reply else NULL


def _status_number(access: Access) -> Value:
    line = access.context.message.first_line
    return Value.integer_text(line.status, int(line.status)) if line.is_reply else Value.integer(0)


def _reason(access: Access) -> Value:
    line = access.context.message.first_line
    # Behind it is the end of its line.
    return Value(line.reason, behind=b"\n"[0]) if line.is_reply else NULL


def _version(access: Access) -> Value:
    return Value(access.context.message.first_line.version)


def _type_number(access: Access) -> Value:
    line = access.context.message.first_line
    return Value.integer(1 if line.is_request else 2 if line.is_reply else 0)


def _type_text(access: Access) -> Value:
    line = access.context.message.first_line
    return Value(b"rq" if line.is_request else b"rp" if line.is_reply else b"xx")


_SOURCE = "pv: pv_core.c, pv_get_ruri_attr"
register("ru ruri", "Request URI. A write is seen at once.", "pv: pv_core.c, pv_get_ruri", _current, _write_uri)
register("rU ruri.user", "User of the R-URI; null for none.", _SOURCE, _current_part("user"), _write_user)
register("rd ruri.domain", "Host of the R-URI.", _SOURCE, _current_part("host"), _write_host)
register("rp", "Port of the R-URI, 5060 or 5061 without one; text.", _SOURCE, _current_part("port"), _write_port)
register("rP", "Transport of the R-URI, UDP without one.", _SOURCE, _current_part("proto"))
register("rz", "Scheme of the R-URI.", _SOURCE, _current_part("scheme"))
register("rUl", "Length of the R-URI's user.", _SOURCE, _current_part("length"))
_SOURCE = "pv: pv_core.c, pv_get_ouri_attr"
register("ou ouri", "Request URI as received.", "pv: pv_core.c, pv_get_ouri", _original)
register("oU", "User of the received R-URI.", _SOURCE, _original_part("user"))
register("od", "Host of the received R-URI.", _SOURCE, _original_part("host"))
register("op", "Port of the received R-URI.", _SOURCE, _original_part("port"))
register("oP", "Transport of the received R-URI.", _SOURCE, _original_part("proto"))
register("oUl", "Length of the received R-URI's user.", _SOURCE, _original_part("length"))
register("rm", "Method, of the CSeq in a reply.", "pv: pv_core.c, pv_get_method", _method)
register("rmid", "Kamailio's number of the method.", "pv: pv_core.c, pv_get_methodid", _method_number)
register("rs", "Status of a reply.", "pv: pv_core.c, pv_get_status", _status)
register("rsi", "Status of a reply, 0 for a request.", "pv: pv_core.c, pv_get_statusi", _status_number)
register("rr", "Reason of a reply.", "pv: pv_core.c, pv_get_reason", _reason)
register("rv", "Version of the first line.", "pv: pv_core.c, pv_get_version", _version)
register("mt", "Type of the message: 1 request, 2 reply.", "pv: pv_core.c, pv_get_msgtype", _type_number)
register("mts", "Type of the message: rq or rp.", "pv: pv_core.c, pv_get_msgtypes", _type_text)
