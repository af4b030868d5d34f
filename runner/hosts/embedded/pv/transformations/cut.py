"""``{s.*}``: parts of the text."""

from __future__ import annotations

import re

from runner.hosts.embedded.pv.transform import (
    MAX_RESULT_BYTES,
    Arguments,
    Input,
    Literal,
    Scanner,
    TooLong,
    register,
    takes,
)
from runner.hosts.embedded.value import CannotEvaluate, Value

from .text import not_null

_SOURCE = "modules/pv/pv_trans.c, tr_eval_string"
_WHITE = b" \t\r\n"


def _copied(text: bytes) -> Value:
    """Copy as strncpy does: every byte after a NUL becomes NUL."""
    if len(text) > MAX_RESULT_BYTES:
        raise CannotEvaluate("the result is too big")
    return Value(text.partition(b"\0")[0].ljust(len(text), b"\0"))


def _parse_substr(scanner: Scanner) -> Arguments:
    arguments = takes("nn")(scanner)
    length = arguments[1].low if isinstance(arguments[1], TooLong) else arguments[1]
    if isinstance(length, int) and length < 0:
        raise CannotEvaluate("substr: the length is negative")
    return arguments


_INT_MAX = (1 << 31) - 1


@register(
    "s.substr",
    "bytes from an offset; negative counts from the end, length 0 is all",
    _SOURCE,
    _parse_substr,
    ",offset,length",
)
def _substr(given: Input) -> Value:
    text = not_null(given)
    offset, length = given.number(0), given.number(1)
    size = len(text)
    # A sum beyond 32 bits is below the size, and the piece is too long then.
    if length < 0 or offset >= size or -offset > size or offset + length > _INT_MAX:
        raise CannotEvaluate("substr: out of range")
    start = offset if offset >= 0 else size + offset
    return _copied(text[start : start + length] if length and start + length <= size else text[start:])


_ANY_WHITE = b"\1"
_WHITE_FIELDS = re.compile(rb"[ \t\r\n\1]")
_ESCAPES = {b"\\": b"\\", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def _parse_select(scanner: Scanner) -> Arguments:
    scanner.expect(b",")
    number = scanner.number()
    scanner.skip_blanks()
    scanner.expect(b",")
    separator = scanner.byte
    if separator == b"\0":
        raise CannotEvaluate("select: no separator")
    scanner.at += 1
    if separator == b"\\":
        escaped = _ESCAPES.get(scanner.byte)
        if escaped is None:
            raise CannotEvaluate("select: unknown escape")
        separator = escaped
        scanner.at += 1
    scanner.skip_blanks()
    return number, Literal(separator, separator[0])


@register("s.select", "one of the fields; negative counts from the end", _SOURCE, _parse_select, ",index,separator")
def _select(given: Input) -> Value:
    text, separator = not_null(given), given.string(1).text
    fields = _WHITE_FIELDS.split(text) if given.is_6 and separator == _ANY_WHITE else text.split(separator)
    index = given.number(0)
    return _copied(fields[index] if -len(fields) <= index < len(fields) else b"")


def _same(given: Input) -> Value:
    """The text where it is: that of a number can still be written over, see ``Value.is_printed``."""
    return Value(given.text, is_printed=given.value.is_printed)


@register("s.strip", "without the first bytes", _SOURCE, takes("n"), ",count")
def _strip(given: Input) -> Value:
    text, count = not_null(given), given.number(0)
    return _same(given) if count <= 0 else _copied(text[count:])


@register("s.striptail", "without the last bytes", _SOURCE, takes("n"), ",count")
def _striptail(given: Input) -> Value:
    text, count = not_null(given), given.number(0)
    return _same(given) if count <= 0 else _copied(text[:-count])


@register("s.stripto", "from the first occurrence of a byte on; empty without one", _SOURCE, takes("s"), ",byte")
def _stripto(given: Input) -> Value:
    text = not_null(given)
    at = text.find(given.string(0).first)
    return Value(b"") if at < 0 else _copied(text[at:])


@register("s.before", "all before the first occurrence of a byte; all without one", _SOURCE, takes("c"), ",byte")
def _before(given: Input) -> Value:
    text = not_null(given)
    at = text.find(given.string(0).first)
    return Value(text if at < 0 else text[:at])


@register("s.after", "all behind the first occurrence of a byte; empty without one", _SOURCE, takes("c"), ",byte")
def _after(given: Input) -> Value:
    text = not_null(given)
    at = text.find(given.string(0).first)
    return Value(b"" if at < 0 else text[at + 1 :])


@register(
    "s.rbefore", "all before a byte, if it is the last; else fails (reads past the end)", _SOURCE, takes("c"), ",byte"
)
def _rbefore(given: Input) -> Value:
    text = not_null(given)
    # The search starts at the last byte and runs forward: a bug in 5.6.3, which reads past the end of the text.
    if text[-1:] != bytes([given.string(0).first]):
        raise CannotEvaluate("rbefore reads past the end of the value")
    return Value(text[:-1])


@register("s.rafter", "always empty (searches forward from the last byte)", _SOURCE, takes("c"), ",byte")
def _rafter(given: Input) -> Value:
    not_null(given)
    given.string(0)
    return Value(b"")


@register("s.trim", "without white space at both ends", _SOURCE)
def _trim(given: Input) -> Value:
    return Value(not_null(given).strip(_WHITE))


@register("s.rtrim", "without white space at the end", _SOURCE)
def _rtrim(given: Input) -> Value:
    return Value(not_null(given).rstrip(_WHITE))


@register("s.ltrim", "without white space at the start", _SOURCE)
def _ltrim(given: Input) -> Value:
    return Value(not_null(given).lstrip(_WHITE))


@register("s.unquote", "without a pair of equal quotes around it", _SOURCE)
def _unquote(given: Input) -> Value:
    return _without_pair(given, (b'""', b"''"))


@register("s.unbracket", "without a pair of brackets around it", _SOURCE)
def _unbracket(given: Input) -> Value:
    return _without_pair(given, (b"()", b"[]", b"{}", b"<>"))


def _without_pair(given: Input, pairs: tuple[bytes, ...]) -> Value:
    text = not_null(given)
    if given.value.text is None or len(text) < len(pairs[0]):
        return given.value._replace(text=text, is_printed=given.value.is_printed or given.value.text is None)
    return Value(text[1:-1] if text[:1] + text[-1:] in pairs else text)
