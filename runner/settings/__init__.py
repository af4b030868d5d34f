"""
What an administrator may set, from a TOML file, the environment and arguments.

Must not know how a setting is carried out; it knows names, units and ranges.

``python -m runner.settings > docs/settings.md`` writes the page that lists them.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from runner.errors import ConfigError

from .origins import Origins
from .tables import (
    Answers,
    Count,
    HashTable,
    HttpAddress,
    ListenerSettings,
    NatsUrls,
    RefusedFunction,
    ReplyLine,
    RuntimeSettings,
    ScriptSettings,
    Seconds,
    SomeSeconds,
)

if TYPE_CHECKING:
    import os

__all__ = ["ListenerSettings", "RuntimeSettings", "ScriptSettings", "Settings"]

MIB = 1024 * 1024


NEEDS_RESTART = frozenset(
    {"load", "socket", "socket_mode", "socket_owner", "socket_group", "log_file", "mono", "observer"}
    | {"worker_user", "worker_group", "sandbox", "http", "exec_log", "nats", "nats_ca"}
)
"""What a daemon reads once, at its start; it takes up everything else at a reload."""

READ_BY_KAMAILIO = frozenset(
    {"load", "socket", "exec_timeout_s", "on_error", "on_timeout", "on_busy", "scripts"}
    | {"ksr_allow", "kemi_on_error", "kemi_pinned", "slow_exec_s", "exec_log", "exec_log_share"}
)
"""What kamailio/app_mono.py reads from the same file, once in each process of Kamailio."""


class Settings(BaseModel):
    """
    All settings, checked and frozen. Rising weight: TOML file, environment ``APP_MONO_<NAME>``, arguments.

    ``Settings(...)`` reads the environment and takes arguments; ``Settings.from_file`` reads a file as well. An
    environment variable that is empty counts as not set; a list or a table is JSON there. The last paragraph of a
    setting's text says who needs it.

    Raises:
        ConfigError: An unknown name, a value out of range, or values that contradict each other. The message names
            the argument, the variable or the file and key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    load: Path | None = None
    """The script that ``mono_run`` runs, or the routing script in C# (KEMI). None: there is none, and ``mono_exec``
    names its script at every call.

    Sites whose kamailio.cfg calls ``mono_run``, or whose routing script is in C#."""
    mono: str = Field(default="mono", min_length=1)
    """The mono runtime: a name looked up in PATH, or a path.

    Sites with a mono that is not the distribution's."""

    script_dirs: tuple[Path, ...] | None = None
    """Directories whose scripts may be run, subdirectories included. None: any script; a daemon needs a list.

    Everybody who runs the daemon."""

    num_workers: Count = 1
    """Workers kept alive at all times. 0: only the spare ones.

    Sites that want their workers started before the first call needs them."""
    max_workers: Count = 4
    """Most workers alive at one time, starting ones included. At least ``num_workers``. 0: none, only those of other
    machines (``nats``).

    Everybody with Kamailio: as many as its processes that run scripts."""
    spare_workers: Count = 1
    """Workers kept alive beyond ``num_workers``, or beyond those that clients hold when these are more, up to
    ``max_workers``: one of them replaces a dead one at once.

    Small machines (0), and sites whose scripts often cost a worker (more)."""

    max_jobs: Count = 0
    """Execs after which a worker is replaced. 0: no limit.

    Sites whose scripts leak."""
    max_loads: Count = 2000
    """Loads after which a worker is replaced: mono never frees a loaded assembly. 0: no limit.

    Sites with large scripts and ``statics = "fresh"``, where each exec is a load."""
    ttl_s: Seconds = 0.0
    """Age in seconds at which a worker is replaced. 0: no limit.

    Sites whose scripts keep what goes stale: connections, tables read at the first call."""
    idle_ttl_s: Seconds = 60.0
    """Seconds without an exec after which a worker above ``num_workers`` + ``spare_workers`` ends. 0: never.

    Sites whose traffic comes in bursts further apart than a minute."""
    max_worker_memory_mib: Count = 0
    """Resident memory in MiB above which a worker is replaced after its exec. 0: no limit.

    Sites whose scripts leak memory."""

    allocate_timeout_s: Seconds = 0.4
    """Longest wait for a free worker, in seconds. 0: now or not at all.

    Sites that would rather wait, or rather be refused at once, when all workers are busy."""
    exec_timeout_s: SomeSeconds = 0.4
    """Longest exec in seconds, everything included. The default stays below SIP's T1 of 0.5 s (RFC 3261, 17.1.1.1).

    Sites whose scripts ask a database or a web service."""
    first_exec_timeout_s: SomeSeconds = 5.0
    """Longest time in seconds that a worker gets to become warm: to load a build, ``Warm()`` included, and to finish
    its first run of a build when the caller was already answered at the deadline.

    Sites whose scripts read a large table or start a slow library."""
    start_timeout_s: SomeSeconds = 10.0
    """Longest time in seconds from the start of mono until the worker is ready.

    Slow or heavily loaded machines."""
    max_queue_size: Count = 100
    """Callers that may wait for a worker at one time; one more is refused at once. 0: nobody waits.

    Programs that use ``runner.Runner`` from many threads."""

    poison_losses: Count = 5
    """Workers that one build of a script may cost within ``poison_s``; then it is refused. 0: any number.

    Sites that would rather have a faulty script run again and again than refused (0)."""
    poison_message_losses: Count = 2
    """Workers that messages of one Call-ID may cost one script within ``poison_s``; then they are refused to it.
    0: any number.

    Tests whose messages all have one Call-ID (0)."""
    poison_s: SomeSeconds = 10.0
    """Seconds within which lost workers count together, and for which such a script or such messages are refused then;
    a new build of a script runs at once.

    Sites under attack with messages that a script does not survive (more)."""

    worker_env: tuple[str, ...] = ()
    """Environment variables that workers get beside PATH, HOME, USER, LOGNAME, LANG, LC_*, TZ, TMPDIR and MONO_*.

    Sites whose scripts read their configuration from the environment."""
    max_open_files: Count = 256
    """Most files, sockets and pipes that one worker has open. 0: as many as the daemon may.

    Sites whose scripts keep many connections."""
    max_address_space_mib: Count = 4096
    """Most address space of one worker in MiB; mono alone takes 200, each thread 2 more. 0: no limit.

    Sites whose scripts hold large tables, or should not."""
    max_processes: Count | None = None
    """Most processes and threads: of each worker in a ``sandbox``, else of the user that all workers run as; root has
    no such limit. None: 128 in a sandbox, 128 times ``max_workers`` with a ``worker_user``, else none. 0: no limit.

    Sites whose scripts use many threads."""
    worker_user: str = Field(default="", coerce_numbers_to_str=True)
    """User that workers run as, a name or number; best one that nothing else uses. Only root may set another user than
    its own. "": the daemon's own; a daemon of root has to name one, "root" if that is meant.

    Sites that keep scripts away from Kamailio's files."""
    worker_group: str = Field(default="", coerce_numbers_to_str=True)
    """The one group that workers run with, beside ``worker_user``. "": the groups of that user.

    Sites whose ``worker_user`` is in groups that scripts should not have."""
    sandbox: Literal["none", "bwrap"] = "none"
    """"bwrap": bubblewrap gives each worker a read-only view of the machine, a /tmp of its own and no network.

    Sites whose scripts need no network."""

    placement: Literal["together", "free"] = "together"
    """Whether a worker moves to the CPU of its caller ("together") or runs where the kernel puts it ("free"). Threads
    start on the CPU of the thread that starts them.

    Sites whose scripts compute in many threads ("free")."""
    leftover_threads: Literal["retire", "keep"] = "retire"
    """What happens to a worker whose script left threads or tasks running: it is replaced, or runs on with them.

    Sites whose scripts work in the background on purpose ("keep")."""
    statics: Literal["kept", "fresh"] = "kept"
    """Whether static fields of a script keep their values from exec to exec.

    Sites whose scripts rely on new statics in each call ("fresh")."""
    observer: Literal["inotify", "polling", "none"] = "inotify"
    """How the runner notices that it should load a changed script ahead of its next exec. A change is live for the next
    exec in any case.

    Sites with scripts on a network file system, where inotify sees no change that another machine made ("polling")."""

    socket: Path = Path("/run/app-mono/control.sock")
    """The daemon's control socket.

    Sites with two daemons."""
    socket_mode: str = Field(default="0660", pattern="^0?[0-7]{3}$")
    """Permissions of the control socket, in octal.

    Sites where the daemon's group has members who should not run scripts ("0600")."""
    socket_owner: str = ""
    """User who owns the control socket, may connect to it and give commands. "": the daemon's own.

    Daemons of root with a ``worker_user``: Kamailio's user."""
    socket_group: str = ""
    """Group of the control socket, whose members may connect to run scripts and to look. "": the daemon's own.

    Sites whose Kamailio, or whose operators, share no user with the daemon."""
    max_clients: int = Field(default=256, ge=1)
    """Connections to the control socket at one time; one more is refused. Each process of Kamailio is one. A user other
    than root, the daemon's own or ``socket_owner`` may hold three for each that is still free: 192 of 256.

    Sites with more than 192 processes of Kamailio."""
    http: HttpAddress = ""
    """Where the daemon shows what it does: a page, /metrics for Prometheus, /health, /ready and /api/status. An IP
    address and a port such as "127.0.0.1:9464", or the path of a Unix socket, which gets ``socket_mode``. There are no
    passwords: whoever reaches it reads names of scripts, Call-IDs, stacks and what confines the workers. "": nowhere.

    Sites with Prometheus, and whoever wants to look."""
    nats: NatsUrls = ()
    """Servers of NATS through which the daemon uses workers of other machines, "nats://sip:PASSWORD@HOST:4222"; "tls://"
    for TLS. As ``--nats``. None: this machine only. See cluster.md.

    Sites whose scripts outgrow one machine."""
    nats_ca: Path | None = None
    """The certificates (PEM) that vouch for these servers. None: those of the system.

    Sites with certificates of their own."""
    spill_after_s: Seconds = 0.002
    """Longest wait in seconds for a worker of this machine before one of another machine is asked for. Only with
    ``nats``.

    Sites that would rather wait than leave the machine."""
    drain_timeout_s: SomeSeconds = 30.0
    """Longest time in seconds that a node which ends waits for its workers to come back.

    Nodes whose clients may be silent for longer."""
    log_file: Path | None = None
    """Where the daemon logs; when the file is moved away, the next line creates it again. None: standard error, so the
    journal.

    Sites without systemd."""

    on_error: bool = False
    """The result in the routing script of an exec that failed. In Kamailio only.

    Sites where a call should go on when its script fails."""
    on_timeout: bool = False
    """The result in the routing script of an exec that was not done in time. In Kamailio only.

    As ``on_error``."""
    on_busy: bool = False
    """The result in the routing script when there was no free worker, or no daemon. In Kamailio only.

    As ``on_error``."""
    scripts: dict[str, ScriptSettings] = Field(default_factory=dict)
    """Tables ``[scripts."/path/x.exe"]``: an ``on_error``, ``on_timeout``, ``on_busy`` of their own, in Kamailio only,
    and the ``files`` that belong to the script's build.

    Sites where failures of some scripts mean something else, or whose old scripts read files beside them."""
    ksr_allow: tuple[RefusedFunction, ...] = ()
    """Functions of ``KSR`` that scripts may call although they are refused by default, "module.function" or "module.*";
    security.md lists them. In Kamailio only.

    Sites that trust their scripts with more than the message."""
    kemi_on_error: ReplyLine = "500 Server Internal Error"
    """The answer to a request whose routing script in C# (KEMI) failed: a code from 300 to 699 and a reason. In
    Kamailio only.

    Sites that send their callers elsewhere then."""
    slow_exec_s: Seconds = 0.0
    """Execs that take longer, in seconds, are logged and shown with the Call-ID and the last calls of the script, each
    with its time; at most one a second. One that has not ended by then also leaves the stacks of its worker, once, and
    goes on. To take the times costs each call some microseconds. 0: none are. In Kamailio only.

    Sites whose scripts are slow now and then."""
    exec_log: Path | None = None
    """A file with one line of JSON for each exec in Kamailio: when, script, build, result, times, questions, edits and
    Call-ID. The daemon writes it, half a second later, and no call waits for that: of what comes faster the oldest
    lines are dropped. It may be moved away at any time, as ``log_file``. None: there is none.

    Sites that want to know later which build handled a call."""
    exec_log_share: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)] = 1.0
    """The share of execs that get a line in ``exec_log``, chosen at random: 0.01 is one of a hundred.

    Sites with more than some hundred calls a second."""
    kemi_pinned: bool = False
    """Whether a routing script in C# (KEMI) stays as it was at the start until ``reset``, as ``mono_run`` has it; else
    a new build is live for the next message. In Kamailio only.

    Sites that put a new build there first and release it later."""
    kamailio: Literal["installed", "5.6", "6.0"] = "installed"
    """The version of Kamailio as which ``app-mono exec``, ``run``, ``pv`` and ``serve --sip`` answer a script: 5.6 is
    5.6.3, 6.0 is 6.0.1. "installed": the nearest of the two that is not above the installed one, else 5.6.

    Developers of scripts for another Kamailio than this machine's."""
    hash_tables: tuple[HashTable, ...] = ()
    """Names of the hash tables (module htable) that a script finds in ``app-mono exec``, ``run`` and ``serve --sip``,
    empty at the start.

    Developers of scripts that use ``$sht`` or ``KSR.htable``."""
    runtimes: dict[str, RuntimeSettings] = Field(default_factory=dict)
    """Tables ``[runtimes.NAME]``: how many workers a runtime has, their limits and their program, or a runtime of your
    own.

    Sites with scripts in several languages, or in one that has no bridge yet."""
    listener: ListenerSettings = ListenerSettings()
    """The table ``[listener]``: what ``app-mono serve --sip`` does with a request.

    Everybody who tries scripts with phones or sipp, without Kamailio."""
    answers: Answers = Field(default_factory=dict)
    """The table ``[answers]``: what functions of ``KSR`` give without Kamailio, "tm.t_relay" = 1: a number, a text,
    true, false, or "null" for nothing. As ``--answer`` of ``app-mono exec``, ``run`` and ``serve --sip``.

    Developers of routing scripts (KEMI) who have no Kamailio at hand."""

    def __init__(self, *, _file: Path | None = None, _values: dict[str, Any] | None = None, **arguments: Any) -> None:
        origins = Origins(_file, _values or {}, arguments)
        settled = origins.settled({name: field.annotation for name, field in type(self).model_fields.items()})
        try:
            super().__init__(**settled)
        except ValidationError as error:
            raise ConfigError("; ".join(map(origins.sentence, error.errors()))) from error

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **arguments: Any) -> Self:
        """
        Read a TOML file of ``name = value`` lines; the environment and ``arguments`` weigh more.

        Raises:
            ConfigError: As the constructor; also when the file cannot be read or is not TOML.
        """
        file = Path(path)
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{file}: expected a readable TOML file: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: expected TOML: {error}") from error
        return cls(_file=file, _values=values, **arguments)

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.max_workers == 0 and not self.nats:
            raise ValueError("max_workers = 0 leaves nobody to run a script: set nats as well, or at least 1")
        if 0 < self.max_workers < self.num_workers:
            raise ValueError(
                f"max_workers ({self.max_workers}) should be at least num_workers ({self.num_workers}): "
                "raise the first or lower the second"
            )
        for name, own in self.runtimes.items():
            most, least = own.max_workers or self.max_workers, own.num_workers or 0
            if most < least:
                raise ValueError(
                    f"runtimes.{name}: max_workers ({most}) should be at least num_workers ({least}): "
                    "raise the first or lower the second"
                )
        return self

    @property
    def warm_workers(self) -> int:
        """Workers kept alive while nothing happens: ``num_workers`` and the spare ones, within ``max_workers``."""
        return min(self.num_workers + self.spare_workers, self.max_workers)
