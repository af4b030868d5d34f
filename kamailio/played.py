"""
What ``app-mono exec --in-kamailio`` loads into its private Kamailio: app_mono.py, and a record of the one exec.

The record goes to the file that APP_MONO_RECORD names, as JSON. Standard library only, as app_mono.py.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.append(str(Path(__file__).resolve().parent))

import app_mono
import KSR

from runner.errors import RunnerError, ScriptError
from runner.hosts.kamailio.host import KamailioHost
from runner.hosts.recorded import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable

_RECORD = Path(os.environ["APP_MONO_RECORD"])
# Kamailio does not start without these settings: by default app_mono.py would ask the daemon that this machine has.
tomllib.loads(Path(os.environ["APP_MONO_CONFIG"]).read_text(encoding="utf-8"))["socket"]
_ENTRY = os.environ.get("APP_MONO_ENTRY")  # what --entry names; None is Main


class _Lease:
    """The lease of app_mono.py, which keeps what became of the exec."""

    def __init__(self, lease: Any) -> None:
        self._lease = lease
        self.record: dict[str, Any] = {"calls": [], "exit_code": None, "error": "no exec began", "detail": ""}

    def exec(self, path: str | None, param: str | None, host: Any, deadline: float, _entry: str | None = None) -> Any:
        recorded = Recorded(host)
        self.record |= {"calls": recorded.calls, "error": ""}
        try:
            outcome = self._lease.exec(path, param, recorded, deadline, _ENTRY)
        except RunnerError as error:
            self.record["error"] = str(error)
            self.record["detail"] = error.detail or "" if isinstance(error, ScriptError) else ""
            raise
        except Exception as error:
            self.record["error"] = f"internal error, please report it: {error!r}"
            raise
        if outcome.is_missing:
            self.record["error"] = f"{path}: there is no {f'entry {_ENTRY!a:.80}' if _ENTRY else 'Main'}"
        else:
            self.record["exit_code"] = outcome.code
        return outcome

    def note(self, *of: Any) -> None:
        """As ``Lease.note``."""
        self._lease.note(*of)


_lease = _Lease(app_mono._lease)  # noqa: SLF001  # this file belongs to that one
app_mono._lease = _lease  # type: ignore[assignment]  # noqa: SLF001


class Methods(app_mono.Methods):
    """What ``python_exec`` calls: the exec, and then the record of it."""

    def mono_exec(self, msg: Any, arguments: str = "") -> int:
        """As app_mono.py's."""
        return _recorded(msg, lambda: super(Methods, self).mono_exec(msg, arguments))

    def probed(self, _msg: Any) -> int:
        """Say that all messages before this one are done with."""
        _RECORD.with_suffix(".probed").touch()
        return app_mono.TRUE

    def mono_run(self, msg: Any, param: str | None = None) -> int:
        """As app_mono.py's."""
        return _recorded(msg, lambda: super(Methods, self).mono_run(msg, param))


def _recorded(msg: Any, execute: Callable[[], int]) -> int:
    KSR.corex.set_source_address(f"udp:{KSR.pv.get('$Ri')}:{KSR.pv.get('$Rp')}")  # as of an exec without Kamailio
    result = execute()
    record = _lease.record | {"after": KamailioHost(msg, KSR).get_s("$mbu")}
    draft = _RECORD.with_suffix(".part")
    draft.write_text(json.dumps(record), encoding="ascii")
    draft.replace(_RECORD)
    return result


def mod_init() -> Methods:
    """What app_python3 calls after loading."""
    return Methods()
