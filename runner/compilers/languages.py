"""
The languages whose sources become assemblies, as data: who compiles them, how, and what they need to run.

Must not know where assemblies go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner import mcs

from . import package, worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.mcs import Compiler


@dataclass(frozen=True, slots=True)
class Way:
    """
    One way to compile a source.

    Attributes:
        options: More options.
        runtime: Assemblies of the package that the source is compiled with and that have to lie beside the result.
    """

    options: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()

    def libraries(self) -> list[Path]:
        """The paths of ``runtime``."""
        return [package.directory() / name for name in self.runtime]


@dataclass(frozen=True, slots=True)
class Language:
    """
    What the sources of one kind are compiled with.

    Attributes:
        name: As ``app-mono lang`` has it.
        title: As people have it, with the version.
        suffix: How the names of sources end.
        compiler: Who compiles them.
        options: What it is always given.
        search: The option that names a directory to look for references in; empty: its sources name their references
            themselves, and it is given none.
        using: The line with which a source names the classes of SR.dll without their namespace.
        no_main: In the diagnostic of a source without Main, which then becomes a library; empty: there is none.
        marked: How its sources are known, where the suffix does not say it.
        ways: What is tried, one after the other, until one compiles.
    """

    name: str
    title: str
    suffix: str
    compiler: Compiler
    options: tuple[str, ...] = ()
    search: str = ""
    using: str = ""
    no_main: str = ""
    ways: tuple[Way, ...] = (Way(),)
    marked: str = ""

    def arguments(self, source: Path, references: Sequence[str], options: Sequence[str]) -> list[str]:
        """What the compiler is given for a source, its output aside."""
        if not self.search:
            return [*self.options, *options, str(source)]
        named = (f"-r:{name}" for name in references)
        return [*self.options, f"{self.search}{source.parent}", *named, *options, str(source)]

    def version(self) -> str:
        """What identifies its compiler, as far as that changes by itself; mcs and ilasm are of mono's version."""
        return worker.version() if isinstance(self.compiler, worker.Resident) else ""


NO_MAIN = "error CS5001: "

CSHARP = Language("csharp", "C# 6", ".cs", mcs.MCS, ("-debug+",), "-lib:", "using SR;", NO_MAIN)
CSHARP8 = Language(
    "csharp8",
    "C# 8",
    ".cs",
    worker.Resident("csharp8"),
    (),
    "-lib:",
    "using SR;",
    NO_MAIN,
    marked="*.cs with // app-mono: -langversion:8",
)
VB = Language(
    "vb",
    "VB.NET 16",
    ".vb",
    worker.Resident("vb"),
    (),
    "-libpath:",
    "Imports SR",
    "error BC30420: ",
    (
        # The few parts of its runtime that most sources need become part of the assembly.
        Way(("-vbruntime*",)),
        # All of it, but My. Its late binding needs a type of System.Dynamic that mono has elsewhere: an error, not a
        # TypeLoadException while the script runs. Custom are the warnings of Option Strict; the others stay off.
        Way(
            (
                "-vbruntime-",
                '-define:_MYTYPE="Empty"',
                "-optionstrict:custom",
                "-warnaserror:42017",
                "-nowarn:42016,42018,42019,42020,42021,42022,42032,42036",
            ),
            ("Microsoft.VisualBasic.dll", "Microsoft.VisualBasic.Core.dll"),
        ),
    ),
)
FSHARP = Language(
    "fsharp",
    "F# 4.7",
    ".fs",
    worker.Resident("fsharp"),
    (),
    "-I:",
    "open SR",
    "error FS0988: ",
    (Way(runtime=("FSharp.Core.dll",)),),
)
CIL = Language("cil", "CIL", ".il", mcs.ILASM)

ALL = (CSHARP, CSHARP8, VB, FSHARP, CIL)
SUFFIXES = tuple(dict.fromkeys(language.suffix for language in ALL))
ON_DEMAND = tuple(language.name for language in ALL if isinstance(language.compiler, worker.Resident))
"""Those whose compilers are in the package."""

# mcs knows those before, and latest is its own latest.
NEWER_CSHARP = re.compile(r"-langversion:(?:7\.3|8(?:\.0)?)")


def of(source: Path, options: Sequence[str]) -> Language:
    """The language of a source, by its suffix, which is one of ``SUFFIXES``, and by the options that it asks for."""
    if any(NEWER_CSHARP.fullmatch(option) for option in options) and source.suffix.lower() == CSHARP8.suffix:
        return CSHARP8
    return next((language for language in ALL if language.suffix == source.suffix.lower()), CSHARP)
