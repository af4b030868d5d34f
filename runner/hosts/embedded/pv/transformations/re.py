"""``{re.subst,/expression/replacement/flags}``. A null or empty value fails."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from runner.hosts.embedded.posix import Regex
from runner.hosts.embedded.pv.expression import parse_at
from runner.hosts.embedded.pv.transform import Arguments, Expression, Input, Literal, Scanner, register
from runner.hosts.embedded.value import CannotEvaluate, Value

_SOURCE = "modules/textops/txt_var.c, tr_txt_eval_re; core/re.c, subst_parser, subst_run"
_MAX_BYTES = 8190  # TR_TXT_BUF_SIZE
_MIN_LENGTH = 3
_MOST_REPLACED = 1022  # of one match: REPLACE_BUFFER_SIZE and RBUF_APPEND, core/re.c
_MAX_ESCAPES = 100  # MAX_REPLACE_WITH, core/re.h
_BACKSLASH = b"\\"[0]
_DOLLAR = b"$"[0]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the match, written in the replacement as a backslash and a digit."""

    number: int


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
    replacement: tuple[bytes | Group | Expression, ...]
    is_global: bool

    @property
    def groups(self) -> int:
        """The highest group in the replacement; 0 for none."""
        return max((part.number for part in self.replacement if isinstance(part, Group)), default=0)


@lru_cache(maxsize=256)
def parse_subst(text: bytes) -> Subst:
    """
    Parse ``/expression/replacement/flags``; the separator may be any byte but a backslash.

    Raises:
        CannotEvaluate: It is malformed.
    """
    if len(text) < _MIN_LENGTH or text[0] == _BACKSLASH:
        raise CannotEvaluate("malformed substitution")
    end = 1
    while end < len(text) and (text[end] != text[0] or text[end - 1] == _BACKSLASH):
        end += 1
    if end + 2 > len(text):
        raise CannotEvaluate("a substitution needs three separators")
    replacement, behind = _parse_replacement(text, end + 1)
    flags = text[behind + 1 :]
    if flags.strip(b"isg"):
        raise CannotEvaluate("unknown flag of a substitution")
    regex = Regex(text[1:end], ignores_case=b"i" in flags, is_multiline=b"s" not in flags)
    return Subst(regex, replacement, b"g" in flags)


_ESCAPED: dict[int, bytes | Expression] = {b"n"[0]: b"\n", b"r"[0]: b"\r", b"t"[0]: b"\t", b"u"[0]: Expression(b"$ru")}


def _parse_replacement(text: bytes, start: int) -> tuple[tuple[bytes | Group | Expression, ...], int]:
    parts: list[bytes | Group | Expression] = []
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
            end = at - 1 + parse_at(text[at - 1 :])[1]
            parts.append(Expression(text[at - 1 : end]))
            at = end
            escapes += 1
        else:
            parts.append(bytes([octet]))
    if at >= len(text) or escapes >= _MAX_ESCAPES:
        raise CannotEvaluate("malformed replacement of a substitution")
    return tuple(parts), at


def _parse_arguments(scanner: Scanner) -> Arguments:
    scanner.expect(b",")
    if scanner.byte == b"$":
        return (scanner.expression(),)
    start, depth = scanner.at, 0
    while scanner.byte != b"\0" and not (scanner.byte == b"}" and depth == 0):
        depth += (scanner.byte == b"{") - (scanner.byte == b"}")
        scanner.at += 1
    text = scanner.text[start : scanner.at]
    parse_subst(text)
    return (Literal(text, text[0]),)


@register(
    "re.subst",
    "matches of a POSIX extended expression replaced; \\1 groups, flags g i s",
    _SOURCE,
    _parse_arguments,
    ",/expression/replacement/flags",
)
def _subst(given: Input) -> Value:
    text = given.needs_text()
    subst = parse_subst(given.string(0).text)
    if len(text) > _MAX_BYTES:
        raise CannotEvaluate("the value is too big")
    text = text.partition(b"\0")[0]
    out: list[bytes] = []
    at, is_line_start = 0, True
    while True:
        rest = text[at:]
        match = subst.regex.match(rest, subst.groups, is_line_start=is_line_start)
        if match is None:
            break
        start, end = match[0]
        if start == end:
            raise CannotEvaluate("the expression matches the empty text")
        out += (rest[:start], _build(given, subst, rest, match))
        at += end
        is_line_start = rest[end - 1] in b"\r\n"
        if not subst.is_global:
            break
    if not out:
        return given.value
    result = b"".join(out) + text[at:]
    if len(result) > _MAX_BYTES:
        raise CannotEvaluate("the result is too big")
    return Value(result)


def _build(given: Input, subst: Subst, text: bytes, match: list[tuple[int, int]]) -> bytes:
    out: list[bytes] = []
    for part in subst.replacement:
        if isinstance(part, bytes):
            out.append(part)
        elif isinstance(part, Group):
            start, end = match[part.number]
            out.append(text[start:end] if start >= 0 else b"")
        else:
            out.append(_resolved(given, part))
    replacement = b"".join(out)
    if len(replacement) > _MOST_REPLACED:
        raise CannotEvaluate("the replacement of one match is too big")
    return replacement


def _resolved(given: Input, part: Expression) -> bytes:
    """Evaluate an expression in the replacement; empty when it fails."""
    try:
        return given.resolve(part.text).text or b""
    except CannotEvaluate:
        return b""
