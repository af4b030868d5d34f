"""
KEMI's functions of module maxfwd: how many hops a request may still go.

Facts: modules/maxfwd/maxfwd.c and mf_funcs.c, the same in 5.6.3 and 6.0.1. The number is written over the old one, so
that reads see it at once.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from .ksr_function import FALSE, TRUE, Function, with_bytes
from .stateless import MAX_HOPS

if TYPE_CHECKING:
    from .context import Context

_ADDED, _BAD_NUMBER = 2, -2
_MISSING, _UNREADABLE = -1, -2
_MOST_LIMIT = 255
_NUMBER = re.compile(rb"[0-9]{0,5}")  # core/ut.h, str2s
_WHITE = b" \t\r\n"


def _hops(context: Context) -> int:
    """What the header says, in 16 bits; -1 without one, -2 when that cannot be told (is_maxfwd_present)."""
    header = context.header(b"max-forwards")
    if header is None:
        return _MISSING if context.message.broken_at is None else _UNREADABLE
    text = header.body.strip(_WHITE)
    return int(text or b"0") & 0xFFFF if _NUMBER.fullmatch(text) else _UNREADABLE


def _process_maxfwd(context: Context, limit: int) -> int:
    """One hop less, and no more than 70; a request without the header gets one with the limit."""
    if not 0 <= limit <= _MOST_LIMIT:
        return FALSE
    hops = _hops(context)
    match hops:
        case -1:
            context.edits.insert(context.message.headers[0].start, b"Max-Forwards: %d\r\n" % limit)
            return _ADDED
        case -2:
            return _BAD_NUMBER
        case 0:
            return FALSE
    _write(context, min(hops, MAX_HOPS + 1) - 1)
    return TRUE


def _write(context: Context, hops: int) -> None:
    """decrement_maxfwd: in the place of the old one, with blanks in front."""
    message = context.message
    old = next(header for header in message.headers if header.type == b"max-forwards")
    text = old.body.strip(_WHITE)
    start = old.body.index(text)
    body = old.body[:start] + (b"%d" % hops).rjust(len(text)) + old.body[start + len(text) :]
    context.message = replace(
        message,
        data=message.data[: old.body_start] + body + message.data[old.body_start + len(body) :],
        headers=tuple(replace(old, body=body) if header is old else header for header in message.headers),
    )


def _is_maxfwd_lt(context: Context, limit: int) -> int:
    if not 0 <= limit <= _MOST_LIMIT:
        return FALSE
    hops = _hops(context)
    if hops < 0:
        return hops - 1
    return TRUE if hops < limit else FALSE


FUNCTIONS: dict[str, Function] = {
    "maxfwd.process_maxfwd": Function("i", with_bytes(_process_maxfwd)),
    "maxfwd.is_maxfwd_lt": Function("i", with_bytes(_is_maxfwd_lt)),
}
"""Every function offered."""
