"""
``app-mono doctor``: checks everything that a run needs, and says how to fix what is wrong.

Must not change anything but the caches that every run uses.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from runner import build, mcs, migrate
from runner.control.messages import StatusRequest
from runner.control.status import Status
from runner.errors import RunnerError
from runner.hosts.embedded.host import MessageHost
from runner.lane import choice
from runner.runner import Runner
from runner.runtimes.known import Runtimes
from runner.settings import Settings

from . import admin, show
from .confinement import measures

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.runtimes.runtime import Runtime

    from .confinement import Measure
    from .show import Verdict

    Tell = Callable[[str, str, Verdict], None]

IDENTITY = "SR, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null"
KAMAILIO_CFGS = ("/etc/kamailio/kamailio.cfg", "/usr/local/etc/kamailio/kamailio.cfg")
KAMAILIO_MODULES = ("/usr/lib/*/kamailio/modules", "/usr/lib/kamailio/modules", "/usr/local/lib*/kamailio/modules")
ANSWER_S = 10.0

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


class _Trouble(Exception):
    """What is wrong, and how to fix it."""


def examine(config: str | None, *, as_json: bool = False) -> bool:
    """
    Print one line for each check, or with ``as_json`` one object. Returns whether everything needed is fine.

    Kamailio is not needed, nor is any measure that confines workers.
    """
    settings: list[Settings] = []
    found: list[Measure] = []
    noted: list[dict[str, str]] = []
    tell = _noting(noted) if as_json else show.checked
    checks: list[tuple[str, Callable[[], str]]] = [
        ("app-mono", _ourselves),
        ("settings", lambda: _settings(config, settings)),
        ("mono", lambda: _tool(settings[0].mono if settings else "mono", "mono")),
        ("mcs", lambda: _tool("mcs", "mcs")),
        ("cache", lambda: _can_write(platformdirs.user_cache_path("app-mono"), "set XDG_CACHE_HOME")),
        ("temporary", lambda: _can_write(Path(tempfile.gettempdir()), "set TMPDIR")),
        ("SR.dll", lambda: _compiled(settings)),
        ("worker", lambda: _worker(settings, found)),
    ]
    verdicts = [_check(tell, title, check) for title, check in checks]
    verdicts.append(_lane_is_fine(tell))
    for runtime in Runtimes(settings[0] if settings else Settings()).all[1:]:
        _check(tell, runtime.name, partial(_runtime, runtime, settings), is_needed=False)
    for measure in found:
        tell(measure.title, measure.text, "ok" if measure.is_in_force else "none")
    _check(tell, "kamailio", _kamailio, is_needed=False)
    _check(tell, "cfg", _kamailio_cfg, is_needed=False)
    _check(tell, "daemon", lambda: _daemon(config), is_needed=False)
    if as_json:
        show.line(json.dumps({"ok": all(verdicts), "checks": noted}))
    return all(verdicts)


def _noting(noted: list[dict[str, str]]) -> Tell:
    return lambda title, text, verdict: noted.append({"check": title, "verdict": verdict, "text": text})


def _check(tell: Tell, title: str, check: Callable[[], str], *, is_needed: bool = True) -> bool:
    try:
        tell(title, check(), "ok")
    except (_Trouble, RunnerError) as finding:
        tell(title, str(finding), "bad" if is_needed else "none")
        return False
    return True


def _ourselves() -> str:
    return f"Python {platform.python_version()}, {platform.platform(terse=True)}, in {Path(build.__file__).parent}"


def _lane_is_fine(tell: Tell) -> bool:
    """Either lane is, but not a wish in the environment that cannot be met."""
    return _check(tell, "lane", _lane, is_needed=bool(choice.FAULT)) or not choice.FAULT


def _lane() -> str:
    """Which lane runs an exec, and how to get the other one."""
    if choice.FAULT:
        raise _Trouble(choice.FAULT)
    if choice.WHY:
        fix = "`make build` compiles the one in C where gcc and python3-dev are"
        raise _Trouble(f"in Python, which is slower: {choice.WHY}; {fix}")
    return f"in C; with {choice.VARIABLE}=python in the environment the one in Python runs"


def _settings(config: str | None, found: list[Settings]) -> str:
    found.append(Settings.from_file(config) if config else Settings())
    names = sorted(found[0].model_fields_set)
    return f"set: {', '.join(names)}" if names else "all are at their defaults"


def _tool(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise _Trouble(mcs.missing(package))
    return f"{path}: {_first_line([path, '--version'])}"


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=ANSWER_S, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        raise _Trouble(f"{command[0]} does not run: {error}; install its package again") from error
    return done.stdout.decode("utf-8", "replace").partition("\n")[0]


def _can_write(directory: Path, fix: str) -> str:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return f"{directory} can be written"
    except OSError as error:
        raise _Trouble(f"{directory} cannot be written ({error.strerror}): {fix} to one that can") from error


def _compiled(settings: list[Settings]) -> str:
    bridge = build.ensure_bridge(mono=settings[0].mono if settings else "mono")
    return f"{bridge.sr_dll}, {bridge.ksr_dll.name} and {bridge.bridge_exe.name} are up to date"


def _worker(settings: list[Settings], found: list[Measure]) -> str:
    """Compile a script and run it in a worker; it says which SR.dll it got. Look at what confines the worker."""
    if not settings:
        raise _Trouble("not tried: fix the settings first")
    host = MessageHost(MESSAGE)
    with tempfile.TemporaryDirectory() as directory, Runner(_alone(settings[0])) as runner:
        source = Path(directory) / "Doctor.cs"
        source.write_bytes(SCRIPT)
        with contextlib.suppress(OSError, IndexError):  # it has gone: the run will say why
            found += measures(settings[0], runner.snapshot().pids[0])
        result = runner.mono_exec(str(build.compile_script(source, mono=settings[0].mono)), host=host)
    if result.error is not None:
        raise _Trouble(f"a script could not be run: {result.error}; --verbose shows more")
    identity = "".join(text for _, text in host.logs)
    if identity != IDENTITY:
        raise _Trouble(f"expected SR.dll to be {IDENTITY}, but it is {identity}: `make clean build`")
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
        raise _Trouble(f"not needed unless scripts end in {suffixes}: {missing}")
    with Runner(_alone(settings[0] if settings else Settings()), [runtime.name]) as runner:
        began = runner.snapshot().workers[0]
    return f"{shutil.which(runtime.command[0])}: {began.version}, runs scripts that end in {suffixes}"


def _kamailio_cfg() -> str:
    found = next((path for path in map(Path, KAMAILIO_CFGS) if os.access(path, os.R_OK)), None)
    if found is None:
        raise _Trouble(f"none of {', '.join(KAMAILIO_CFGS)} can be read here, so no call in one was checked")
    if risks := migrate.warnings(found):
        raise _Trouble("; ".join(f"{risk.file}:{risk.line}: {risk.text}" for risk in risks))
    return f"{found}: no data in an unquoted path of mono_exec"


def _kamailio() -> str:
    path = shutil.which("kamailio", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if path is None:
        raise _Trouble("not installed, and not needed to run scripts; `make test` installs it to test with")
    version = _first_line([path, "-v"])
    modules = [place for pattern in KAMAILIO_MODULES for place in Path("/").glob(pattern[1:])]
    if not any((place / "app_python3.so").is_file() for place in modules):
        raise _Trouble(f"{version}; its app_python3 is missing: apt-get install kamailio-python3-modules")
    return f"{path}: {version}, with app_python3"


def _daemon(config: str | None) -> str:
    """Whether a running daemon has a worker for each process of Kamailio that runs scripts."""
    path = admin.socket_path(config, None)
    try:
        now = admin.request(path, StatusRequest, Status)
    except RunnerError as error:
        is_roots = config is not None and os.geteuid() == 0 and not Settings.from_file(config).worker_user
        hint = "; started by root it needs worker_user" if is_roots else ""
        raise _Trouble(f"not needed to run scripts from the command line: {error}{hint}") from error
    if now.advice:
        raise _Trouble(now.advice)
    return f"{path}: {now.users} processes run scripts, max_workers {now.max_workers}"
