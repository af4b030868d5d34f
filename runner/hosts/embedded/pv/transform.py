"""
Transformations: the ``{class.name,params}`` chain of an expression, and the table of those there are.

Must not know a particular transformation: the families in ``transformations/`` register theirs when ``families`` is
imported. Must not know expressions either, though arguments may be some: whoever parses or applies a chain says how
long an expression is and what it gives. Follows Kamailio's core/pvapi.c (tr_lookup, tr_exec) and the parameter macros
of modules/pv/pv_trans.c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from runner.hosts.embedded.context import Environment
from runner.hosts.embedded.value import CannotEvaluate, Value
from runner.sip.scan import number_of, wrap, wrapped
from runner.sip.uri import Uri, parse_uri

MAX_RESULT_BYTES = 65535
"""TR_BUFFER_SIZE - 1: what a transformation may give at most (modules/pv/pv_trans.c)."""

_LAST_BEFORE_A_DIGIT = 0x7FFFFFFFFFFFFFFF // 10 - 10
"""A number above it takes no further digit (modules/pv/pv_trans.c, _tr_parse_nparam of 6.0)."""

Resolve = Callable[[bytes], Value]
"""Evaluates an argument that is an expression, ``$var(x)``."""

ParseUri = Callable[[bytes], Uri | None]
"""Takes a URI apart, as one version of Kamailio does; None for what is none."""

Measure = Callable[[bytes], int]
"""Gives the length in bytes of the expression at the start of a text; raises CannotEvaluate when there is none."""


@dataclass(frozen=True, slots=True)
class Literal:
    """
    An argument as written.

    Attributes:
        text: May be empty.
        first: What Kamailio sees as its first byte; with an empty text the byte that ended it.
    """

    text: bytes
    first: int


@dataclass(frozen=True, slots=True)
class Expression:
    """An argument that is an expression."""

    text: bytes


@dataclass(frozen=True, slots=True)
class TooLong:
    """A number that 6.0 refuses; 5.6 takes the lower 32 bits, as both do with any other."""

    low: int


Argument = int | TooLong | Literal | Expression
Arguments = tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """What a transformation works on: a value, its arguments, and what it may ask."""

    value: Value
    arguments: Arguments
    resolve: Resolve
    uri: ParseUri = parse_uri
    environment: Environment = field(default_factory=Environment)

    @property
    def is_6(self) -> bool:
        """True for 6.0, False for 5.6."""
        return self.environment.is_6

    @property
    def text(self) -> bytes:
        """The value as text; a number as decimals."""
        return b"%d" % (self.value.number or 0) if self.value.text is None else self.value.text

    def needs_text(self) -> bytes:
        """The value's text, for families that refuse anything else; CannotEvaluate when missing or empty."""
        if not self.value.text:
            raise CannotEvaluate("the value has no text")
        return self.value.text

    def number(self, position: int) -> int:
        """An argument as a number; CannotEvaluate for an expression without one."""
        match self.arguments[position]:
            case int(number):
                return number
            case TooLong(low) if not self.is_6:
                return low
            case Expression(text):
                number_or_none = self.resolve(text).number
                if number_or_none is None:
                    raise CannotEvaluate("a parameter is not a number")
                return number_or_none
        raise CannotEvaluate("a parameter is not a number")

    def string(self, position: int) -> Literal:
        """An argument as text; CannotEvaluate for an expression that is null or empty."""
        match self.arguments[position]:
            case Literal() as literal:
                return literal
            case Expression(text):
                resolved = self.resolve(text).text
                if resolved:
                    return Literal(resolved, resolved[0])
        raise CannotEvaluate("a parameter has no text")


