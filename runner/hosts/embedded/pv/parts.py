"""The message as text: ``$msg(...)``, ``$msgbuf(n)``, ``$mbu``, ``$_s(...)`` (pv_core.c)."""

from __future__ import annotations

from dataclasses import replace

from runner import sip
from runner.hosts.embedded import outgoing
from runner.hosts.embedded.value import NULL, CannotEvaluate, Value, buffer_size
from runner.sip.scan import str2sint

from .expression import Dynamic, Format, dynamic_or, parse_format
from .registry import Access, one_of, register

_WHITE = b" \t\r\n"


def _read(access: Access) -> Value:
    """pv_core.c, pv_get_msg_attrs: null when a header cannot be parsed."""
    message = access.context.message
    data = message.data
    if message.broken_at is not None:
        return NULL
    # The length of the first line counts from the first byte of the data, even where line ends stand in front of it.
    line_length = message.first_line.end - message.first_line.start
    match access.name:
        case "len":
            return Value.integer(len(data))
        case "buf":
            return Value(data)
        case "body":
            return NULL if message.body is None else Value(message.body)
        case "body_len":
            return Value.integer(len(message.body or b""))
        case "hdrs":
            return Value(data[line_length : message.headers_end].strip(_WHITE))
        case "hdrs_len":
            return Value.integer(len(data[line_length : message.headers_end].strip(_WHITE)))
        case "hdrc":
            return Value.integer(len(message.headers))
        case "fline":
            return Value(data[:line_length].strip(_WHITE))
        case "fpart":
            return Value(data[: message.headers_end].strip(_WHITE))
        case _:
            return Value(data[message.headers[0].start :]) if message.headers else NULL


def _parse_offset(text: bytes) -> int | Dynamic:
    dynamic = dynamic_or(text)
    if dynamic is not None:
        return dynamic
    offset = str2sint(text)
    if offset is None:
        raise CannotEvaluate(f"bad offset {text!r}")
    return offset


def _offset(access: Access) -> int:
    name = access.name
    if isinstance(name, Dynamic):
        value = name.spec.read(access.context)
        if value.number is None:
            raise CannotEvaluate("the offset has no number")
        return value.number
    return int(name)


def _byte(access: Access) -> Value:
    """pv_core.c, pv_get_msgbuf: the byte, and a NUL behind it."""
    offset = _offset(access)
    data = access.context.message.data
    if not 0 <= offset < len(data):
        return NULL
    return Value(data[offset : offset + 1] + b"\0")


def _write_byte(access: Access, value: Value) -> None:
    """pv_core.c, pv_set_msgbuf: the first byte of the text; what was parsed is not parsed again, but here it is."""
    offset = _offset(access)
    context = access.context
    data = context.message.data
    if value.is_null and 0 <= offset < len(data):
        return
    if not value.text or not 0 <= offset < len(data):
        raise CannotEvaluate("one byte inside the message is needed")
    changed = data[:offset] + value.text[:1] + data[offset + 1 :]
    context.identities = {}
    try:
        context.message = sip.parse(changed, is_6=context.message.is_6)
    except sip.SipParseError:
        context.message = replace(context.message, data=changed)


def _updated(access: Access) -> Value:
    line = access.context.message.first_line
    # core/msg_translator.c, sip_msg_eval_changes: in 6.0 whatever is no reply is built as a request.
    is_built = line.is_request or line.is_reply or access.context.environment.is_6
    data = outgoing.updated(access.context) if is_built else None
    return NULL if data is None else Value(data)


def _format(access: Access) -> Value:
    if not isinstance(access.name, Format):
        raise CannotEvaluate("no format")
    text = access.name.print(access.context)
    if len(text) >= buffer_size(is_6=access.context.environment.is_6):
        raise CannotEvaluate(f"{len(text)} bytes are more than a format string may give")
    return Value(text)


register(
    "msg",
    "A part of the message: len, buf, body, body_len, hdrs, hdrs_len, hdrc, fline, fpart, lpart.",
    "pv: pv_core.c, pv_get_msg_attrs",
    _read,
    parse_name=one_of("len", "buf", "body", "hdrs", "hdrc", "fline", "fpart", "lpart", "body_len", "hdrs_len"),
)
register(
    "msgbuf", "One byte of the message.", "pv: pv_core.c, pv_get_msgbuf", _byte, _write_byte, parse_name=_parse_offset
)
register("mbu", "The message with the edits made so far.", "pv: pv_core.c, pv_get_msg_buf_updated", _updated)
register("_s", "A text with expressions in it.", "pv: pv_core.c, pv_get__s", _format, parse_name=parse_format)
