"""Runs C#/.NET assemblies for the Kamailio SIP server in warm mono workers.

Only names others may use; each is imported when it is first asked for, so that a Kamailio child, which needs the wire
alone, never meets what is not in the standard library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .build import compile_script
    from .calls import Host
    from .errors import (
        BuildError,
        CallRefused,
        CompilerLost,
        ConfigError,
        EntryMissing,
        ExecTimeout,
        HostFault,
        PoolExhausted,
        ProtocolViolation,
        RunnerError,
        ScriptError,
        ScriptInvalid,
        ScriptIsDirectory,
        ScriptNotFound,
        ScriptRefused,
        WorkerDied,
        WorkerError,
        WorkerFailedToStart,
        WorkerGone,
    )
    from .hosts.embedded.host import MessageHost
    from .printable import RecordFormatter
    from .runner import ExecResult, Runner
    from .settings import Settings

__all__ = [
    "BuildError",
    "CallRefused",
    "CompilerLost",
    "ConfigError",
    "EntryMissing",
    "ExecResult",
    "ExecTimeout",
    "Host",
    "HostFault",
    "MessageHost",
    "PoolExhausted",
    "ProtocolViolation",
    "RecordFormatter",
    "Runner",
    "RunnerError",
    "ScriptError",
    "ScriptInvalid",
    "ScriptIsDirectory",
    "ScriptNotFound",
    "ScriptRefused",
    "Settings",
    "WorkerDied",
    "WorkerError",
    "WorkerFailedToStart",
    "WorkerGone",
    "compile_script",
]

_MODULES = {  # the rest: errors
    "ExecResult": "runner",
    "Host": "calls",
    "MessageHost": "hosts.embedded.host",
    "RecordFormatter": "printable",
    "Runner": "runner",
    "Settings": "settings",
    "compile_script": "build",
}


# Hidden from type checkers, which would take it as leave to ask for any name at all.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
