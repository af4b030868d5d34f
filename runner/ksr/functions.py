"""
The functions that Kamailio exports to scripting languages (KEMI), as lists that are kept beside this file.

A line is one function: ``int tm.t_on_branch(str bname)  tm.so``, with types as KEMI names them, the names that
Kamailio's sources give its parameters, and the module that has to be loaded (any one of them, where several have it).
One that stands directly under ``KSR`` has no dot in its name, and one of Kamailio's core names no module. A function
that is there twice takes different parameters.

Must not know where a list comes from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
VERSIONS = ("5.6", "6.0")
_LINE = re.compile(
    r"(?P<ret>\w+) (?:(?P<module>\w+)\.)?(?P<name>\w+)\((?P<parameters>[^)]*)\)(?:  (?P<files>\w+\.so(?: \w+\.so)*))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Parameter:
    """One parameter: ``str``, ``int`` or ``long``, and its name in Kamailio's sources."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Function:
    """One function of KEMI."""

    module: str
    """Its place under ``KSR``, for example ``tm``; empty for what stands directly there."""
    name: str
    parameters: tuple[Parameter, ...]
    ret: str
    """What it gives: ``none``, ``int``, ``bool``, ``str`` or ``xval``."""
    files: tuple[str, ...]
    """The modules of Kamailio that have it, for example ``tm.so``; empty for Kamailio's core."""

    @property
    def full_name(self) -> str:
        """As it is called, without ``KSR.``."""
        return f"{self.module}.{self.name}" if self.module else self.name

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of its parameters."""
        return tuple(parameter.kind for parameter in self.parameters)

    def __str__(self) -> str:
        parameters = ", ".join(f"{each.kind} {each.name}" for each in self.parameters)
        return f"{self.ret} {self.full_name}({parameters})" + "".join(
            f" {file}" for file in ("", *self.files) if self.files
        )


def read(version: str) -> list[Function]:
    """
    The functions of one of ``VERSIONS``, in the order of their names.

    Raises:
        ValueError: A line is no function.
    """
    return parse(list_of(version).read_text(encoding="ascii"))


def list_of(version: str) -> Path:
    """Where the list of one of ``VERSIONS`` is."""
    return HERE / f"kemi-{version}.txt"


def parse(text: str) -> list[Function]:
    """
    The functions that a list names; lines that begin with ``#`` are comments.

    Raises:
        ValueError: Another line is no function.
    """
    found = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if (match := _LINE.fullmatch(line)) is None:
            raise ValueError(f"expected a function of KEMI, got {line!r}")
        parameters = tuple(Parameter(*each.split(" ")) for each in match["parameters"].split(", ") if each)
        found.append(
            Function(
                match["module"] or "", match["name"], parameters, match["ret"], tuple((match["files"] or "").split())
            )
        )
    return sorted(found)
