"""
Transformations: the ``{class.name,parameter,...}`` behind a pseudo-variable, as a registry and a parser.

Must not know a particular transformation. Each family registers its own with ``transformation`` and says whether a
parameter is a number or a text; either may be an expression. What is not registered is malformed, as in Kamailio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.hosts.pv.value import NULL, CannotEvaluate, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    Resolve = Callable[[bytes], Value]
    Work = Callable[..., Value]


@dataclass(frozen=True, slots=True)
class Transformation:
    """
    One row of the registry.

    Attributes:
        name: ``s.len``: class and name, in lower case; names are matched without case.
        parameters: ``n`` a number, ``s`` a text, in order.
        meaning: One line for people.
        source: Where Kamailio does it.
        work: Takes the value's text and the parameters, gives the new value.
    """

    name: str
    parameters: str
    meaning: str
    source: str
    work: Work


REGISTRY: dict[str, Transformation] = {}

Step = tuple[Transformation, tuple[bytes, ...]]


def transformation(name: str, parameters: str, meaning: str, source: str) -> Callable[[Work], Work]:
    """Register a function as a transformation."""

    def register(work: Work) -> Work:
        REGISTRY[name] = Transformation(name, parameters, meaning, source, work)
        return work

    return register


def parse(text: bytes, offset: int) -> tuple[tuple[Step, ...], int]:
    """
    The chain that begins at ``offset``, and where it ends.

    Raises:
        CannotEvaluate: It is malformed, names what is not registered, or has the wrong number of parameters.
    """
    chain: list[Step] = []
    at = offset
    while text[at : at + 1] == b"{":
        end = _closing_brace(text, at)
        chain.append(_step(text[at + 1 : end]))
        at = end + 1
        following = at + len(text[at:]) - len(text[at:].lstrip(b" \t"))
        if text[following : following + 1] == b"{":
            at = following
    return tuple(chain), at


def apply(chain: tuple[Step, ...], value: Value, resolve: Resolve) -> Value:
    """
    The value, transformed.

    Raises:
        CannotEvaluate: A transformation fails, for one on a null value.
    """
    for row, given in chain:
        if value.is_null:
            raise CannotEvaluate(f"{row.name} of null")
        parameters: list[Any] = []
        for kind, text in zip(row.parameters, given, strict=True):
            resolved = resolve(text) if text.startswith(b"$") else None
            parameters.append(_number(text, resolved) if kind == "n" else _text(text, resolved))
        value = row.work(_text(b"", value), *parameters)
    return value


def _step(body: bytes) -> Step:
    name, *given = _split(body)
    row = REGISTRY.get(name.strip().lower().decode("latin-1"))
    if row is None or len(given) != len(row.parameters):
        raise CannotEvaluate(f"no transformation {body!r}")
    return row, tuple(given)


def _split(body: bytes) -> list[bytes]:
    """At the commas outside of parentheses: a parameter may be ``$(hdr(X){s.substr,1,2})``."""
    parts, depth, start = [], 0, 0
    for at, byte in enumerate(body):
        depth += (byte in b"({") - (byte in b")}")
        if byte == ord(",") and depth <= 0:
            parts.append(body[start:at])
            start = at + 1
    return [*parts, body[start:]]


def _closing_brace(text: bytes, at: int) -> int:
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] == ord("{")) - (text[end] == ord("}"))
        if depth == 0:
            return end
    raise CannotEvaluate("a transformation without its }")


def _number(text: bytes, resolved: Value | None) -> int:
    if resolved is not None:
        if resolved.number is None:
            raise CannotEvaluate("expected a number")
        return resolved.number
    try:
        return int(text)
    except ValueError as error:
        raise CannotEvaluate(f"expected a number, got {text!r}") from error


def _text(text: bytes, resolved: Value | None) -> bytes:
    if resolved is None:
        return text
    if resolved.text is not None:
        return resolved.text
    if resolved == NULL or resolved.number is None:
        raise CannotEvaluate("expected a text")
    return b"%d" % resolved.number


from runner.hosts.pv.transformations import strings  # noqa: E402, F401 - the families register themselves
