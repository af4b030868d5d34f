"""``{s.*}``: the text as a whole (modules/pv/pv_trans.c, tr_eval_string)."""

from __future__ import annotations

import hashlib
import re

from runner.hosts.pv.transform import transformation
from runner.hosts.pv.value import CannotEvaluate, Value

SOURCE = "modules/pv/pv_trans.c, tr_eval_string"
LEADING_NUMBER = re.compile(rb"\s*[+-]?\d+")
HEXA_PAIRS = re.compile(rb"(?:[0-9A-Fa-f]{2})*")


@transformation("s.len", "", "length in bytes", SOURCE)
def _len(text: bytes) -> Value:
    return Value.integer(len(text))


@transformation("s.int", "", "the number the text begins with; 0 without one", SOURCE)
def _int(text: bytes) -> Value:
    match = LEADING_NUMBER.match(text)
    return Value.integer(int(match[0]) if match else 0)


@transformation("s.md5", "", "MD5 as hexadecimal digits", SOURCE)
def _md5(text: bytes) -> Value:
    return Value(hashlib.md5(text, usedforsecurity=False).hexdigest().encode())


@transformation("s.sha256", "", "SHA-256 as hexadecimal digits", SOURCE)
def _sha256(text: bytes) -> Value:
    return Value(hashlib.sha256(text).hexdigest().encode())


@transformation("s.tolower", "", "ASCII letters in lower case", SOURCE)
def _tolower(text: bytes) -> Value:
    return Value(text.lower())


@transformation("s.toupper", "", "ASCII letters in upper case", SOURCE)
def _toupper(text: bytes) -> Value:
    return Value(text.upper())


@transformation("s.encode.hexa", "", "each byte as two hexadecimal digits", SOURCE)
def _encode_hexa(text: bytes) -> Value:
    return Value(text.hex().encode())


@transformation("s.decode.hexa", "", "the bytes that hexadecimal digits stand for", SOURCE)
def _decode_hexa(text: bytes) -> Value:
    if not HEXA_PAIRS.fullmatch(text):
        raise CannotEvaluate("expected pairs of hexadecimal digits")
    return Value(bytes.fromhex(text.decode("ascii")))


@transformation("s.substr", "nn", "LENGTH bytes from OFFSET; negative: from the end; length 0: to the end", SOURCE)
def _substr(text: bytes, offset: int, length: int) -> Value:
    start = offset if offset >= 0 else len(text) + offset
    end = len(text) if length == 0 else start + length
    if length < 0 or not 0 <= start < len(text) or end > len(text):
        raise CannotEvaluate("substr out of range")
    return Value(text[start:end])


@transformation("s.strip", "n", "without the first N bytes; N below 0 changes nothing", SOURCE)
def _strip(text: bytes, count: int) -> Value:
    return Value(text if count < 0 else text[count:])


@transformation("s.striptail", "n", "without the last N bytes", SOURCE)
def _striptail(text: bytes, count: int) -> Value:
    return Value(text if count < 0 else text[: max(0, len(text) - count)])
