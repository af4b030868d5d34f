"""
What the sources of ``KSR`` have in every language: one place a module of KEMI, one member a function.

Must not know languages, nor where the lists come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from .functions import Function

_EXIT = "x"  # the end of the script, which is written by hand


@dataclass(frozen=True, slots=True)
class Member:
    """One function, and in which versions it is."""

    function: Function
    remarks: str
    """Sentences for its comment."""

    @property
    def signature(self) -> str:
        """As KEMI has it, for example ``int KSR.tm.t_on_branch(str bname)``."""
        parameters = ", ".join(f"{each.kind} {each.name}" for each in self.function.parameters)
        return f"{self.function.ret} KSR.{self.function.full_name}({parameters})"


@dataclass(frozen=True, slots=True)
class Module:
    """What stands at one place under ``KSR``; of an empty name what stands directly there."""

    name: str
    members: tuple[Member, ...]

    @property
    def files(self) -> set[str]:
        """The modules of Kamailio that have them; none for Kamailio's core."""
        return {file for member in self.members for file in member.function.files}


def collected(lists: Mapping[str, Collection[Function]], *, is_refused: Callable[[str], bool]) -> list[Module]:
    """
    The functions of all lists by their modules, both in the order of their names; ``KSR.x`` is not among them.

    Args:
        lists: Functions by the version of Kamailio that has them. A function of several versions is there once.
        is_refused: Whether a function, by its full name, is refused unless the setting ``ksr_allow`` names it.
    """
    versions: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    found: dict[tuple[str, str, tuple[str, ...]], Function] = {}
    for version, functions in lists.items():
        for function in functions:
            key = (function.module, function.name, function.kinds)
            versions.setdefault(key, []).append(version)
            found[key] = function
    modules: dict[str, list[Member]] = {}
    for key, function in sorted(found.items()):
        if function.module == _EXIT:
            continue
        remarks = f"In Kamailio {' and '.join(versions[key])}."
        if is_refused(function.full_name):
            remarks += " Refused unless the setting ksr_allow names it."
        modules.setdefault(function.module, []).append(Member(function, remarks))
    return [Module(name, tuple(members)) for name, members in modules.items()]


def load(files: Collection[str], form: str) -> str:
    """What a configuration has to load for them, each written as ``form`` has it; empty for Kamailio's core."""
    return " or ".join(form.format(file) for file in sorted(files))
