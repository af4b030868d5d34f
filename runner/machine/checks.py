"""
Whether a machine has what runs need: for ``app-mono doctor``, and for a daemon that says it of itself.

Must not know who asks, nor change anything.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner import build, migrate
from runner.control.status import CheckStatus
from runner.errors import RunnerError
from runner.runtimes.known import Runtimes

from .confinement import measures

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from runner.runtimes.runtime import Runtime
    from runner.settings import Settings

KAMAILIO_CFGS = ("/etc/kamailio/kamailio.cfg", "/usr/local/etc/kamailio/kamailio.cfg")
ANSWER_S = 10.0


class Trouble(Exception):
    """What is wrong, and how to fix it."""


def check(title: str, what: Callable[[], str], *, is_needed: bool = True) -> CheckStatus:
    """
    Do one check.

    Args:
        title: Its name.
        what: Says what is there.
        is_needed: Whether runs need it.
    """
    try:
        return CheckStatus(check=title, verdict="ok", text=what())
    except (Trouble, RunnerError) as finding:
        return CheckStatus(check=title, verdict="bad" if is_needed else "none", text=str(finding))


def of_daemon(settings: Settings, in_use: Collection[str], workers: Collection[int]) -> Iterator[CheckStatus]:
    """
    What a daemon can find out of itself while it serves: it starts no worker.

    Args:
        settings: Its settings.
        in_use: The runtimes whose scripts it serves.
        workers: Processes of its workers, of which the first that lives is looked at.
    """
    yield check("app-mono", ourselves)
    yield check("settings", lambda: named(settings))
    for runtime in Runtimes(settings).all:
        yield check(runtime.name, partial(installed, runtime), is_needed=runtime.name in in_use)
    yield check("temporary", lambda: can_write(Path(tempfile.gettempdir()), "set TMPDIR"))
    yield from confinement(settings, workers)
    if kamailio_cfg_there() is not None:
        yield check("cfg", kamailio_cfg, is_needed=False)


def confinement(settings: Settings, workers: Collection[int]) -> list[CheckStatus]:
    """What confines the first of these workers that lives; nothing where none does."""
    for pid in workers:
        with contextlib.suppress(OSError):  # it has gone
            return [
                CheckStatus(check=title, verdict="ok" if is_in_force else "none", text=text)
                for title, text, is_in_force in measures(settings, pid)
            ]
    return []


def ourselves() -> str:
    """Which Python runs us, on what, and where we are."""
    return f"Python {platform.python_version()}, {platform.platform(terse=True)}, in {Path(build.__file__).parent}"


def named(settings: Settings) -> str:
    """Which settings are not at their defaults."""
    names = sorted(settings.model_fields_set)
    return f"set: {', '.join(names)}" if names else "all are at their defaults"


def installed(runtime: Runtime) -> str:
    """
    Where a runtime is, and which version of it.

    Raises:
        Trouble: It is missing.
    """
    if missing := runtime.missing():
        raise Trouble(f"needed for scripts that end in {', '.join(runtime.suffixes)}: {missing}")
    found = shutil.which(runtime.command[0])
    return f"{found}, runs scripts that end in {', '.join(runtime.suffixes)}"


def version(program: str, *options: str, missing: str) -> str:
    """
    Where a program is, and the first line that it says of itself.

    Args:
        program: Its name or path.
        options: What makes it say that.
        missing: What to say where there is none.

    Raises:
        Trouble: It is missing, or does not run.
    """
    path = shutil.which(program)
    if path is None:
        raise Trouble(missing)
    try:
        done = subprocess.run(
            [path, *options], capture_output=True, timeout=ANSWER_S, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Trouble(f"{path} does not run: {error}; install its package again") from error
    return f"{path}: {done.stdout.decode('utf-8', 'replace').partition(chr(10))[0]}"


def can_write(directory: Path, fix: str) -> str:
    """
    That a directory can be written; it is made where it is missing.

    Raises:
        Trouble: It cannot; ``fix`` is what to do.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return f"{directory} can be written"
    except OSError as error:
        raise Trouble(f"{directory} cannot be written ({error.strerror}): {fix} to one that can") from error


def kamailio_cfg_there() -> Path | None:
    """The configuration of Kamailio, where it is at one of its usual places and can be read."""
    return next((path for path in map(Path, KAMAILIO_CFGS) if os.access(path, os.R_OK)), None)


def kamailio_cfg() -> str:
    """
    That no data is in an unquoted path of mono_exec.

    Raises:
        Trouble: There is, or no configuration can be read.
    """
    found = kamailio_cfg_there()
    if found is None:
        raise Trouble(f"none of {', '.join(KAMAILIO_CFGS)} can be read here, so no call in one was checked")
    if risks := migrate.warnings(found):
        raise Trouble("; ".join(f"{risk.file}:{risk.line}: {risk.text}" for risk in risks))
    return f"{found}: no data in an unquoted path of mono_exec"
