"""
Expressions: ``$x``, ``$(x)``, ``$x(name)``, ``$(x(name)[i]{tr}{tr})``, and text with expressions in it.

Must not know a particular variable or transformation. Follows core/pvapi.c (pv_locate_name, pv_parse_spec2,
pv_parse_index, pv_parse_format) byte for byte, so what is malformed there is malformed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from runner.hosts.embedded.value import CannotEvaluate, Value
from runner.sip.scan import wrap, wrapped

from . import registry, transform
from .registry import ALL, Variable, access

if TYPE_CHECKING:
    from runner.hosts.embedded.context import Context

_NAME = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.?")
_DOLLAR, _OPEN, _CLOSE = b"$"[0], b"("[0], b")"[0]
_INDEX_OPEN, _INDEX_CLOSE, _TR_OPEN, _TR_CLOSE = b"["[0], b"]"[0], b"{"[0], b"}"[0]
_NULL_TEXT = b"<null>"  # core/pvapi.c, PV_STR_NULL_VAL
_SIX = "6.0"


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A name or index that is itself an expression."""

    spec: Spec


@dataclass(frozen=True, slots=True)
class Spec:
    """
    A parsed expression.

    Attributes:
        variable: None for ``$$``.
        name: What the variable's name parser gave, or a Dynamic.
        index: A number, ``ALL``, a Dynamic, or None.
        chain: The transformations; None without any.
        since: The first version that knows all of it; empty for 5.6. An earlier one refuses it.
    """

    variable: Variable | None
    name: Any = None
    index: int | str | Dynamic | None = None
    chain: transform.Chain | None = None
    since: str = ""

    def read(self, context: Context) -> Value:
        """
        The value, transformed.

        Raises:
            CannotEvaluate: The getter or a transformation fails, or this version of Kamailio does not know it.
        """
        if self.since:
            self._require(context)
        variable = self.variable
        if variable is None:
            value = Value(b"$")
        else:
            index = None if self.index is None else self._index(context)
            value = variable.read(access((context, self.name, index)))
        if self.chain is None:
            return value
        return transform.apply(self.chain, value, lambda text: read(context, text), context.uri, context.environment)

    def write(self, context: Context, value: Value) -> None:
        """
        Assign; NULL unsets. Transformations are ignored and a variable without a setter takes anything.

        Raises:
            CannotEvaluate: The setter refuses, or this version of Kamailio does not know the expression.
        """
        if self.since:
            self._require(context)
        if self.variable is not None and self.variable.write is not None:
            index = None if self.index is None else self._index(context)
            self.variable.write(access((context, self.name, index)), value)

    def _require(self, context: Context) -> None:
        if self.since > context.environment.kamailio:
            raise CannotEvaluate(f"unknown before Kamailio {self.since}")

    def _index(self, context: Context) -> int | str | None:
        """core/pvapi.c, pv_get_spec_index: a dynamic index must be of integer type."""
        if not isinstance(self.index, Dynamic):
            return self.index
        value = self.index.spec.read(context)
        if value.number is None:
            raise CannotEvaluate("the index has no number")
        return value.number


def read(context: Context, text: bytes) -> Value:
    """
    Evaluate an expression that is the whole text.

    Raises:
        CannotEvaluate: It is malformed, unknown or fails.
    """
    return parse_whole(text).read(context)


@lru_cache(maxsize=4096)
def parse_whole(text: bytes) -> Spec:
    """
    Parse a text that is one expression and nothing else, as SR.PV takes it.

    Raises:
        CannotEvaluate: It is malformed or unknown.
    """
    text = text.partition(b"\0")[0]
    if locate(text, 0) != len(text):
        raise CannotEvaluate("text around the expression")
    return parse_at(text)[0]


def locate(text: bytes, start: int) -> int:
    """
    The offset behind the expression that starts at ``start`` (core/pvapi.c, pv_locate_name).

    Raises:
        CannotEvaluate: There is none, or its parenthesis does not close.
    """
    size = len(text)
    if size - start < 2 or text[start] != _DOLLAR:  # noqa: PLR2004 - "$" and one more
        raise CannotEvaluate("an expression starts with $ and a name")
    at = start + 1
    if text[at] == _DOLLAR:
        return at + 1
    if text[at] != _OPEN:
        while at < size and text[at] in _NAME:
            at += 1
        if at >= size or text[at] != _OPEN:
            return at
    depth = 0
    for offset in range(at, size):
        if text[offset] == _OPEN:
            depth += 1
        elif text[offset] == _CLOSE:
            depth -= 1
            if depth == 0:
                return offset + 1
    raise CannotEvaluate("a parenthesis does not close")


