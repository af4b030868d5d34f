"""
Substitutions, ``/expression/replacement/flags``: parsed, and run over a text.

Must not know pseudo-variables: they are measured and read by functions that are given. Follows core/re.c
(subst_parser, subst_run, subst_str).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from runner.hosts.expressions import until_separator
from runner.hosts.posix import Regex, matches

from .value import CannotEvaluate, Value

_MIN_LENGTH = 3
_MOST_REPLACED = 1022  # of one match: REPLACE_BUFFER_SIZE and RBUF_APPEND, core/re.c
_MAX_ESCAPES = 100  # MAX_REPLACE_WITH, core/re.h
_BACKSLASH = b"\\"[0]
_DOLLAR = b"$"[0]

Measure = Callable[[bytes], int]
"""Gives the length in bytes of the variable at the start of a text; raises CannotEvaluate when there is none."""
Read = Callable[[bytes], Value]
"""Gives the value of a variable, or of ``REQUEST_URI``; raises CannotEvaluate where it fails."""

REQUEST_URI = b"\\u"
"""Stands in a replacement for the R-URI, whether that parses or not."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the match, written in the replacement as a backslash and a digit."""

    number: int


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable in the replacement, as written."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Subst:
    """
    A parsed substitution.

    Attributes:
        regex: The expression to search for.
        replacement: The parts of the replacement, in order.
        is_global: True with the flag ``g``: every match is replaced.
    """

    regex: Regex
    replacement: tuple[bytes | Group | Variable, ...]
    is_global: bool

    @property
    def groups(self) -> int:
        """The highest group in the replacement; 0 for none."""
        return max((part.number for part in self.replacement if isinstance(part, Group)), default=0)


@lru_cache(maxsize=256)
def parse_subst(text: bytes, measure: Measure) -> Subst:
    """
    Parse ``/expression/replacement/flags``; the separator may be any byte but a backslash.

    Raises:
        CannotEvaluate: It is malformed.
    """
    if len(text) < _MIN_LENGTH or text[0] == _BACKSLASH:
        raise CannotEvaluate("malformed substitution")
    expression = until_separator(text)
    end = 1 + len(expression)
    if end + 2 > len(text):
        raise CannotEvaluate("a substitution needs three separators")
    replacement, behind = _parse_replacement(text, end + 1, measure)
    flags = text[behind + 1 :]
    if flags.strip(b"isg"):
        raise CannotEvaluate("unknown flag of a substitution")
    regex = Regex(expression, ignores_case=b"i" in flags, is_multiline=b"s" not in flags)
    return Subst(regex, replacement, b"g" in flags)


_ESCAPED: dict[int, bytes | Variable] = {
    b"n"[0]: b"\n",
    b"r"[0]: b"\r",
    b"t"[0]: b"\t",
    b"u"[0]: Variable(REQUEST_URI),
}


def _parse_replacement(text: bytes, start: int, measure: Measure) -> tuple[tuple[bytes | Group | Variable, ...], int]:
    parts: list[bytes | Group | Variable] = []
    at, escapes = start, 0
    while at < len(text) and text[at] != text[0]:
        octet = text[at]
        at += 1
        if octet == _BACKSLASH:
            if at >= len(text):
                break
            escaped = text[at]
            is_digit = escaped in b"0123456789"
            parts.append(Group(escaped - b"0"[0]) if is_digit else _ESCAPED.get(escaped, bytes([escaped])))
            at += 1
            escapes += 1
        elif octet == _DOLLAR:
            end = at - 1 + measure(text[at - 1 :])
            parts.append(Variable(text[at - 1 : end]))
            at = end
            escapes += 1
        else:
            parts.append(bytes([octet]))
    if at >= len(text) or escapes >= _MAX_ESCAPES:
        raise CannotEvaluate("malformed replacement of a substitution")
    return tuple(parts), at


class Replaced(NamedTuple):
    """One match in a text, and what takes its place."""

    start: int
    end: int
    text: bytes


def run(subst: Subst, text: bytes, read: Read) -> list[Replaced]:
    """
    Every match that is replaced, in order; a text ends at its first NUL (core/re.c, subst_run).

    Raises:
        CannotEvaluate: The expression matches the empty text, or a replacement is too big.
    """
    text = text.partition(b"\0")[0]
    return [
        Replaced(*match[0], _build(subst, text, match, read))
        for match in matches(subst.regex, text, is_global=subst.is_global, groups=subst.groups)
    ]


def replaced(text: bytes, found: list[Replaced]) -> bytes:
    """The text with its matches replaced; it ends at its first NUL (core/re.c, subst_str)."""
    out: list[bytes] = []
    at = 0
    for each in found:
        out += (text[at : each.start], each.text)
        at = each.end
    return b"".join(out) + text[at:].partition(b"\0")[0]


def _build(subst: Subst, text: bytes, match: list[tuple[int, int]], read: Read) -> bytes:
    out: list[bytes] = []
    for part in subst.replacement:
        if isinstance(part, bytes):
            out.append(part)
        elif isinstance(part, Group):
            start, end = match[part.number]
            out.append(text[start:end] if start >= 0 else b"")
        else:
            out.append(_read(read, part))
    replacement = b"".join(out)
    if len(replacement) > _MOST_REPLACED:
        raise CannotEvaluate("the replacement of one match is too big")
    return replacement


def _read(read: Read, part: Variable) -> bytes:
    """What a variable puts in; nothing where it fails."""
    try:
        return read(part.text).text or b""
    except CannotEvaluate:
        return b""
