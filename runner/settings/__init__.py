"""
What an administrator may set, from a TOML file, the environment and arguments.

Must not know how a setting is carried out; it knows names, units, ranges and where a value came from.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runner.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ENV_PREFIX = "APP_MONO_"
MIB = 1024 * 1024

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
SomeSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ScriptSettings(BaseModel):
    """What a failure of one script means; None: as for all."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    on_error: bool | None = None
    """As ``Settings.on_error``."""
    on_timeout: bool | None = None
    """As ``Settings.on_timeout``."""
    on_busy: bool | None = None
    """As ``Settings.on_busy``."""


class Settings(BaseSettings):
    """
    All settings, checked and frozen. Rising weight: TOML file, environment ``APP_MONO_<NAME>``, arguments.

    ``Settings(...)`` reads the environment and takes arguments; ``Settings.from_file`` reads a file as well. An
    environment variable that is empty counts as not set.

    Raises:
        ConfigError: An unknown name, a value out of range, or values that contradict each other. The message names
            the argument, the variable or the file and key.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_ignore_empty=True, use_attribute_docstrings=True
    )

    load: Path | None = None
    """The script that ``mono_run`` runs. None: there is none, and ``mono_exec`` names its script at every call."""
    mono: str = Field(default="mono", min_length=1)
    """The mono runtime: a name looked up in PATH, or a path."""

    script_dirs: tuple[Path, ...] | None = None
    """Directories whose scripts may be run, subdirectories included. None: any script; a daemon needs a list."""

    num_workers: Count = 1
    """Workers kept alive at all times. 0: only the spare ones."""
    max_workers: int = Field(default=4, ge=1)
    """Most workers alive at one time, starting ones included. At least ``num_workers``."""
    spare_workers: Count = 1
    """Workers kept alive beyond ``num_workers``, as far as ``max_workers`` allows, to replace a dead one at once."""

    max_jobs: Count = 0
    """Execs after which a worker is replaced. 0: no limit."""
    max_jobs_jitter: float = Field(default=0.1, ge=0, lt=1, allow_inf_nan=False)
    """Share of ``max_jobs`` by which each worker's own limit is lowered at random, so that not all end at once."""
    max_loads: Count = 2000
    """Loads after which a worker is replaced: mono never frees a loaded assembly. 0: no limit."""
    ttl_s: Seconds = 0.0
    """Age in seconds at which a worker is replaced. 0: no limit."""
    idle_ttl_s: Seconds = 60.0
    """Seconds without an exec after which a worker above ``num_workers`` + ``spare_workers`` ends. 0: never."""
    max_worker_memory_mib: Count = 0
    """Resident memory in MiB above which a worker is replaced after its exec. 0: no limit."""

    allocate_timeout_s: Seconds = 0.4
    """Longest wait for a free worker, in seconds. 0: now or not at all."""
    exec_timeout_s: SomeSeconds = 0.4
    """Longest exec in seconds, everything included. The default stays below SIP's T1 of 0.5 s (RFC 3261, 17.1.1.1)."""
    first_exec_timeout_s: SomeSeconds = 5.0
    """Longest time in seconds that a worker gets to finish its first run of a build whose caller was answered at the
    deadline: a table that is read, a library that starts. It is warm then."""
    load_timeout_s: SomeSeconds = 5.0
    """Longest load of a script that is prepared ahead, in seconds."""
    start_timeout_s: SomeSeconds = 10.0
    """Longest time in seconds from the start of mono until the worker is ready."""
    destroy_timeout_s: SomeSeconds = 2.0
    """Longest time in seconds a worker gets to end by itself before it is killed."""
    max_queue_size: Count = 100
    """Callers that may wait for a worker at one time; one more is refused at once. 0: nobody waits."""
    max_line_bytes: int = Field(default=8 * MIB, ge=4096)
    """Longest line on the wire, in bytes."""

    poison_losses: Count = 5
    """Workers that one build of a script may cost within ``poison_within_s``; then it is refused. 0: any number."""
    poison_message_losses: Count = 2
    """Workers that messages of one Call-ID may cost one script; then they are refused to it. 0: any number."""
    poison_within_s: SomeSeconds = 10.0
    """Seconds within which lost workers count together."""
    poison_s: SomeSeconds = 10.0
    """Seconds for which such a script, or such messages, are refused; a new build of a script runs at once."""

    worker_env: tuple[str, ...] = ()
    """Environment variables that workers get beside PATH, HOME, USER, LOGNAME, LANG, LC_*, TZ, TMPDIR and MONO_*."""
    max_open_files: Count = 256
    """Most files, sockets and pipes that one worker has open. 0: as many as the daemon may."""
    max_address_space_mib: Count = 4096
    """Most address space of one worker in MiB; mono alone takes 200, each thread 2 more. 0: no limit."""
    max_processes: Count | None = None
    """Most processes and threads: of each worker in a ``sandbox``, else of the user that they run as, all together; not
    for root. None: 128 in a sandbox, 128 for each of ``max_workers`` of a ``worker_user``, else none. 0: no limit."""
    worker_user: str = Field(default="", coerce_numbers_to_str=True)
    """User that workers run as, a name or number; it had better be one of its own. Only root may set another one than
    its own. "": the daemon's own, which for a daemon of root has to be said: "root"."""
    worker_group: str = Field(default="", coerce_numbers_to_str=True)
    """Group that they run as beside ``worker_user``. "": the groups of that user."""
    sandbox: Literal["none", "bwrap"] = "none"
    """"bwrap": bubblewrap gives each worker a read-only view of the machine, a /tmp of its own and no network."""

    placement: Literal["together", "free"] = "together"
    """A worker comes to the CPU of its caller, or goes where the kernel puts it. Threads begin where they were started,
    so a script that computes in many wants "free"."""
    leftover_threads: Literal["retire", "keep"] = "retire"
    """What becomes of a worker whose script left threads or tasks running: it is replaced, or runs on with them."""
    statics: Literal["kept", "fresh"] = "kept"
    """Whether static fields of a script keep their values from exec to exec."""
    observer: Literal["inotify", "polling", "none"] = "inotify"
    """What makes changed scripts load ahead. It is warmth only: a change is live for the next exec in any case."""
    deleted_grace_s: Seconds = 5.0
    """Seconds for which a deleted script is still served: compilers delete before they write. 0: not at all."""
    max_script_mib: int = Field(default=64, ge=1)
    """Largest size of one file of a script, in MiB."""
    max_stderr_lines_per_s: Count = 200
    """Lines a second logged of what one worker writes to stderr; the rest is counted. 0: none is logged."""

    socket: Path = Path("/run/app-mono/control.sock")
    """The daemon's control socket."""
    socket_mode: str = Field(default="0660", pattern="^0?[0-7]{3}$")
    """Permissions of the control socket, in octal."""
    socket_owner: str = ""
    """User who owns the control socket, may connect to it and give commands. "": the daemon's own."""
    socket_group: str = ""
    """Group of the control socket, whose members may connect to run scripts and to look. "": the daemon's own."""
    max_clients: int = Field(default=256, ge=1)
    """Connections to the control socket at one time; one more is refused. Each process of Kamailio is one. Who is not
    root, the daemon's own user or ``socket_owner`` has three for each that is left free: 192 of 256."""
    log_file: Path | None = None
    """Where the daemon logs; the file may be moved away and is made anew. None: standard error, so the journal."""

    on_true: str = "forward"
    """What the SIP listener does when the script said true: "forward" (to $du if set, else to the R-URI), "drop", or
    "reply:CODE:REASON", pseudo-variables put in."""
    on_false: str = "reply:403:Forbidden"
    """The same for false, and for a script that could not be run to its end."""

    on_error: bool = False
    """What an exec that failed is to the routing script: True or False. In Kamailio only."""
    on_timeout: bool = False
    """What an exec that was not done in time is to the routing script. In Kamailio only."""
    on_busy: bool = False
    """What an exec without a free worker, or without a daemon, is to the routing script. In Kamailio only."""
    scripts: dict[str, ScriptSettings] = Field(default_factory=dict)
    """Tables ``[scripts."/path/x.exe"]`` with an ``on_error``, ``on_timeout``, ``on_busy`` of their own."""

    def __init__(self, *, _file: _File | None = None, **arguments: Any) -> None:
        origin = _Origins(_file, frozenset(arguments))
        known = tuple(type(self).model_fields)
        origin.refuse_unknown(known)
        from_file = {} if _file is None else _file.values
        variables = origin.variables
        values = {name: value for name, value in from_file.items() if name not in variables} | arguments
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError("; ".join(origin.tell(detail) for detail in error.errors())) from error

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **arguments: Any) -> Self:
        """
        Read a TOML file of ``name = value`` lines; the environment and ``arguments`` weigh more.

        Raises:
            ConfigError: As the constructor; also when the file cannot be read or is not TOML.
        """
        place = Path(path)
        try:
            values = tomllib.loads(place.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{place}: expected a readable TOML file: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{place}: expected TOML: {error}") from error
        return cls(_file=_File(place, values), **arguments)

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.max_workers < self.num_workers:
            raise ValueError(
                f"max_workers ({self.max_workers}) should be at least num_workers ({self.num_workers}): "
                "raise the first or lower the second"
            )
        return self

    @property
    def warm_workers(self) -> int:
        """Workers kept alive while nothing happens: ``num_workers`` and the spare ones, within ``max_workers``."""
        return min(self.num_workers + self.spare_workers, self.max_workers)


class _File:
    """A TOML file and what it said."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self.path = path
        self.values = values


class _Origins:
    """Where each value came from, for the text of an error."""

    def __init__(self, file: _File | None, arguments: frozenset[str]) -> None:
        self.file = file
        self.arguments = arguments
        self.variables = {
            name.upper().removeprefix(ENV_PREFIX).lower(): name
            for name, value in os.environ.items()
            if name.upper().startswith(ENV_PREFIX) and value
        }

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        """
        Refuse the first name that is no setting.

        Raises:
            ConfigError: There is one; the message has the nearest name that exists.
        """
        names = [*(self.file.values if self.file else ()), *self.variables, *self.arguments]
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                shown = ENV_PREFIX + near[0].upper() if near and self._is_variable(name) else "".join(near)
                hint = f"; did you mean {shown}?" if near else ""
                raise ConfigError(f"{self._where(name)}: there is no such setting{hint}")

    def tell(self, detail: ErrorDetails) -> str:
        """One error of pydantic as a sentence: where, what was expected, what came."""
        if not detail["loc"]:
            return f"settings: {detail['msg'].removeprefix('Value error, ')}"
        where = self._where(str(detail["loc"][0]))
        expected = detail["msg"].removeprefix("Input ")
        return f"{where}: {expected}, but {detail['input']!r} came"

    def _is_variable(self, name: str) -> bool:
        return name in self.variables and name not in self.arguments

    def _where(self, name: str) -> str:
        if name in self.arguments:
            return f"argument {name}"
        if name in self.variables:
            return f"environment variable {self.variables[name]}"
        return f"{self.file.path}: {name}" if self.file else name