def parse_at(text: bytes) -> tuple[Spec, int]:
    """
    Parse the expression at the start of ``text``; also the offset behind it.

    Raises:
        CannotEvaluate: It is malformed or unknown.
    """
    if text[:1] != b"$":
        raise CannotEvaluate("an expression starts with $")
    at = 1
    is_wrapped = text[1:2] == b"("
    if is_wrapped:
        at = 2
    if text[at : at + 1] == b"$":
        at += 1
        if is_wrapped:
            if text[at : at + 1] != b")":
                raise CannotEvaluate("$( $ must close at once")
            at += 1
        return Spec(None), at
    name_start = at
    while at < len(text) and text[at] in _NAME:
        at += 1
    variable = registry.lookup(text[name_start:at])
    name: Any = None
    if text[at : at + 1] == b"(":
        name, at = _parse_name(variable, text, at)
    elif variable.parse_name is not None:
        raise CannotEvaluate(f"${variable.name} expects a name in parentheses")
    since = _SIX if variable.later_names and name in variable.later_names else variable.since
    if not is_wrapped:
        return Spec(variable, name, since=since), at
    index: int | str | Dynamic | None = None
    if text[at : at + 1] == b"[":
        index, at = _parse_index_part(variable, text, at)
    chain = None
    if text[at : at + 1] == b"{":
        chain, at = _parse_chain(text, at)
        since = max(since, *(step.transformation.since for step in chain))
    if text[at : at + 1] != b")":
        raise CannotEvaluate("expected ) at the end")
    return Spec(variable, name, index, chain, since), at + 1


def length(text: bytes) -> int:
    """As ``parse_at``, the offset alone."""
    return parse_at(text)[1]


def _parse_name(variable: Variable, text: bytes, at: int) -> tuple[Any, int]:
    end = _closing(text, at, _OPEN, _CLOSE)
    inner = text[at + 1 : end]
    if variable.parse_name is None or not inner:
        raise CannotEvaluate(f"${variable.name} does not take this name")
    return variable.parse_name(inner), end + 1


def _parse_index_part(variable: Variable, text: bytes, at: int) -> tuple[int | str | Dynamic, int]:
    end = _closing(text, at, _INDEX_OPEN, _INDEX_CLOSE)
    inner = text[at + 1 : end]
    if not variable.takes_index or not inner:
        raise CannotEvaluate(f"${variable.name} does not take this index")
    return parse_index(inner), end + 1


def parse_index(inner: bytes) -> int | str | Dynamic:
    """
    The text in the brackets (core/pvapi.c, pv_parse_index).

    Raises:
        CannotEvaluate: It is neither a number, nor ``*``, nor an expression.
    """
    if inner[:1] == b"$":
        return Dynamic(parse_at(inner)[0])
    if inner == b"*":
        return ALL
    if inner == b"+":
        return "+"
    digits = inner.removeprefix(b"-")
    if digits and not digits.isdigit():
        raise CannotEvaluate(f"invalid index {inner!r}")
    number = wrapped(digits)
    return wrap(-number) if inner[:1] == b"-" else number


def dynamic_or(text: bytes) -> Dynamic | None:
    """A name that starts with ``$``, parsed; None when it does not."""
    return Dynamic(parse_at(text)[0]) if text[:1] == b"$" else None


def _closing(text: bytes, at: int, opening: int, closing: int) -> int:
    depth = 0
    for offset in range(at, len(text)):
        if text[offset] == opening:
            depth += 1
        elif text[offset] == closing:
            depth -= 1
            if depth == 0:
                return offset
    raise CannotEvaluate("a bracket does not close")


def _parse_chain(text: bytes, at: int) -> tuple[transform.Chain, int]:
    """The transformations, which end at the last of the braces that follow each other."""
    end = _closing(text, at, _TR_OPEN, _TR_CLOSE)
    while True:
        following = end + 1
        while following < len(text) and text[following] in b" \t":
            following += 1
        if following >= len(text) or text[following] != _TR_OPEN:
            break
        end = _closing(text, following, _TR_OPEN, _TR_CLOSE)
    if following >= len(text):
        raise CannotEvaluate("expected ) behind the transformations")
    chain, stop = transform.parse(text[: end + 1], at, lambda rest: parse_at(rest)[1])
    if stop != end + 1:
        raise CannotEvaluate("text behind the transformations")
    return chain, following


@dataclass(frozen=True, slots=True)
class Format:
    """A text with expressions in it: what is printed, in order."""

    parts: tuple[bytes | Spec, ...]
    since: str = ""

    def print(self, context: Context) -> bytes:
        """
        The text with the values put in (pvapi.c, pv_printf): null is ``<null>``, what fails is left out.

        Raises:
            CannotEvaluate: This version of Kamailio does not know one of the expressions.
        """
        if self.since > context.environment.kamailio:
            raise CannotEvaluate(f"unknown before Kamailio {self.since}")
        out = []
        for part in self.parts:
            if isinstance(part, bytes):
                out.append(part)
                continue
            try:
                value = part.read(context)
            except CannotEvaluate:
                continue
            out.append(_NULL_TEXT if value.is_null else value.text or b"")
        return b"".join(out)


@lru_cache(maxsize=1024)
def parse_format(text: bytes) -> Format:
    """
    Parse a format string.

    Raises:
        CannotEvaluate: One of its expressions is malformed or unknown.
    """
    parts: list[bytes | Spec] = []
    at = 0
    while at < len(text):
        dollar = text.find(b"$", at)
        if dollar < 0:
            parts.append(text[at:])
            break
        if dollar > at:
            parts.append(text[at:dollar])
        end = locate(text, dollar)
        parts.append(parse_at(text[dollar:end])[0])
        at = end
    return Format(tuple(parts), max(("", *(part.since for part in parts if isinstance(part, Spec)))))
