"""
The Kamailio side of app_mono's successor, for app_python3: ``mono_exec`` and ``mono_run`` in worker processes.

In kamailio.cfg::

    loadmodule "app_python3.so"
    modparam("app_python3", "load", "/usr/share/app-mono/kamailio/app_mono.py")

    python_exec("mono_exec", "/etc/kamailio/mono/x.exe")            # Main()
    python_exec("mono_exec", "/etc/kamailio/mono/x.exe $rU")        # Main(args), args[0] is the user of the R-URI
    python_exec("mono_run", "$rU")                                  # the script that `load` names

Both give 1 (true) when Main returned 0, else -1 (false), and never raise. They give 0, which ends the routing script as
``exit`` does, only when the script called ``KSR.x.exit()`` or ``KSR.x.drop()``. A path with blanks stands in double
quotes. A script of your own imports this one: ``import app_mono``, then
``app_mono.mono_exec(msg, "/etc/kamailio/mono/x.exe", ksr.pv.get("$rU"))``.

The settings are the daemon's own file, /etc/app-mono/app-mono.toml or what APP_MONO_CONFIG names.

Standard library only: this runs in the Python that Kamailio embeds.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import KSR

TRUE, FALSE = 1, -1
# A function of a module that gives 0 ends the routing script (core/action.c, MODF_HANDLE_RETCODE).
END_OF_ROUTING = 0
CONFIG = "/etc/app-mono/app-mono.toml"
DEFAULTS = {
    "load": "",
    "socket": "/run/app-mono/control.sock",
    "exec_timeout_s": 0.4,
    "on_error": False,
    "on_timeout": False,
    "on_busy": False,
    "scripts": {},
    "ksr_allow": [],
    "kemi_on_error": "500 Server Internal Error",
    "kemi_pinned": False,
    "slow_exec_s": 0.0,
    "exec_log": "",
    "exec_log_share": 1.0,
}
BUSY_LOG_S = 10.0  # between two lines that say that there was no free worker
MODULE_TAKES_S = 0.01  # what Kamailio and this module need beside the exec


def _import_own_package() -> None:
    """
    Import the package ``runner`` that belongs to this file, of a checkout or an installed wheel.

    Raises:
        ImportError: There is none, or another module of that name was imported before.
    """
    here = Path(__file__).resolve()
    places = list(here.parents)
    for prefix in here.parents[3:4]:  # of PREFIX/share/app-mono/kamailio/app_mono.py, which names no Python
        packages = prefix.glob("lib/python3*/*-packages")
        places += sorted(packages, key=lambda found: (len(found.parent.name), found.parent.name), reverse=True)
    places += map(Path, sys.path)  # for a copy of this file that lies elsewhere
    own = next((place for place in places if (place / "runner" / "client" / "lease.py").is_file()), None)
    if own is None:
        raise ImportError(
            f"{here}: the package runner is neither above this file, nor in {here.parent}/../../../lib/python3*, "
            "nor on the path of Kamailio's Python"
        )
    # First on the path, so that no other module of that name is found; and for this import alone, so that nothing else
    # that lies there takes the place of a module of the standard library.
    sys.path.insert(0, str(own))
    try:
        import runner  # noqa: PLC0415 - as above
    finally:
        sys.path.remove(str(own))
    found = runner.__file__ or str(next(iter(runner.__path__), "?"))
    if Path(found).resolve() != (own / "runner" / "__init__.py").resolve():
        raise ImportError(
            f"app_mono needs its own package runner, {own}/runner, but Kamailio's Python has already imported another "
            f"module of that name, {found}: give that one another name, or do not import it in Kamailio"
        )


_is_loaded = "runner" in sys.modules  # by this file, before a reload: Python keeps the modules that it has
_import_own_package()

try:
    from runner.client.lease import Lease
    from runner.client.within import Wanted
    from runner.control.outcomes import IN_C, NO_DAEMON
    from runner.errors import ConfigError, ExecTimeout, PoolExhausted, RunnerError, ScriptError
    from runner.hosts.kamailio.bounds import SMALL
    from runner.hosts.kamailio.c_locale import CLocale
    from runner.hosts.kamailio.host import KamailioHost
    from runner.hosts.kamailio.variables import harmless
    from runner.hosts.recorded import Recorded
    from runner.lane import choice
    from runner.printable import RecordFormatter
    from runner.reviewed import fault_of
    from runner.worker.outcome import ExecOutcome
except ImportError as error:
    if not _is_loaded:
        raise
    raise ImportError(
        "app_mono was upgraded, and this process has its modules from before: restart Kamailio"
    ) from error


class Begun(NamedTuple):
    """An exec that the lane in C has begun: when, what it has done so far, and ``heard`` as ``Lease.go_on`` has it."""

    began: float
    outcome: ExecOutcome
    heard: bytes | BaseException


class _KamailioLog(logging.Handler):
    """What the runner logs, in Kamailio's log."""

    LEVELS = ((logging.ERROR, "err"), (logging.WARNING, "warn"), (logging.INFO, "info"), (0, "dbg"))

    def emit(self, record: logging.LogRecord) -> None:
        level = next(name for least, name in self.LEVELS if record.levelno >= least)
        KSR.log(level, f"app_mono: {self.format(record)}\n")


