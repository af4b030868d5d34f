"""``{s.*}``: length, number, case, digests, hash, time."""

from __future__ import annotations

import hashlib
import re
import time

from runner.hosts.embedded.hashes import core_hash
from runner.hosts.embedded.pv.transform import MAX_RESULT_BYTES, Input, register, takes
from runner.hosts.embedded.value import CannotEvaluate, Value

_SOURCE = "modules/pv/pv_trans.c, tr_eval_string"
_INT_MIN, _INT_MAX, _UINT_MAX = -(1 << 31), (1 << 31) - 1, (1 << 32) - 1
_LONG_MIN, _LONG_MAX = -(1 << 63), (1 << 63) - 1
_SIGNED = re.compile(rb"[+-]?[0-9]*")
_UNSIGNED = re.compile(rb"\+?[0-9]*")
_MAX_DIGITS = 4000  # Python's int() refuses more


def not_null(given: Input) -> bytes:
    """The value as text. Raises CannotEvaluate for null, which the whole ``s`` family refuses."""
    if given.value.is_null:
        raise CannotEvaluate("a null value cannot be transformed")
    return given.text


def in_place(given: Input) -> bytes:
    """The same for what looks at the pointer: CannotEvaluate also for ``NOWHERE``."""
    if given.value.behind < 0:
        raise CannotEvaluate("there is no such text")
    return not_null(given)


@register("s.len", "number of bytes", _SOURCE)
def _len(given: Input) -> Value:
    return Value.integer(len(not_null(given)))


@register("s.int", "the number that the text is", _SOURCE)
def _int(given: Input) -> Value:
    text = in_place(given)
    number = given.value.number
    if number is None:
        # core/ut.h, str2sint: no digits at all is 0.
        number = _parse_int(text, _SIGNED)
        least, most = (_LONG_MIN, _LONG_MAX) if given.is_6 else (_INT_MIN, _INT_MAX)
        if not least <= number <= most:
            raise CannotEvaluate("the number is too large")
    return Value(text, number, is_integer=True, is_printed=given.value.is_printed)


def _parse_int(text: bytes, form: re.Pattern[bytes]) -> int:
    digits = text.lstrip(b"+-").lstrip(b"0")
    if form.fullmatch(text) is None or len(digits) > _MAX_DIGITS:
        raise CannotEvaluate("the value is not a number")
    number = int(digits or b"0")
    return -number if text[:1] == b"-" else number


@register("s.tolower", "with small letters a-z", _SOURCE)
def _tolower(given: Input) -> Value:
    return Value(not_null(given).lower())


@register("s.toupper", "with capital letters A-Z", _SOURCE)
def _toupper(given: Input) -> Value:
    return Value(not_null(given).upper())


@register("s.md5", "MD5 digest in hexadecimal", _SOURCE)
def _md5(given: Input) -> Value:
    return Value(hashlib.md5(not_null(given), usedforsecurity=False).hexdigest().encode())


@register("s.sha256", "SHA-256 digest in hexadecimal", _SOURCE)
def _sha256(given: Input) -> Value:
    return Value(hashlib.sha256(not_null(given)).hexdigest().encode())


@register("s.sha384", "SHA-384 digest in hexadecimal", _SOURCE)
def _sha384(given: Input) -> Value:
    return Value(hashlib.sha384(not_null(given)).hexdigest().encode())


@register("s.sha512", "SHA-512 digest in hexadecimal", _SOURCE)
def _sha512(given: Input) -> Value:
    return Value(hashlib.sha512(not_null(given)).hexdigest().encode())


@register("s.count", "how often a byte occurs", _SOURCE, takes("c"), ",byte")
def _count(given: Input) -> Value:
    return Value.integer(not_null(given).count(given.string(0).first))


@register("s.corehash", "Kamailio's hash, or the slot in a table of that size", _SOURCE, takes("?n"), "[,size]")
def _corehash(given: Input) -> Value:
    text = not_null(given)
    size = given.number(0) if given.arguments else 0
    number = core_hash(text)
    return Value(b"%d" % (number & (size - 1) & _UINT_MAX if size else number))


_FORMAT_FOR_ALL = (MAX_RESULT_BYTES + 1) // 256


@register("s.ftime", "a Unix time in the format of strftime, local time", _SOURCE, takes("s"), ",format")
def _ftime(given: Input) -> Value:
    text = in_place(given)
    number = given.value.number
    if number is None and given.is_6:
        number = _int(given).number
    if number is None:
        number = _parse_int(text, _UNSIGNED)
        if number > _UINT_MAX:
            raise CannotEvaluate("the number is too large")
        number = (number + (1 << 31)) % (1 << 32) - (1 << 31)
    form = given.string(0).text.partition(b"\0")[0].decode("ascii", "surrogateescape")
    try:
        local = time.localtime(number)
    except (OverflowError, OSError, ValueError):
        raise CannotEvaluate("the year of the time has no 32 bits") from None
    # Python's room for a result is 256 times as long as the format; Kamailio's is that of any other transformation.
    result = time.strftime("x" * _FORMAT_FOR_ALL + form, local)[_FORMAT_FOR_ALL:].encode("ascii", "surrogateescape")
    return Value(result if len(result) < MAX_RESULT_BYTES else b"")
