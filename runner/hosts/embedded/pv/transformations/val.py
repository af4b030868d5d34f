"""``{val.*}``: something for null, and text for JSON. Kamailio 5.6 has them in its sources and does not know them."""

from __future__ import annotations

from runner.hosts.embedded.pv.transform import MAX_RESULT_BYTES, Input, register
from runner.hosts.embedded.value import CannotEvaluate, Value

_SOURCE = "modules/pv/pv_trans.c, tr_eval_val"
_SINCE = "6.0"
_SHORT = {0x5C: b"\\\\", 0x22: b'\\"', 0x08: b"\\b", 0x0C: b"\\f", 0x0A: b"\\n", 0x0D: b"\\r", 0x09: b"\\t"}
_FIRST_PRINTABLE, _FIRST_NEGATIVE = 0x20, 0x80


@register("val.n0", "0 for null", _SOURCE, since=_SINCE)
def _zero_for_null(given: Input) -> Value:
    return Value(b"0", 0, is_integer=True) if given.value.is_null else given.value


@register("val.ne", "the empty text for null", _SOURCE, since=_SINCE)
def _empty_for_null(given: Input) -> Value:
    return Value(b"") if given.value.is_null else given.value


@register("val.json", "escaped as in a string of JSON, the empty text for null", _SOURCE, since=_SINCE)
def _json(given: Input) -> Value:
    value = given.value
    if value.is_null:
        return Value(b"")
    escaped = _escaped(value, 1)
    return value if escaped is None else Value(escaped, value.number, value.is_integer)


@register("val.jsonqe", "the same in quotes, where anything had to be escaped; a number stays", _SOURCE, since=_SINCE)
def _quoted_json(given: Input) -> Value:
    value = given.value
    if value.is_null:
        return Value(b'""')
    escaped = None if value.is_integer else _escaped(value, 3)
    return value if escaped is None else Value(b'"' + escaped + b'"', value.number)


def _escaped(value: Value, overhead: int) -> bytes | None:
    """
    core/strutils.c, ksr_str_json_escape; None where nothing had to be escaped.

    The length is counted with signed bytes: each one above 127 leaves five more bytes behind the text, of what the
    memory holds; here they are NUL.
    """
    text = value.text or b""
    length = 0
    for octet in text:
        if octet in _SHORT or not octet:
            length += 2
        else:
            length += 6 if octet < _FIRST_PRINTABLE or octet >= _FIRST_NEGATIVE else 1
    if length == len(text):
        return None
    if length >= MAX_RESULT_BYTES + 1 - overhead:
        raise CannotEvaluate("the value is too long")
    return b"".join(map(_one, text)).ljust(length, b"\0")[:length]


def _one(octet: int) -> bytes:
    return _SHORT.get(octet) or (bytes([octet]) if octet >= _FIRST_PRINTABLE else b"\\u%04x" % octet)