def _settings() -> dict[str, Any]:
    """The few settings of the daemon's file that count here; one that is wrong is logged and takes its default."""
    path = os.environ.get("APP_MONO_CONFIG") or CONFIG
    values = dict(DEFAULTS)
    try:
        read = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        log.warning("%s: there is no such file; the defaults apply", path)
        return values
    except (OSError, ValueError) as error:
        log.error("%s: expected a TOML file, the defaults apply: %s", path, error)  # noqa: TRY400  # the reason is all there is
        return values
    for name, default in DEFAULTS.items():
        value = read.get(name, default)
        kind = float if isinstance(default, float) else type(default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            log.error("%s: %s: expected %s, got %r; %r applies", path, name, kind.__name__, value, default)
            value = default
        values[name] = value
    return values


def _allowed(entries: list[Any]) -> frozenset[str]:
    """What the setting ``ksr_allow`` allows; an entry that is wrong is logged and allows nothing."""
    faults = {str(entry): fault_of(str(entry)) for entry in entries}
    for fault in filter(None, faults.values()):
        log.error("ksr_allow: %s", fault)
    return frozenset(entry for entry, fault in faults.items() if fault is None)


def _meaning(path: str | None, error: RunnerError) -> bool:
    """What a failure means to the routing script: true or false, as the settings say for this script."""
    name = (
        "on_timeout"
        if isinstance(error, ExecTimeout)
        else "on_busy"
        if isinstance(error, PoolExhausted)
        else "on_error"
    )
    own = settings["scripts"].get(path or settings["load"], {})
    return own.get(name, settings[name]) if isinstance(own, dict) else settings[name]


def attempt(
    host: KamailioHost, path: str | None, param: str | None, entry: str | None = None, begun: Begun | None = None
) -> Any:
    """
    Run one script, or one entry of it; never raises.

    Args:
        host: Owns the message.
        path: The script; None for that of ``mono_run``.
        param: The one argument of Main or of the entry; None for none.
        entry: The method; None is Main.
        begun: What the lane in C has begun and not done; None for nothing.

    Returns:
        The ``ExecOutcome``, or the exception of what failed, which is in the log.
    """
    began = time.monotonic() if begun is None else begun.began
    asked: Any = Recorded(host) if settings["slow_exec_s"] else host
    try:
        with CLocale():
            result: Any = (
                _lease.exec(path, param, asked, began + _timeout_s, entry)
                if begun is None
                else _lease.go_on(Wanted(path, param, asked, began + _timeout_s, entry), begun.outcome, begun.heard)
            )
    except RunnerError as error:
        if not isinstance(error, PoolExhausted) or _is_busy_news(error):
            log.error("%s", error.full() if isinstance(error, ScriptError) else error)  # noqa: TRY400  # no traceback
        result = error
    except Exception as error:  # nothing may escape into Kamailio
        log.exception("internal error, please report it")
        result = error
    try:
        _lease.note(path, result, began, asked)
    except Exception:  # what cannot be counted has run all the same
        log.exception("internal error, please report it")
    return result


def running_entries() -> frozenset[str] | None:
    """The names of the entries of the build that runs in this process now; None where none does."""
    return _lease.within.entries


def _is_busy_news(error: PoolExhausted) -> bool:
    """Whether it is time to log it again: not for each call, and an outage was logged when it began."""
    now = time.monotonic()
    if str(error).startswith(NO_DAEMON) or now < _busy["next"]:
        return False
    _busy["next"] = now + BUSY_LOG_S
    return True


def _execute(msg: Any, path: str | None, param: str | None) -> int:
    """Run one script and give the value for Kamailio; never raises."""
    return _value(path, attempt(KamailioHost(msg, KSR, ksr_allow), path, param))


def _execute_line(msg: Any, arguments: str = "") -> int:
    """As ``_execute``, of ``PATH[ PARAM]``."""
    try:
        path, param = split(arguments)
    except ConfigError as error:
        log.error("%s", error)  # noqa: TRY400  # the reason is all there is
        return FALSE
    return _execute(msg, path, param)


def _execute_own(msg: Any, param: str | None = None) -> int:
    """As ``_execute``, of the script that the setting ``load`` names."""
    return _execute(msg, None, param)


def _go_on(host: KamailioHost, path: str | None, param: str | None, *begun: Any) -> int:
    """As ``_execute``, for what the lane in C has begun and not done; ``begun`` is a ``Begun``."""
    return _value(path, attempt(host, path, param, None, Begun(*begun)))


def _value(path: str | None, outcome: Any) -> int:
    """What an ``ExecOutcome``, or an exception, is for Kamailio."""
    if isinstance(outcome, RunnerError):
        return TRUE if _meaning(path, outcome) else FALSE
    if isinstance(outcome, Exception):
        return FALSE
    if outcome.is_missing:
        log.error("%s has no Main, which is what mono_exec and mono_run run", path or settings["load"])
        return TRUE if _meaning(path, RunnerError()) else FALSE
    return END_OF_ROUTING if outcome.has_ended_routing else TRUE if outcome.code == 0 else FALSE


def mono_exec(msg: Any, path: str, param: str | None = None) -> int:
    """
    Run the script at ``path``; for a routing script in Python.

    Args:
        msg: The message, as Kamailio gives it to the routing script.
        path: The assembly.
        param: Main's one argument; None for none.

    Returns:
        1 when Main returned 0, else -1; 0 when it ended the routing, and the caller should.
    """
    return _execute(msg, path, param)


def mono_run(msg: Any, param: str | None = None) -> int:
    """Run the script that the setting ``load`` names; as ``mono_exec``."""
    return _execute(msg, None, param)


def split(text: str) -> tuple[str, str | None]:
    """
    Path and parameter of ``PATH[ PARAM]``: the first blank that is not in double quotes separates.

    In quotes a backslash makes the next character itself. No blank: no parameter; nothing after it: an empty one.

    Raises:
        ConfigError: There is no path, or its quote is not closed.
    """
    if not text.startswith('"'):
        path, blank, param = text.partition(" ")
        if not path:
            raise ConfigError('mono_exec needs a path: python_exec("mono_exec", "/path/x.exe")')
        return path, param if blank else None
    path, at = [], 1
    while at < len(text):
        character = text[at]
        if character == '"':
            rest = text[at + 1 :]
            if rest and not rest.startswith(" "):
                raise ConfigError(f"mono_exec: expected a blank after the closing quote of the path, got {rest[:20]!r}")
            return "".join(path), rest[1:] if rest else None
        if character == "\\" and at + 1 < len(text):
            at += 1
            character = text[at]
        path.append(character)
        at += 1
    raise ConfigError(f"mono_exec: a quote is not closed in {text[:80]!r}")


class Methods:
    """
    What ``python_exec`` calls. Where the lane in C is, its own functions are called instead of these.

    A class that inherits this one and has its own ``mono_exec`` or ``mono_run`` keeps that.
    """

    def __init__(self) -> None:
        if choice.Exported is None or type(_lease) is not Lease:
            return
        exported = choice.Exported(
            _lease,
            _timeout_s,
            outcome=ExecOutcome,
            host=(KamailioHost, KSR, ksr_allow, harmless, SMALL),
            counting=IN_C,
            otherwise=(_execute_line, _execute_own, _go_on),
        )
        for name in ("mono_exec", "mono_run"):
            if getattr(type(self), name) is getattr(Methods, name):
                setattr(self, name, getattr(exported, name))

    def child_init(self, _rank: int) -> int:
        """Nothing: a process connects at its first exec, and most never have one."""
        return 0

    def mono_exec(self, msg: Any, arguments: str = "") -> int:
        """``python_exec("mono_exec", "PATH[ PARAM]")``."""
        return _execute_line(msg, arguments)

    def mono_run(self, msg: Any, param: str | None = None) -> int:
        """``python_exec("mono_run"[, "PARAM"])``."""
        return _execute_own(msg, param)


def mod_init() -> Methods:
    """What app_python3 calls after loading and after every ``app_python.reload``."""
    return Methods()


log = logging.getLogger("runner")
log.setLevel(logging.INFO)
log.propagate = False
log.handlers = [_KamailioLog()]
log.handlers[0].setFormatter(RecordFormatter())

if choice.FAULT:
    log.error("%s; the lane in Python runs", choice.FAULT)

# A reload runs this file again, and not the modules that it imports: the lease before is given back by their memory of
# it, and the next exec takes a new one.
settings = _settings()
ksr_allow = _allowed(settings["ksr_allow"])
_busy = {"next": 0.0}  # when the next line may say so
_timeout_s = settings["exec_timeout_s"] - MODULE_TAKES_S
_lease = Lease.of_process(settings["socket"])
_lease.tally.watch(settings["slow_exec_s"], settings["exec_log_share"] if settings["exec_log"] else 0.0)
