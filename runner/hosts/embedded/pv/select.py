"""
Selects: ``$sel(from.uri.user)``, ``$sel(via[1].host)``, and the tree of their names.

Must not know a particular select: the files of ``selects/`` add theirs to ``ROOT`` when they are imported
(``families.py``). Follows core/select.c (w_parse_select, resolve_select, run_select) step by step.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.scan import LONG_MAX, number_of, wrap

from .registry import Access, register

if TYPE_CHECKING:
    from collections.abc import Iterator

ANY = "NAME"
"""Stands for any text in the names of a row."""

NUMBER = "[n]"
"""Stands for any number in brackets in the names of a row."""

Name = bytes | int
"""One part of a select: a name or a text in brackets as written, or a number in brackets."""

Names = tuple[Name, ...]
Reader = Callable[["Selection"], bytes | None]
NamesParser = Callable[[Names], Any]


class Selection(NamedTuple):
    """
    What one level of a select works on (core/select.h, the select_t that a select_f gets).

    Attributes:
        access: The message, and what the script did so far.
        text: What the level before gave; empty for the first.
        names: The names that belong to this level, the first of them included.
        parsed: What the node's parser made of the names; None without one.
        is_last: False when another level follows.
    """

    access: Access
    text: bytes
    names: Names
    parsed: Any
    is_last: bool


# As ``Selection``, without a call of Python: one is made for every level.
_selection: Callable[[tuple[Access, bytes, Names, Any, bool]], Selection] = partial(tuple.__new__, Selection)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """
    An edge from one node to the next (core/select.h, select_row_t).

    Attributes:
        names: The names it accepts, in lower case, the usual one first; also ``ANY`` or ``NUMBER``.
        node: Where it leads to.
        takes: The type of one more name that it consumes: ``bytes`` or ``int``; None when it consumes no other.
        is_optional: True when that name may be missing.
        is_nested: True when the node before becomes a level of its own, and the next node looks up the same name.
    """

    names: tuple[str, ...]
    node: Node
    takes: type[Name] | None = None
    is_optional: bool = False
    is_nested: bool = False

    def accepts(self, name: Name) -> bool:
        """Whether the name may follow; a nested row that consumes nothing accepts every name."""
        if self.is_nested and self.takes is None:
            return True
        if isinstance(name, int):
            return NUMBER in self.names
        return ANY in self.names or name.decode("latin-1").lower() in self.names


class Node:
    """
    A place in the tree of names, and what is read there.

    Attributes:
        read: Gives the text, or None for null, which ends the select. The attribute is None where no select can end.
        parse: Turns the names into what ``read`` needs; raises CannotEvaluate for names that it refuses.
        title: For the list of names: the title of a subtree that is used in several places; empty for none.
        rows: The edges from here, in Kamailio's order.
    """

    def __init__(self, read: Reader | None = None, parse: NamesParser | None = None, *, title: str = "") -> None:
        self.read = read
        self.parse = parse
        self.title = title
        self.rows: list[Row] = []

    def add(
        self,
        names: str,
        read: Reader | None = None,
        parse: NamesParser | None = None,
        *,
        takes: type[Name] | None = None,
        is_optional: bool = False,
    ) -> Node:
        """Add a node under each of the blank-separated names, and return it."""
        node = Node(read, parse)
        self.rows.append(Row(tuple(names.split()), node, takes, is_optional))
        return node

    def nest(self, node: Node, name: str = "") -> None:
        """
        Let the other node work on the text that ``read`` gives here.

        Args:
            node: Where the following name is looked up.
            name: The name that leads there; without one, every name leads there that no earlier row accepts.
        """
        self.rows.append(Row((name,), node, bytes if name else None, is_nested=True))


ROOT = Node()


class Level(NamedTuple):
    """One reader of a select (``f`` of select_t), the names that belong to it and what its parser made of them."""

    read: Reader
    names: Names
    parsed: Any


_PART = re.compile(rb'([A-Za-z][A-Za-z0-9_]*)(?:\[\\?(?:"([^"]*)"|(-?[0-9]*))\])?')
_MOST_PARTS = 30  # core/select.h, MAX_SELECT_PARAMS less 2: the last name may still have its bracket


def parse_names(text: bytes) -> Names:
    """
    The names, with dots between them, each with a ``[number]`` or ``["text"]``; what follows them is ignored.

    Raises:
        CannotEvaluate: There is no name, a bracket does not close, or there are too many names.
    """
    at = 1 if text[:1] == b"@" else 0
    names: list[Name] = []
    while match := _PART.match(text, at):
        if len(names) > _MOST_PARTS:
            raise CannotEvaluate("too many names in a select")
        name, quoted, digits = match.groups()
        names.append(name)
        if quoted is not None:
            names.append(quoted.removesuffix(b"\\"))
        elif digits is not None:
            names.append(_atoi(digits))
        elif text[match.end() : match.end() + 1] == b"[":
            raise CannotEvaluate("a bracket of a select does not close")
        at = match.end()
        if text[at : at + 1] != b".":
            break
        at += 1
    if not names:
        raise CannotEvaluate(f"no select {text!r}")
    return tuple(names)


def _atoi(digits: bytes) -> int:
    """C's atoi: held within 64 bits, of which the lower 32 are taken; no digit at all is 0."""
    is_negative = digits[:1] == b"-"
    number = number_of(digits.removeprefix(b"-"), LONG_MAX)
    return wrap(-number if is_negative else min(number, LONG_MAX))


