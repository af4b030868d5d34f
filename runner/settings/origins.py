"""
Where the value of each setting came from, and what became of the settings of earlier versions.

Must not know what a setting means.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from runner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

log = logging.getLogger("runner.settings")

ENV_PREFIX = "APP_MONO_"

REMOVED = {
    "max_jobs_jitter": "the limit of each worker is always up to a tenth below max_jobs",
    "load_timeout_s": "first_exec_timeout_s is the limit of a load as well",
    "destroy_timeout_s": "a worker always gets 2 s to end by itself",
    "max_line_bytes": "a line on the wire may always have 8 MiB",
    "poison_within_s": "lost workers count together within poison_s",
    "deleted_grace_s": "a deleted script is always served for 5 s more",
    "max_script_mib": "a file of a script may always have 64 MiB",
    "max_stderr_lines_per_s": "200 lines a second of each worker are always logged, and the rest is counted",
}
"""What has no effect any more, and why. An upgrade must not keep a daemon from starting, so it is only a warning."""

MOVED = {"on_true": "listener", "on_false": "listener"}
"""What is in a table now. It still counts where it was."""


NO_SETTINGS = frozenset({f"{ENV_PREFIX}CONFIG", f"{ENV_PREFIX}LANE"})
"""Name the file of settings, and the lane (``runner/lane/choice.py``), before there are settings."""


class Origins:
    """
    The names that were set, and where.

    Args:
        file: A TOML file; None: there was none.
        values: What the file said.
        arguments: What the program gave, which outweighs the environment, which outweighs the file.
    """

    def __init__(self, file: Path | None, values: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
        self._file = file
        self._values = values
        self._arguments = arguments
        self._variables = {
            name.upper().removeprefix(ENV_PREFIX).lower(): name
            for name, value in os.environ.items()
            if name.upper().startswith(ENV_PREFIX) and value and name.upper() not in NO_SETTINGS
        }

    def settled(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """
        The value of each setting that was set, unchecked, with moved settings in their tables. Warns of old names.

        Args:
            known: The names of all settings, and the type of each.

        Raises:
            ConfigError: A name is no setting, and was none; the message has the nearest name that exists. Or a variable
                for a list or a table is no JSON.
        """
        settled = dict(self._values) | {
            name: self._said(name, known[name]) for name in self._variables if name in known
        }
        for name in [*self._values, *self._variables, *self._arguments]:
            if name in known:
                continue
            settled.pop(name, None)
            if name in self._arguments or name not in REMOVED.keys() | MOVED.keys():
                raise ConfigError(f"{self._where(name)}: there is no such setting{self._hint(name, known)}")
            if name in REMOVED:
                log.warning("%s: remove it, it has no effect any more: %s", self._where(name), REMOVED[name])
                continue
            table = MOVED[name]
            log.warning("%s: move it to the table [%s]", self._where(name), table)
            below = settled.get(table, {})
            if not isinstance(below, dict) or table in self._variables:
                continue  # the table's own fault is reported by the model; a variable for the table outweighs old names
            if name in self._variables:
                settled[table] = below | {name: os.environ[self._variables[name]]}
            else:
                settled[table] = {name: self._values[name]} | below
        return _joined(settled, self._arguments)

    def sentence(self, detail: ErrorDetails) -> str:
        """One error of pydantic as a sentence: where, what was expected, what came."""
        if not detail["loc"]:
            return f"{self._file or 'settings'}: {detail['msg'].removeprefix('Value error, ')}"
        name, *below = map(str, detail["loc"])
        where = ".".join([self._where(name), *below])
        if detail["type"] == "extra_forbidden":
            return f"{where}: there is no such setting"
        if detail["type"] == "value_error":
            return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
        return f"{where}: {detail['msg'].removeprefix('Input ')}, but {detail['input']!r} came"

    def _said(self, name: str, kind: Any) -> Any:
        """The value that a variable has for a setting of this type."""
        text = os.environ[self._variables[name]]
        if not _is_list_or_table(kind):
            return text
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:  # the text is not shown: it may have a password
            raise ConfigError(f"{self._where(name)}: expected a list or a table in JSON: {error}") from error

    def _hint(self, name: str, known: Collection[str]) -> str:
        if name in REMOVED:
            return f" any more: {REMOVED[name]}"
        if name in MOVED:
            return f"; it is in the table {MOVED[name]}"
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        if not near:
            return ""
        is_variable = name in self._variables and name not in self._arguments
        return f"; did you mean {ENV_PREFIX + near[0].upper() if is_variable else near[0]}?"

    def _where(self, name: str) -> str:
        if name in self._arguments:
            return f"argument {name}"
        if name in self._variables:
            return f"environment variable {self._variables[name]}"
        return f"{self._file}: {name}" if self._file else name


def _is_list_or_table(kind: Any) -> bool:
    """Whether values of this type are, or may be, one of several values."""
    if get_origin(kind) in {tuple, dict} or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return True
    return any(map(_is_list_or_table, get_args(kind)))


def _joined(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Both, and tables of both joined in the same way; else the second outweighs the first."""
    joined = dict(lower)
    for name, value in upper.items():
        below = joined.get(name)
        joined[name] = _joined(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return joined
