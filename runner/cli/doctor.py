"""
``app-mono doctor``: checks everything that a run needs, and says how to fix what is wrong.

Must not change anything but the caches that every run uses.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from runner import build, mcs
from runner.control.messages import StatusRequest
from runner.control.status import Status
from runner.errors import RunnerError
from runner.hosts.embedded.host import MessageHost
from runner.machine.checks import (
    ANSWER_S,
    Trouble,
    can_write,
    check,
    confinement,
    kamailio_cfg,
    named,
    ourselves,
    version,
)
from runner.runner import Runner
from runner.runtimes.known import Runtimes
from runner.settings import Settings

from . import admin, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.control.status import CheckStatus
    from runner.runtimes.runtime import Runtime

IDENTITY = "SR, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null"
KAMAILIO_MODULES = ("/usr/lib/*/kamailio/modules", "/usr/lib/kamailio/modules", "/usr/local/lib*/kamailio/modules")

SCRIPT = b"""
class Doctor
{
    static void Main()
    {
        SR.Core.Log(1, typeof(SR.Core).Assembly.FullName);
    }
}
"""
MESSAGE = b"OPTIONS sip:doctor@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKdoctor\r\n\r\n"


def examine(config: str | None, *, as_json: bool = False) -> bool:
    """
    Print one line for each check, or with ``as_json`` one object. Returns whether everything needed is fine.

    Kamailio is not needed, nor is any measure that confines workers.
    """
    settings: list[Settings] = []
    walls: list[CheckStatus] = []
    checks: list[tuple[str, Callable[[], str]]] = [
        ("app-mono", ourselves),
        ("settings", lambda: _settings(config, settings)),
        ("mono", lambda: _tool(settings[0].mono if settings else "mono", "mono")),
        ("mcs", lambda: _tool("mcs", "mcs")),
        ("cache", lambda: can_write(platformdirs.user_cache_path("app-mono"), "set XDG_CACHE_HOME")),
        ("temporary", lambda: can_write(Path(tempfile.gettempdir()), "set TMPDIR")),
        ("SR.dll", lambda: _compiled(settings)),
        ("worker", lambda: _worker(settings, walls)),
    ]
    found: list[CheckStatus] = []

    def tell(one: CheckStatus) -> None:
        found.append(one)
        if not as_json:
            show.checked(one.check, one.text, one.verdict)

    for title, what in checks:
        tell(check(title, what))
    is_fine = all(one.verdict == "ok" for one in found)
    for runtime in Runtimes(settings[0] if settings else Settings()).all[1:]:
        tell(check(runtime.name, partial(_runtime, runtime, settings), is_needed=False))
    for measure in walls:
        tell(measure)
    tell(check("kamailio", _kamailio, is_needed=False))
    tell(check("cfg", kamailio_cfg, is_needed=False))
    tell(check("daemon", lambda: _daemon(config), is_needed=False))
    if as_json:
        show.line(json.dumps({"ok": is_fine, "checks": [one.as_json() for one in found]}))
    return is_fine


def _settings(config: str | None, found: list[Settings]) -> str:
    found.append(Settings.from_file(config) if config else Settings())
    return named(found[0])


def _tool(program: str, package: str) -> str:
    return version(program, "--version", missing=mcs.missing(package))


def _compiled(settings: list[Settings]) -> str:
    bridge = build.ensure_bridge(mono=settings[0].mono if settings else "mono")
    return f"{bridge.sr_dll}, {bridge.ksr_dll.name} and {bridge.bridge_exe.name} are up to date"


def _worker(settings: list[Settings], walls: list[CheckStatus]) -> str:
    """Compile a script and run it in a worker; it says which SR.dll it got. Look at what confines the worker."""
    if not settings:
        raise Trouble("not tried: fix the settings first")
    host = MessageHost(MESSAGE)
    with tempfile.TemporaryDirectory() as directory, Runner(_alone(settings[0])) as runner:
        source = Path(directory) / "Doctor.cs"
        source.write_bytes(SCRIPT)
        walls += confinement(settings[0], runner.snapshot().pids)
        result = runner.mono_exec(str(build.compile_script(source, mono=settings[0].mono)), host=host)
    if result.error is not None:
        raise Trouble(f"a script could not be run: {result.error}; --verbose shows more")
    identity = "".join(text for _, text in host.logs)
    if identity != IDENTITY:
        raise Trouble(f"expected SR.dll to be {IDENTITY}, but it is {identity}: `make clean build`")
    return f"ran a script; it sees {identity}"


def _alone(settings: Settings) -> Settings:
    """The settings for one worker that a check starts."""
    values = settings.model_dump() | {"load": None, "exec_timeout_s": ANSWER_S, "num_workers": 1}
    values |= {"spare_workers": 0, "allocate_timeout_s": ANSWER_S, "observer": "none", "script_dirs": None}
    return Settings(**values)


def _runtime(runtime: Runtime, settings: list[Settings]) -> str:
    """Start a worker of it."""
    suffixes = ", ".join(runtime.suffixes)
    if missing := runtime.missing():
        raise Trouble(f"not needed unless scripts end in {suffixes}: {missing}")
    with Runner(_alone(settings[0] if settings else Settings()), [runtime.name]) as runner:
        began = runner.snapshot().workers[0]
    return f"{shutil.which(runtime.command[0])}: {began.version}, runs scripts that end in {suffixes}"


def _kamailio() -> str:
    path = shutil.which("kamailio", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if path is None:
        raise Trouble("not installed, and not needed to run scripts; `make test` installs it to test with")
    said = version(path, "-v", missing="")
    modules = [place for pattern in KAMAILIO_MODULES for place in Path("/").glob(pattern[1:])]
    if not any((place / "app_python3.so").is_file() for place in modules):
        raise Trouble(f"{said}; its app_python3 is missing: apt-get install kamailio-python3-modules")
    return f"{said}, with app_python3"


def _daemon(config: str | None) -> str:
    """Whether a running daemon has a worker for each process of Kamailio that runs scripts."""
    path = admin.socket_path(config, None)
    try:
        now = admin.request(path, StatusRequest, Status)
    except RunnerError as error:
        is_roots = config is not None and os.geteuid() == 0 and not Settings.from_file(config).worker_user
        hint = "; started by root it needs worker_user" if is_roots else ""
        raise Trouble(f"not needed to run scripts from the command line: {error}{hint}") from error
    if now.advice:
        raise Trouble(now.advice)
    return f"{path}: {now.users} processes run scripts, max_workers {now.max_workers}"