def parse_name(text: bytes) -> tuple[Level, ...]:
    """
    The levels of a select.

    Raises:
        CannotEvaluate: It is malformed, or there is no such select.
    """
    names = parse_names(text)
    levels: list[Level] = []
    node, parsed, start, at = ROOT, None, 0, 0
    while at < len(names):
        row = next((row for row in node.rows if row.accepts(names[at])), None)
        if row is None:
            raise CannotEvaluate(f"unknown select {text!r}")
        if row.takes is not None:
            if at + 1 < len(names) and isinstance(names[at + 1], row.takes):
                at += 1
            elif not row.is_optional:
                raise CannotEvaluate(f"a name is missing in the select {text!r}")
        if row.is_nested:
            levels.append(_level(node, names[start:at], parsed))
            start = at
        else:
            at += 1
        node = row.node
        parsed = None if node.parse is None else node.parse(names[start:at])
    levels.append(_level(node, names[start:], parsed))
    return tuple(levels)


def _level(node: Node, names: Names, parsed: object) -> Level:
    if node.read is None:
        raise CannotEvaluate("a select does not end here")
    return Level(node.read, names, parsed)


def run(levels: tuple[Level, ...], access: Access) -> bytes | None:
    """What the last level gives; None for null."""
    text = b""
    last = levels[-1]
    for level in levels:
        given = level.read(_selection((access, text, level.names, level.parsed, level is last)))
        if given is None:
            return None
        text = given
    return text


def _read(access: Access) -> Value:
    text = run(access.name, access)
    return NULL if text is None else Value(text)


class Spelled(NamedTuple):
    """
    A select as the list shows it.

    Attributes:
        text: How it is written, for example ``via([n]).params.NAME``.
        aliases: Other names that its last one has.
        further: What may follow, by title, for example ``<uri>``.
    """

    text: str
    aliases: tuple[str, ...]
    further: tuple[str, ...]


def spelled() -> list[Spelled]:
    """Every select, and behind them those that the titles stand for."""
    titled: dict[str, Node] = {}
    found = list(_spelled(ROOT, "", titled))
    listed: set[str] = set()
    while waiting := titled.keys() - listed:
        title = min(waiting)
        listed.add(title)
        found += _spelled(titled[title], title, titled)
    return found


def _spelled(node: Node, before: str, titled: dict[str, Node]) -> Iterator[Spelled]:
    for row in node.rows:
        if row.node.title:
            titled[row.node.title] = row.node
            continue
        taken = "" if row.takes is None else f".{ANY}" if row.takes is bytes else NUMBER
        name, *aliases = row.names
        dot = "" if name == NUMBER or not before else "."
        text = f"{before}{dot}{name}" + (f"({taken})" if row.is_optional else taken)
        if row.node.read is not None:
            yield Spelled(text, tuple(aliases), tuple(_further(row.node)))
        yield from _spelled(row.node, text, titled)


def _further(node: Node) -> Iterator[str]:
    for row in node.rows:
        if row.node.title:
            yield row.node.title if row.takes is None else f".{row.names[0]}{row.node.title}"


register(
    "sel",
    "A select, the older way to name a part of the message: sel(from.uri.user).",
    "pv: pv_select.c, pv_get_select",
    _read,
    parse_name=parse_name,
)
