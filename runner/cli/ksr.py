"""``app-mono ksr``: the functions of Kamailio under ``KSR``, as a list, and as a KSR.dll to compile scripts with."""

from __future__ import annotations

import fnmatch
import json as json_
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from runner.ksr import functions
from runner.reviewed import refusal

from . import show
from .ending import guarded
from .outcome import FALSE, TRUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.ksr.functions import Function

_NAMED = 10
CORE = "core"

app = typer.Typer(help="The functions of Kamailio under KSR, and a KSR.dll to compile scripts with.")


@app.callback(invoke_without_command=True)
def common(
    context: typer.Context,
    *,
    from_kamailio: Annotated[
        bool, typer.Option("--from-kamailio", help="Only what the running Kamailio has, asked with kamcmd.")
    ] = False,
    rpc: Annotated[
        str | None,
        typer.Option("--rpc", metavar="ADDRESS", help="Where its module ctl listens.", show_default="as kamcmd"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Where it goes.", show_default=".")
    ] = None,
) -> None:
    """Write a KSR.dll to compile scripts with, and KSR.xml, from which editors complete; or list the functions."""
    if context.invoked_subcommand is None:
        guarded(lambda: write(output or Path(), from_kamailio=from_kamailio, rpc=rpc))
    if from_kamailio or rpc is not None or output is not None:
        raise typer.BadParameter("--from-kamailio, --rpc and --output are for the KSR.dll: leave out the command")


@app.command("list", epilog="Exit status: 0, or 1 when nothing matches.")
def list_(
    containing: Annotated[
        str,
        typer.Argument(
            metavar="[FILTER]", help="Part of the name, as t_relay; or a pattern for all of it, as 'tm.t_on_*'."
        ),
    ] = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="One array of objects, for programs.")] = False,
) -> None:
    """List the functions: signature, module, since which Kamailio, and whether exec without Kamailio has them."""
    guarded(lambda: list_all(containing, as_json=json))


def list_all(containing: str, *, as_json: bool) -> int:
    """A row for each function whose full name matches; 1 when there are none."""
    rows = list(described(containing))
    if as_json:
        show.line(json_.dumps(rows))
        return TRUE if rows else FALSE
    if not rows:
        show.note(f"no function of KSR has {containing!r} in its name")
        return FALSE
    table = Table(box=None, pad_edge=False)
    for title in ("function", "module", "Kamailio", "without Kamailio", "refused"):
        table.add_column(title)
    for row in rows:
        here = "yes" if row["is_embedded"] else "no: --answer"
        cells = row["signature"], row["module"], row["versions"], here, "yes" if row["refused"] else ""
        table.add_row(*show.cells(*cells))
    show.table(table)
    return TRUE


def described(containing: str = "") -> Iterator[dict[str, Any]]:
    """
    What is known of each function whose full name matches, in the order of their names.

    Args:
        containing: Part of the name; or a pattern for the whole name, where it has one of ``*?[``.

    Yields:
        ``function``, ``module`` (the files that have it, or "core"), ``signature``, ``versions`` ("5.6, 6.0"),
        ``is_embedded`` (the embedded host answers it) and ``refused`` (why scripts may not call it, or None).
    """
    from runner.hosts.embedded.ksr import FUNCTIONS  # noqa: PLC0415 - other commands need none of it, and stay quick

    found: dict[tuple[str, tuple[str, ...]], Function] = {}  # parameters have other names in other versions
    versions: defaultdict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for version in functions.VERSIONS:
        for function in functions.read(version):
            key = function.full_name, function.kinds
            found[key] = function
            versions[key].append(version)
    is_wanted = _filter(containing.removeprefix("KSR."))
    for key, function in sorted(found.items()):
        if not is_wanted(function.full_name):
            continue
        parameters = ", ".join(f"{each.kind} {each.name}" for each in function.parameters)
        yield {
            "function": function.full_name,
            "module": ", ".join(function.files) or CORE,
            "signature": f"{function.ret} {function.full_name}({parameters})",
            "versions": ", ".join(versions[key]),
            "is_embedded": function.full_name in FUNCTIONS,
            "refused": refusal(function.full_name),
        }


def _filter(containing: str) -> Callable[[str], bool]:
    if not set("*?[") & set(containing):
        return lambda name: containing.lower() in name.lower()
    pattern = re.compile(fnmatch.translate(containing), re.IGNORECASE)
    return lambda name: pattern.match(name) is not None


def write(directory: Path, *, from_kamailio: bool, rpc: str | None) -> int:
    """
    Write KSR.dll and KSR.xml into the directory, and say what they have.

    Raises:
        ConfigError: The running Kamailio cannot be asked.
        BuildError: They cannot be compiled or written.
    """
    from runner import build  # noqa: PLC0415 - as above
    from runner.ksr import running  # noqa: PLC0415 - as above

    lists = {version: functions.read(version) for version in functions.VERSIONS}
    unknown: list[Function] = []
    if from_kamailio:
        found = running.functions_of(rpc)
        all_known = {each for known in lists.values() for each in known}
        lists = {version: running.described(found, known)[0] for version, known in lists.items()}
        unknown = running.described(found, all_known)[1]
    library = build.ksr_of(lists, directory)
    names = {each.full_name for known in lists.values() for each in known}
    show.line(f"{library}: {len(names)} functions; mcs -r:{build.ensure_bridge().sr_dll} -r:{library} SCRIPT.cs")
    if unknown:
        named = ", ".join(each.full_name for each in unknown[:_NAMED])
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        show.line(f"left out, because this app-mono does not know them: {named}{more}")
    return TRUE
