"""``{s.escape.*}``, ``{s.unescape.*}``, ``{s.urlencode.param}``, ``{s.urldecode.param}``."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

from runner.hosts.embedded.pv.transform import MAX_RESULT_BYTES, Input, register
from runner.hosts.embedded.value import CannotEvaluate, Value

from .codec import hex_value
from .text import in_place, not_null

if TYPE_CHECKING:
    from collections.abc import Callable

_SOURCE = "modules/pv/pv_trans.c, tr_eval_string; core/strutils.c"
_ALNUM = (string.ascii_letters + string.digits).encode()
_USER_SAFE = frozenset(_ALNUM + b"-_.!~*'()&=+$,;?")
_PARAM_SAFE = frozenset(_ALNUM + b"-_.!~*'()[]/:&+$")
_URL_SAFE = frozenset(_ALNUM + b"-_.~")
_COMMON = re.compile(rb"['\"\\\0]")
_COMMON_ESCAPED = re.compile(rb"\\(['\"\\0])")
_CRLF_ESCAPED = re.compile(rb"\\[nr]")
_UNPRINTABLE = re.compile(rb"[^ -~]")
_HEX_PAIR = re.compile(rb"[0-9A-Fa-f]{2}")


def _text(given: Input, factor: int, value: Callable[[Input], bytes] = not_null) -> bytes:
    text = value(given)
    if len(text) * factor > MAX_RESULT_BYTES:
        raise CannotEvaluate("the value is too big")
    return text


@register("s.escape.common", "with a backslash before quotes, backslashes and NUL", _SOURCE)
def _escape_common(given: Input) -> Value:
    return Value(_COMMON.sub(lambda found: b"\\" + found.group().replace(b"\0", b"0"), _text(given, 2)))


@register("s.unescape.common", "without the backslashes of escape.common", _SOURCE)
def _unescape_common(given: Input) -> Value:
    return Value(_COMMON_ESCAPED.sub(lambda found: found.group(1).replace(b"0", b"\0"), _text(given, 1)))


@register("s.escape.user", "with %xx for what a user part may not have; fails on what is not printable", _SOURCE)
def _escape_user(given: Input) -> Value:
    return Value(_percent_encoded(_printable(_text(given, 3, in_place)), _USER_SAFE))


@register("s.escape.param", "with %xx for what a parameter may not have; fails on what is not printable", _SOURCE)
def _escape_param(given: Input) -> Value:
    return Value(_percent_encoded(_printable(_text(given, 3, in_place)), _PARAM_SAFE))


@register("s.unescape.user", "without %xx; fails when it is malformed or not printable", _SOURCE)
def _unescape_user(given: Input) -> Value:
    return Value(_percent_decoded(_text(given, 1, in_place)))


@register("s.unescape.param", "the same as unescape.user", _SOURCE)
def _unescape_param(given: Input) -> Value:
    return Value(_percent_decoded(_text(given, 1, in_place)))


@register("s.escape.csv", "in double quotes, those inside doubled (RFC 4180)", _SOURCE)
def _escape_csv(given: Input) -> Value:
    return Value(b'"' + _text(given, 2, in_place).replace(b'"', b'""') + b'"')


@register("s.escape.crlf", "with \\r and \\n for line ends; empty fails", _SOURCE, since="6.0")
def _escape_crlf(given: Input) -> Value:
    text = _text(given, 2)
    if not text:
        raise CannotEvaluate("an empty value")
    return Value(text.replace(b"\n", b"\\n").replace(b"\r", b"\\r"))


@register("s.unescape.crlf", "with line ends for \\r and \\n; empty fails", _SOURCE, since="6.0")
def _unescape_crlf(given: Input) -> Value:
    text = _text(given, 1)
    if not text:
        raise CannotEvaluate("an empty value")
    return Value(_CRLF_ESCAPED.sub(lambda found: b"\n" if found.group() == b"\\n" else b"\r", text))


@register("s.urlencode.param", "with %xx for all but letters, digits and -_.~", _SOURCE)
def _urlencode(given: Input) -> Value:
    return Value(_percent_encoded(_text(given, 3, in_place), _URL_SAFE))


@register("s.urldecode.param", "without %xx, and a blank for +; wrong digits give wrong bytes", _SOURCE)
def _urldecode(given: Input) -> Value:
    text = _text(given, 1)
    out = bytearray()
    at = 0
    while at < len(text):
        octet = text[at]
        if octet == b"%"[0]:
            pair = text[at + 1 : at + 3]
            if len(pair) == 2 and 0 not in pair:  # noqa: PLR2004 - a pair
                out.append((hex_value(pair[0]) << 4 | hex_value(pair[1])) & 0xFF)
                at += 2
        else:
            out.append(b" "[0] if octet == b"+"[0] else octet)
        at += 1
    return Value(bytes(out))


def _printable(text: bytes) -> bytes:
    if _UNPRINTABLE.search(text):
        raise CannotEvaluate("a byte is not printable")
    return text


def _percent_encoded(text: bytes, safe: frozenset[int]) -> bytes:
    return b"".join(bytes([octet]) if octet in safe else b"%%%02x" % octet for octet in text)


def _percent_decoded(text: bytes) -> bytes:
    head, *pieces = text.split(b"%")
    out = [head]
    for piece in pieces:
        if _HEX_PAIR.match(piece) is None:
            raise CannotEvaluate("a % without two digits")
        out.append(_printable(bytes.fromhex(piece[:2].decode())) + piece[2:])
    return b"".join(out)