class Scanner:
    """The text of a chain and a position in it; reads as from a C string: behind the end is a NUL."""

    BLANKS = b" \t\n"

    def __init__(self, text: bytes, at: int, measure: Measure) -> None:
        self.text = text
        self.at = at
        self._measure = measure

    @property
    def byte(self) -> bytes:
        """The byte at the position; NUL behind the end."""
        return self.text[self.at : self.at + 1] or b"\0"

    def skip_blanks(self) -> None:
        """Go to the next byte that is no blank."""
        while self.byte in self.BLANKS:
            self.at += 1

    def until(self, stops: bytes) -> bytes:
        """Go to the next of ``stops`` or the end; what was passed."""
        start = self.at
        while self.byte not in stops and self.byte != b"\0":
            self.at += 1
        return self.text[start : self.at]

    def expect(self, wanted: bytes) -> None:
        """Pass one byte, or raise CannotEvaluate."""
        if self.byte != wanted:
            raise CannotEvaluate(f"expected {wanted!r} in a transformation, got {self.byte!r}")
        self.at += 1

    def number(self) -> Argument:
        """A number or an expression."""
        self.skip_blanks()
        if self.byte == b"$":
            return self.expression()
        if self.byte not in b"+-0123456789":
            raise CannotEvaluate("expected a number in a transformation")
        is_negative = self.byte == b"-"
        if self.byte in b"+-":
            self.at += 1
        self.skip_blanks()
        start = self.at
        while self.byte in b"0123456789":
            self.at += 1
        number = wrapped(self.text[start : self.at])
        number = wrap(-number) if is_negative else number
        # 6.0 looks at the number before each digit.
        is_too_long = number_of(self.text[start : self.at - 1], _LAST_BEFORE_A_DIGIT) > _LAST_BEFORE_A_DIGIT
        return TooLong(number) if is_too_long else number

    def string(self, *, may_end_with_comma: bool = False) -> Argument:
        """A text up to a tab, newline, comma or brace, or an expression."""
        self.skip_blanks()
        if self.byte == b"$":
            return self.expression()
        start = self.at
        self.until(b"\t\n,}")
        if self.byte == b"\0":
            raise CannotEvaluate("a transformation is not closed")
        if may_end_with_comma and self.byte == b",":
            self.at += 1
        return Literal(self.text[start : self.at], self.text[start])

    def expression(self) -> Expression:
        """An expression."""
        start = self.at
        self.at += self._measure(self.text[start:])
        return Expression(self.text[start : self.at])


ParseArguments = Callable[[Scanner], Arguments]


def no_arguments(scanner: Scanner) -> Arguments:  # noqa: ARG001 - one of several parsers
    """Nothing; a comma is refused where the brace is expected."""
    return ()


def takes(kinds: str) -> ParseArguments:
    """
    A parser of arguments.

    Args:
        kinds: One letter each: ``n`` number, ``s`` text, ``c`` text that may end with a comma. A ``?`` in front: all
            may be missing.
    """
    letters = kinds.removeprefix("?")

    def parse_arguments(scanner: Scanner) -> Arguments:
        arguments: list[Argument] = []
        if kinds.startswith("?") and scanner.byte == b"}":
            return ()
        for letter in letters:
            scanner.expect(b",")
            arguments.append(scanner.number() if letter == "n" else scanner.string(may_end_with_comma=letter == "c"))
            scanner.skip_blanks()
        return tuple(arguments)

    return parse_arguments


