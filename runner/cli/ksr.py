"""``app-mono ksr``: a KSR.dll to compile scripts with, of every function or of those that one server has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import build
from runner.ksr import functions, running

from . import show
from .outcome import TRUE

if TYPE_CHECKING:
    from pathlib import Path

_NAMED = 10


def write(directory: Path, *, from_kamailio: bool, rpc: str | None) -> int:
    """
    Write KSR.dll and KSR.xml into the directory, and say what they have.

    Raises:
        ConfigError: The running Kamailio cannot be asked.
        BuildError: They cannot be compiled or written.
    """
    lists = {version: functions.read(version) for version in functions.VERSIONS}
    unknown: list[functions.Function] = []
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
