"""
The table of pseudo-variables: what each means, whether it can be written, and where that is known from.

Must not know a particular variable: the families register theirs when they are imported (``families.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from runner.hosts.embedded.value import CannotEvaluate, Value

if TYPE_CHECKING:
    from runner.hosts.embedded.context import Context

ALL = "*"
"""The index ``[*]``."""


class Access(NamedTuple):
    """
    How one expression names a variable.

    Attributes:
        context: The message, and what the script did so far.
        name: What ``parse_name`` made of the text in the parentheses; None for a variable without them.
        index: The number in the brackets, ``ALL``, or None without brackets.
    """

    context: Context
    name: Any = None
    index: int | str | None = None  # type: ignore[assignment]  # not the index() of tuples

    @property
    def position(self) -> int:
        """The index as a number; no index is 0."""
        return self.index if isinstance(self.index, int) else 0


access: Callable[[tuple[Context, Any, int | str | None]], Access] = partial(tuple.__new__, Access)
"""As ``Access``, without a call of Python: one is made for every read."""

Reader = Callable[[Access], Value]
Writer = Callable[[Access, Value], None]
NameParser = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Variable:
    """
    One pseudo-variable.

    Attributes:
        name: Without the ``$``.
        meaning: For the reader of the list.
        source: Kamailio module file and function the behaviour was read from.
        family: The file it is registered in.
        read: Gives the value; raises CannotEvaluate where Kamailio's getter fails.
        write: Takes the new value, NULL for Unset; None when it cannot be written: then a write does nothing, and
            still succeeds.
        parse_name: Reads the text in the parentheses; None when the variable takes none.
        takes_index: Whether ``$(x[1])`` is allowed.
        later_names: Of the names that ``parse_name`` gives, those that Kamailio 5.6 does not know.
        since: The first version that has the variable; empty for 5.6.
    """

    name: str
    meaning: str
    source: str
    family: str
    read: Reader
    write: Writer | None = None
    parse_name: NameParser | None = None
    takes_index: bool = False
    later_names: frozenset[str] = frozenset()
    since: str = ""

    @property
    def is_writable(self) -> bool:
        """True when a write can change something."""
        return self.write is not None


_VARIABLES: dict[bytes, Variable] = {}


def register(
    names: str,
    meaning: str,
    source: str,
    read: Reader,
    write: Writer | None = None,
    *,
    parse_name: NameParser | None = None,
    takes_index: bool = False,
    later_names: Iterable[str] = (),
    since: str = "",
) -> None:
    """Add a variable under each of the blank-separated names."""
    family = read.__module__.rpartition(".")[2]
    for name in names.split():
        key = name.encode()
        if key in _VARIABLES:
            raise RuntimeError(f"pseudo-variable ${name} is registered twice")
        _VARIABLES[key] = Variable(
            name, meaning, source, family, read, write, parse_name, takes_index, frozenset(later_names), since
        )


def lookup(name: bytes) -> Variable:
    """
    The variable of that name; names are case sensitive.

    Raises:
        CannotEvaluate: There is none.
    """
    try:
        return _VARIABLES[name]
    except KeyError:
        raise CannotEvaluate(f"unknown pseudo-variable ${name.decode('latin-1')}") from None


def variables(containing: str = "") -> list[Variable]:
    """Every variable whose name or meaning contains the text, without regard to case; sorted by family and name."""
    wanted = containing.lower()
    found = [v for v in _VARIABLES.values() if wanted in v.name.lower() or wanted in v.meaning.lower()]
    return sorted(found, key=lambda variable: (variable.family, variable.name.lower(), variable.name))


def one_of(*names: str) -> NameParser:
    """A name parser that allows these texts only, and gives the text."""
    allowed = {name.encode(): name for name in names}

    def parse(text: bytes) -> str:
        try:
            return allowed[text]
        except KeyError:
            raise CannotEvaluate(f"unknown key {text!r}") from None

    return parse
