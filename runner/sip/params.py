"""
Lists of parameters, ``a=1;b;c="x"``, as Kamailio 5.6.3 reads them.

Must not know what the parameters belong to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from .scan import end_of

_BLANK = re.compile(rb"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Param:
    """
    One parameter.

    Attributes:
        name: As written; empty for ``=x``.
        body: The value without its quotes; empty when missing.
        is_bare: True for a name without an equals sign.
        end: Offset behind the name, or behind the value and its closing quote.
    """

    name: bytes
    body: bytes = b""
    is_bare: bool = field(default=False, compare=False)
    end: int = field(default=0, compare=False)


@lru_cache(maxsize=8)
def _token(separator: bytes, extra: bytes) -> re.Pattern[bytes]:
    return re.compile(b"[^ \\t\\r\\n," + extra + re.escape(separator) + b"]*")


def parse_params(text: bytes, separator: bytes = b";", *, is_6: bool = False) -> tuple[Param, ...] | None:
    """
    Parse a whole text; see ``parse_params_at``.

    Args:
        text: Empty gives an empty tuple.
        separator: One byte.
        is_6: As Kamailio 6.0, where a ``,`` or ``>`` that is the separator does not end the list.

    Returns:
        The parameters in order, or None where Kamailio gives an error.
    """
    found = parse_params_at(text, 0, len(text), separator, is_6=is_6) if text else ((), 0)
    return None if found is None else found[0]


def parse_params_at(
    text: bytes, start: int, size: int, separator: bytes = b";", *, is_6: bool = False
) -> tuple[tuple[Param, ...], int] | None:
    """
    Parse a list up to its end, a ``,`` or a ``>`` behind a parameter.

    Follows core/parser/parse_param.c (parse_params2).

    Args:
        text: What holds the list.
        start: Where the first name begins.
        size: Offset behind the last byte that may be read.
        separator: One byte.
        is_6: See ``parse_params``.

    Returns:
        The parameters in order and the offset of what ended them; None where Kamailio gives an error: a byte it does
        not expect, a quote that does not close, nothing behind the last separator.
    """
    params: list[Param] = []
    at = start
    while at < size:
        name_end = end_of(_token(separator, b"="), text, at, size)
        name, at, end = text[at:name_end], end_of(_BLANK, text, name_end, size), name_end
        body = b""
        is_bare = at >= size or text[at : at + 1] != b"="
        if not is_bare:
            at = end = end_of(_BLANK, text, at + 1, size)
            if at < size:
                found = _parse_body(text, at, size, separator)
                if found is None:
                    return None
                body, end = found
                at = end_of(_BLANK, text, end, size)
        params.append(Param(name, body, is_bare, end))
        if at >= size or (text[at] in b",>" and not (is_6 and text[at : at + 1] == separator)):
            return tuple(params), at
        if text[at : at + 1] != separator:
            return None
        at = end_of(_BLANK, text, at + 1, size)
    return None


def find_param(params: tuple[Param, ...], name: bytes) -> Param | None:
    """The last parameter of that name, without regard to case: Kamailio keeps its list in reverse order."""
    wanted = name.lower()
    return next((param for param in reversed(params) if param.name.lower() == wanted), None)


def _parse_body(text: bytes, at: int, size: int, separator: bytes) -> tuple[bytes, int] | None:
    """A quoted value, in which a backslash hides nothing, or a token of at least one byte."""
    quote = text[at : at + 1]
    if quote in b"\"'":
        end = text.find(quote, at + 1, size)
        return None if end < 0 else (text[at + 1 : end], end + 1)
    end = end_of(_token(separator, b""), text, at, size)
    return None if end == at else (text[at:end], end)
