"""
What several of Kamailio's parsers share: how far a pattern reaches, where a line ends, what a number is.

Must not know any grammar: bytes in, an offset or a number out.
"""

from __future__ import annotations

import re
import sys

UINT_MAX, ULONG_MAX = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
INT_MAX, LONG_MAX = 0x7FFFFFFF, 0x7FFFFFFFFFFFFFFF
BLANKS = b" \t\r\n"
"""What Kamailio takes for white space; Python's own ``strip`` and ``split`` take a vertical tab and a form feed too."""

_DIGITS = re.compile(rb"[0-9]*")
_CR = b"\r"[0]


def end_of(pattern: re.Pattern[bytes], text: bytes, at: int, end: int = sys.maxsize) -> int:
    """Behind what the pattern matches there; ``at`` when it does not match."""
    found = pattern.match(text, at, end)
    return at if found is None else found.end()


def eat_line(text: bytes, at: int, end: int) -> int:
    """core/parser/parser_f.c, eat_line: behind the next LF and a CR behind that, but never behind the last byte."""
    found = text.find(b"\n", at, end)
    if found < 0:
        return end
    if found + 1 < end:
        found += 1
    return found + 1 if found + 1 < end and text[found] == _CR else found


def number_of(digits: bytes, most: int) -> int:
    """The number that decimal digits are, perhaps none; ``most + 1`` for any larger one, however long."""
    significant = digits.lstrip(b"0")
    # Python refuses to convert very long numbers.
    return min(int(significant or b"0"), most + 1) if len(significant) <= len(str(most)) else most + 1


def str2int(text: bytes, most: int = UINT_MAX) -> int | None:
    """core/ut.h, str2int: digits or none, perhaps behind a ``+``; None for anything else and above ``most``."""
    start = 1 if text[:1] == b"+" else 0
    if end_of(_DIGITS, text, start) != len(text):
        return None
    number = number_of(text[start:], most)
    return number if number <= most else None


def str2sint(text: bytes, most: int = INT_MAX) -> int | None:
    """core/ut.h, str2sint: as ``str2int``, perhaps behind a ``-``; the least number is ``-most - 1``."""
    if text[:1] != b"-":
        return str2int(text, most)
    number = None if text[1:2] == b"+" else str2int(text[1:], most + 1)
    return None if number is None else -number


def wrap(number: int) -> int:
    """The number in a C ``int``: 32 bits, two's complement."""
    return (number + 0x80000000) % 0x100000000 - 0x80000000


def wrapped(digits: bytes) -> int:
    """Decimal digits, perhaps none, that were added up in a C ``int`` without a look at its limits."""
    # The 32nd power of ten is a multiple of that of two.
    return wrap(int(digits[-32:] or b"0"))
