"""
Lists of parameters, ``a=1;b;c="x"``, as Kamailio 5.6.3 reads them.

Must not know what the parameters belong to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

_BLANK = re.compile(rb"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Param:
    """
    One parameter.

    Attributes:
        name: As written; empty for ``=x``.
        body: The value without its quotes; empty when missing.
        is_bare: True for a name without an equals sign.
    """

    name: bytes
    body: bytes = b""
    is_bare: bool = field(default=False, compare=False)


@lru_cache(maxsize=8)
def _token(separator: bytes, extra: bytes) -> re.Pattern[bytes]:
    return re.compile(b"[^ \\t\\r\\n," + extra + re.escape(separator) + b"]*")


def parse_params(text: bytes, separator: bytes = b";") -> tuple[Param, ...] | None:
    """
    Parse a list up to its end, a ``,`` or a ``>`` behind a parameter.

    Follows core/parser/parse_param.c (parse_params2).

    Args:
        text: Empty gives an empty tuple.
        separator: One byte.

    Returns:
        The parameters in order, or None where Kamailio gives an error: a byte it does not expect, a quote that does
        not close, nothing behind the last separator.
    """
    params: list[Param] = []
    at, size = 0, len(text)
    while at < size:
        name_end = _end(_token(separator, b"="), text, at)
        name, at = text[at:name_end], _end(_BLANK, text, name_end)
        body = b""
        is_bare = text[at : at + 1] != b"="
        if not is_bare:
            at = _end(_BLANK, text, at + 1)
            if at < size:
                found = _parse_body(text, at, separator)
                if found is None:
                    return None
                body, at = found
                at = _end(_BLANK, text, at)
        params.append(Param(name, body, is_bare))
        if at >= size or text[at] in b",>":
            break
        if text[at : at + 1] != separator:
            return None
        at = _end(_BLANK, text, at + 1)
        if at >= size:
            return None
    return tuple(params)


def find_param(params: tuple[Param, ...], name: bytes) -> Param | None:
    """The last parameter of that name, without regard to case: Kamailio keeps its list in reverse order."""
    wanted = name.lower()
    return next((param for param in reversed(params) if param.name.lower() == wanted), None)


def _parse_body(text: bytes, at: int, separator: bytes) -> tuple[bytes, int] | None:
    """A quoted value, in which a backslash hides nothing, or a token of at least one byte."""
    quote = text[at : at + 1]
    if quote in b"\"'":
        end = text.find(quote, at + 1)
        return None if end < 0 else (text[at + 1 : end], end + 1)
    end = _end(_token(separator, b""), text, at)
    return None if end == at else (text[at:end], end)


def _end(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found is not None else at
