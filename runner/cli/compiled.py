"""``app-mono build``: the bridge, SR.dll and KSR.dll, or scripts beside their sources."""

from __future__ import annotations

import os
from pathlib import Path

from runner import build as compiler
from runner.errors import BuildError, RunnerError, ScriptNotFound
from runner.lane import building
from runner.runner import Runner
from runner.runtimes.known import Runtimes
from runner.settings import Settings

from . import show
from .job import endings

DONE, FAILED = 0, 2


def build(scripts: list[Path]) -> int:
    """Compile SR.dll, KSR.dll, the bridge and the lane in C, or each of the sources; 2 where one failed."""
    if not scripts:
        was_current = compiler.is_up_to_date()
        bridge = compiler.ensure_bridge()
        word = "up to date" if was_current else "compiled"
        show.line(f"{_near(bridge.sr_dll)}, {bridge.ksr_dll.name} and {bridge.bridge_exe.name} {word}")
        if reason := building.ensure():
            show.note(f"the lane in C is left out, and the one in Python runs: {reason}")
    code = DONE
    for script in scripts:
        try:
            if script.suffix.lower() not in compiler.SOURCES:
                _check(script)
                continue
            compiled = compiler.publish(compiler.compile_script(script), script.parent)
            show.line(f"{_near(compiled)} compiled")
        except RunnerError as error:
            show.error(error)
            code = FAILED
    return code


def _check(script: Path) -> None:
    """Loads a script that runs as it is, so that an error in it shows."""
    if not script.name.lower().endswith(Runtimes(Settings()).suffixes):
        raise BuildError(f"{script}: expected a script, a name that ends in one of {endings(Settings())}")
    if not script.is_file():
        raise ScriptNotFound(f"{script}: there is no such file")
    with Runner(Settings(load=script.absolute(), script_dirs=None, max_workers=1, spare_workers=0, observer="none")):
        show.line(f"{_near(script)} loads, and runs as it is: there is nothing to build")


def _near(path: Path) -> str:
    """The path as short as it can be said from here."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
