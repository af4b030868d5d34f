"""``{s.encode.*}`` and ``{s.decode.*}``: hexadecimal, 7 bit, Base58, Base64."""

from __future__ import annotations

import base64

from runner.hosts.embedded.pv.transform import MAX_RESULT_BYTES, Input, register
from runner.hosts.embedded.value import CannotEvaluate, Value
from runner.sip.basex import decoded, padded

from .text import not_null

_SOURCE = "modules/pv/pv_trans.c, tr_eval_string; core/basex.h"
_INVALID = 0xFF


def _result(text: bytes) -> Value:
    if len(text) > MAX_RESULT_BYTES:
        raise CannotEvaluate("the result is too big")
    return Value(text)


@register("s.encode.hexa", "in hexadecimal, small letters", _SOURCE)
def _encode_hexa(given: Input) -> Value:
    return _result(not_null(given).hex().encode())


@register("s.decode.hexa", "from hexadecimal; an odd last digit is ignored", _SOURCE)
def _decode_hexa(given: Input) -> Value:
    text = not_null(given)
    pairs = text[: len(text) // 2 * 2]
    if pairs.split() != [pairs] and pairs:
        raise CannotEvaluate("not hexadecimal")  # bytes.fromhex would skip white space
    try:
        return Value(bytes.fromhex(pairs.decode("latin-1")))
    except ValueError as error:
        raise CannotEvaluate("not hexadecimal") from error


@register("s.encode.7bit", "packed as 7 bit PDU, in hexadecimal", _SOURCE)
def _encode_7bit(given: Input) -> Value:
    text = not_null(given)
    if len(text) > (MAX_RESULT_BYTES + 1) * 7 // 8 - 1:
        raise CannotEvaluate("the value is too big")
    out = bytearray()
    at, shift = 0, 0
    while at < len(text):
        following = text[at + 1] if at + 1 < len(text) else given.value.behind
        out.append((text[at] >> shift | following << (7 - shift)) & 0xFF)
        shift += 1
        at += 1
        if shift == 7:  # noqa: PLR2004 - seven bytes hold eight characters
            at += 1
            shift = 0
    return _result(out.hex().upper().encode())


@register("s.decode.7bit", "unpacked from a 7 bit PDU in hexadecimal", _SOURCE)
def _decode_7bit(given: Input) -> Value:
    text = not_null(given)
    if len(text) > MAX_RESULT_BYTES // 2:
        raise CannotEvaluate("the value is too big")
    out = bytearray()
    left, carried = 1, 0
    for at in range(0, len(text), 2):
        low = text[at + 1] if at + 1 < len(text) else given.value.behind
        octet = (hex_value(text[at]) << 4 | hex_value(low)) & 0xFF
        out.append((octet << (left - 1) & 0x7F) | carried)
        carried = octet >> (8 - left)
        left += 1
        if left == 8:  # noqa: PLR2004 - seven bytes hold eight characters
            out.append(carried)
            left, carried = 1, 0
    return Value(bytes(out))


def hex_value(octet: int) -> int:
    """Convert a digit unchecked: any byte gives some number modulo 256 (core/strutils.c, hex_to_char)."""
    if octet in b"0123456789":
        return octet - b"0"[0]
    return (bytes([octet]).lower()[0] - b"a"[0] + 10) & 0xFF


_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_AT_ONCE = 5  # digits; the time grows with the square of how often they are taken


@register("s.encode.base58", "in Base58", _SOURCE)
def _encode_base58(given: Input) -> Value:
    text = not_null(given)
    if len(text) >= MAX_RESULT_BYTES:
        raise CannotEvaluate("the result is too big")
    number = int.from_bytes(text, "big")
    digits = bytearray()
    while number:
        number, some = divmod(number, 58**_AT_ONCE)
        for _ in range(_AT_ONCE):
            some, digit = divmod(some, 58)
            digits.append(digit)
    zeros = len(text) - len(text.lstrip(b"\0"))
    result = b"1" * zeros + bytes(_BASE58[digit] for digit in digits[::-1].lstrip(b"\0"))
    if len(result) >= MAX_RESULT_BYTES:
        raise CannotEvaluate("the result is too big")
    return Value(result)


@register("s.decode.base58", "from Base58; 5.6 puts NULs behind it: one, and one for each leading 1", _SOURCE)
def _decode_base58(given: Input) -> Value:
    text = not_null(given)
    if not text and given.value.behind:
        raise CannotEvaluate("not Base58")  # all that stands there up to a NUL is taken
    if len(text) > MAX_RESULT_BYTES:
        raise CannotEvaluate("the value is too big")
    number = 0
    for at in range(0, len(text), _AT_ONCE):
        digits = [_BASE58.find(octet) for octet in text[at : at + _AT_ONCE]]
        if min(digits) < 0:
            raise CannotEvaluate("not Base58")
        some = 0
        for digit in digits:
            some = some * 58 + digit
        number = number * 58 ** len(digits) + some
    # core/basex.c, b58_decode: 5.6 counts one byte too many, and has the leading zeros at the wrong end; 6.0 ends it at
    # the first NUL.
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    ones = len(text) - len(text.lstrip(b"1"))
    return Value(data.partition(b"\0")[0] if given.is_6 else data + b"\0" * (1 + ones))


@register("s.encode.base64", "in Base64", _SOURCE)
def _encode_base64(given: Input) -> Value:
    return _result(base64.b64encode(not_null(given)))


@register("s.encode.base64t", "in Base64 without padding", _SOURCE)
def _encode_base64t(given: Input) -> Value:
    return _result(base64.b64encode(not_null(given)).rstrip(b"="))


@register("s.encode.base64url", "in Base64 for URLs", _SOURCE)
def _encode_base64url(given: Input) -> Value:
    return _result(base64.urlsafe_b64encode(not_null(given)))


@register("s.encode.base64urlt", "in Base64 for URLs without padding", _SOURCE)
def _encode_base64urlt(given: Input) -> Value:
    return _result(base64.urlsafe_b64encode(not_null(given)).rstrip(b"="))


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_DIGITS = {octet: digit for digit, octet in enumerate(_ALPHABET + b"+/")}


@register("s.decode.base64", "from Base64; wrong bytes give wrong bytes", _SOURCE)
def _decode_base64(given: Input) -> Value:
    return Value(_from_base64(not_null(given)))


@register("s.decode.base64t", "from Base64 with or without padding", _SOURCE)
def _decode_base64t(given: Input) -> Value:
    return Value(_from_base64(padded(not_null(given))))


def _from_base64(text: bytes) -> bytes:
    """core/basex.h, base64_dec: checks the length and the last two bytes, but no digit."""
    if not text:
        return b""
    if len(text) % 4 or (text[-2:-1] == b"=" and text[-1:] != b"="):
        raise CannotEvaluate("not Base64")
    out = bytearray()
    for at in range(0, len(text), 4):
        first, second, third, fourth = (_DIGITS.get(octet, _INVALID) for octet in text[at : at + 4])
        out += bytes(
            ((first << 2 | second >> 4) & 0xFF, (second << 4 | third >> 2) & 0xFF, (third << 6 | fourth) & 0xFF)
        )
    return bytes(out[: len(text) // 4 * 3 - text[-2:].count(b"=")])


@register("s.decode.base64url", "from Base64 for URLs; fails on the empty text", _SOURCE)
def _decode_base64url(given: Input) -> Value:
    return _from_base64url(not_null(given))


@register("s.decode.base64urlt", "the same with or without padding", _SOURCE)
def _decode_base64urlt(given: Input) -> Value:
    return _from_base64url(padded(not_null(given)))


def _from_base64url(text: bytes) -> Value:
    found = decoded(text)
    if found is None:
        raise CannotEvaluate("not Base64 for URLs")
    return Value(found)