@dataclass(frozen=True, slots=True)
class Transformation:
    """
    One transformation.

    Attributes:
        name: ``class.name``.
        parameters: As a reader would write them: ``,offset,length``; empty without any.
        meaning: For the reader of the list.
        source: Kamailio's file and function.
        parse_arguments: Reads what is behind the name.
        apply: Gives the new value; raises CannotEvaluate where Kamailio gives an error.
        since: The first version that has it; empty for 5.6.
    """

    name: str
    parameters: str
    meaning: str
    source: str
    parse_arguments: ParseArguments
    apply: Callable[[Input], Value]
    since: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A transformation of a chain, with its arguments (core/pvar.h, trans_t)."""

    transformation: Transformation
    arguments: Arguments


Chain = tuple[Link, ...]

_TRANSFORMATIONS: dict[tuple[bytes, bytes], Transformation] = {}


def register(
    name: str,
    meaning: str,
    source: str,
    parse_arguments: ParseArguments = no_arguments,
    parameters: str = "",
    *,
    since: str = "",
) -> Callable[[Callable[[Input], Value]], Callable[[Input], Value]]:
    """Add the decorated function as a transformation; may be used several times on one function."""

    def add(apply: Callable[[Input], Value]) -> Callable[[Input], Value]:
        family, _, short = name.encode().partition(b".")
        if (family, short) in _TRANSFORMATIONS:
            raise RuntimeError(f"transformation {name} is registered twice")
        _TRANSFORMATIONS[family, short] = Transformation(
            name, parameters, meaning, source, parse_arguments, apply, since
        )
        return apply

    return add


def transformations(containing: str = "") -> list[Transformation]:
    """Every transformation whose name or meaning contains the text, without regard to case; sorted by name."""
    wanted = containing.lower()
    found = [t for t in _TRANSFORMATIONS.values() if wanted in t.name or wanted in t.meaning.lower()]
    return sorted(found, key=lambda transformation: transformation.name)


def parse(text: bytes, offset: int, measure: Measure) -> tuple[Chain, int]:
    """
    Parse the chain that begins at an offset; also the offset behind its last brace.

    Raises:
        CannotEvaluate: It is malformed, or a transformation is unknown.
    """
    links: list[Link] = []
    scanner = Scanner(text, offset, measure)
    end = offset
    while True:
        scanner.skip_blanks()
        if scanner.byte != b"{":
            return tuple(links), end
        scanner.at += 1
        links.append(_parse_link(scanner))
        scanner.expect(b"}")
        end = scanner.at


def apply(
    chain: Chain, value: Value, resolve: Resolve, uri: ParseUri = parse_uri, environment: Environment | None = None
) -> Value:
    """
    Send a value through a chain.

    Raises:
        CannotEvaluate: One of the transformations fails.
    """
    for link in chain:
        given = Input(value, link.arguments, resolve, uri, environment or Environment())
        value = link.transformation.apply(_share_buffer(given, link.transformation.name))
    return value


_COPIES_FIRST = ("uri.", "param.value", "param.in", "param.name")


def _share_buffer(given: Input, name: str) -> Input:
    """
    The input with what its arguments do to the value and to each other.

    The text of a number is in the one buffer of core/ut.h, int2str, right-aligned: an argument that is a number too
    writes over its last digits. ``$(var(v){s.strip,$var(n)})`` of 2147483647 and 1 gives 147483641. Those that copy
    the value before they look at arguments are safe.
    """
    value, written = given.value, [each.text for each in given.arguments if isinstance(each, Expression)]
    if not written or not (value.is_printed or len(written) > 1) or name.startswith(_COPIES_FIRST):
        return given
    known: dict[bytes, Value] = {}
    for text in written:
        try:
            # Each look at a counter counts.
            steps = [given.resolve(text[:at] + b")") for at in links_of(text)] if b"sh" not in text else []
            resolved = given.resolve(text)
        except CannotEvaluate:
            return given  # the transformation will find out when it asks
        for step in (*steps, resolved):
            if step.is_printed:
                value = _overwritten(value, step)
                known = {name: _overwritten(earlier, step) for name, earlier in known.items()}
        known[text] = resolved

    def resolve(name: bytes) -> Value:
        return known[name] if name in known else given.resolve(name)

    return Input(value, given.arguments, resolve, given.uri, given.environment)


def links_of(expression: bytes) -> list[int]:
    """Where the transformations of an expression ``$(x{a}{b})`` begin, in order; empty without any."""
    found: list[int] = []
    depth = 0
    end = len(expression) - len(b")")
    while expression[:end].rstrip(b" \t").endswith(b"}"):
        for at in range(end - 1, -1, -1):
            depth += (expression[at] == b"}"[0]) - (expression[at] == b"{"[0])
            if expression[at] == b"{"[0] and depth == 0:
                break
        else:
            break
        end = at
        found.insert(0, at)
    return found


def _overwritten(value: Value, over: Value) -> Value:
    if not value.is_printed or not value.text:
        return value
    text, last = value.text, over.text or b""
    return value._replace(text=(text[: max(0, len(text) - len(last))] + last)[-len(text) :])


def _parse_link(scanner: Scanner) -> Link:
    family = scanner.until(b".")
    scanner.expect(b".")
    # The class is case sensitive and exact, the name is neither.
    name = scanner.until(b",}").strip(b" \t\r\n").lower()
    transformation = _TRANSFORMATIONS.get((family, name))
    if transformation is None:
        raise CannotEvaluate(f"unknown transformation {(family + b'.' + name).decode('latin-1')}")
    return Link(transformation, transformation.parse_arguments(scanner))
