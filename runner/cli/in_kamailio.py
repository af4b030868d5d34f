"""
``app-mono exec --in-kamailio``: the same exec, in a Kamailio of its own and with a daemon of its own.

Must not print; what happened is an ``Outcome`` and the calls.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import installed
from runner.calls import KSR_EDITS
from runner.daemon.daemon import Daemon
from runner.errors import ConfigError, RunnerError, ScriptError
from runner.hosts.foreseen import KSR_READS
from runner.migrate.literals import literal
from runner.settings import Settings
from runner.worker.rundir import PREFIX, run_directory

from .job import host_of
from .outcome import TRUE, Outcome
from .private_kamailio import IP, LOOK_EVERY_S, Kamailio, preamble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.hosts.embedded.host import MessageHost

    from .job import Job
    from .outcome import Asked

NEEDS = "it needs Kamailio with its module app_python3: apt-get install kamailio kamailio-python3-modules"
ROOT = 0
CONFIG, SOCKET = "app-mono.toml", "control.sock"
MAX_SOCKET_BYTES = 107  # unix(7): sun_path has 108 with the NUL
AFTER_S = 5.0  # beyond the exec's own limit: Kamailio, the daemon's answer, the record

# Those whose variables and functions the embedded host has, and what a registrar in C# takes.
MODULES = (
    *("kex", "corex", "tm", "tmx", "sl", "rr", "pv", "maxfwd", "kemix", "sanity", "usrloc", "registrar"),
    *("textops", "textopsx", "siputils", "xlog", "sdpops", "htable", "cfgutils"),
)

# The source port distinguishes the message from the probe and from replies that Kamailio sends to itself.
# Call no function before the script: it would change $rc.
CFG = """
request_route {{
\tif ($sp == {probe}) {{
\t\tpython_exec("probed");
\t\texit;
\t}}
\tif ($sp == {sender}) {{
\t\t{call};
\t}}
\texit;
}}

reply_route {{
\tif ($sp == {sender}) {{
\t\t{call};
\t}}
\tdrop;
}}
"""
PROBE = (
    "OPTIONS sip:probe@{ip} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{port};branch=z9hG4bKprobe\r\n"
    "From: <sip:probe@{ip}>;tag=probe\r\nTo: <sip:probe@{ip}>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


def play(job: Job) -> Outcome:
    """
    Run the job once, in a Kamailio that listens on the job's address.

    Args:
        job: Its port is free, and stays so (``free_port``).

    Raises:
        RunnerError: It could not be played: no Kamailio, no script, no message; or Kamailio dropped the message.
    """
    data, settings, assembly = job.prepared()
    host = host_of(data, job.message, settings, job.address, is_for_kamailio=True, anyway=job.anyway)
    modules = installed.modules()
    if installed.executable() is None or modules is None or not (modules / f"{installed.APP_PYTHON3}.so").is_file():
        raise ConfigError(f"there is no Kamailio here that could run the script: {NEEDS}")
    message = host.context.message.data
    with ExitStack() as stack:
        directory = stack.enter_context(run_directory(base=_base()))
        stack.enter_context(_serving(_of_the_daemon(job, settings, assembly, directory)))
        sender, prober = (stack.enter_context(_udp_socket()) for _ in range(2))
        port, probe_port = job.address.port, prober.getsockname()[1]
        peers = sender.getsockname()[1], probe_port
        cfg = _cfg(job, assembly, port, peers, modules, tables=settings.hash_tables)
        record = directory / "record.json"
        env = {"APP_MONO_CONFIG": str(directory / CONFIG), "APP_MONO_RECORD": str(record)}
        env["TZ"] = os.environ.get("TZ", ":/etc/localtime")
        if job.entry is not None:
            env["APP_MONO_ENTRY"] = job.entry
        kamailio = stack.enter_context(_started(Kamailio(cfg, directory, port, env), job, assembly, host))
        _send(sender, message, port)
        _send(prober, PROBE.format(ip=IP, port=probe_port).encode(), port)
        _await(kamailio, record, time.monotonic() + settings.exec_timeout_s + AFTER_S)
        played = json.loads(record.read_text(encoding="ascii"))
    calls = [(name, args, result) for name, args, result in played["calls"]]
    return Outcome(
        ok=played["exit_code"] == TRUE,
        exit_code=played["exit_code"],
        error=_error(job, assembly, played),
        logs=[(args[0], args[1]) for name, args, _ in calls if name == "Core.Log"],
        before=host.message_bytes().decode("utf-8", "surrogateescape"),
        after=played["after"],
        reply_headers=list(_reply_headers(calls)),
        calls=len(calls),
        asked=calls,
        functions=list(_functions(calls)),
        had_bare_lf=host.had_bare_lf,
    )


def _reply_headers(calls: list[Asked]) -> Iterator[str]:
    for name, args, result in calls:
        if name == "HDR.AppendToReply" and result == 0:
            yield args[0]
        elif name == "KSR" and args[0] == "hdr.append_to_reply" and result == 1:
            yield args[1][0]


def _functions(calls: list[Asked]) -> Iterator[Asked]:
    """The functions of KSR by which the script did something; edits of the message are seen there."""
    for name, args, result in calls:
        if name == "KSR" and args[0] not in KSR_READS and args[0] not in KSR_EDITS:
            yield f"KSR.{args[0]}", args[1], result


def _base() -> Path:
    """Where the private directory goes: where temporary files do, unless the path of a socket there is too long."""
    base = Path(tempfile.gettempdir())
    made = len(f"/{PREFIX}12345678/{SOCKET}")  # tempfile adds eight characters
    return base if len(os.fsencode(base)) + made <= MAX_SOCKET_BYTES else Path("/tmp")  # noqa: S108 - is made private there


def _of_the_daemon(job: Job, settings: Settings, assembly: str, directory: Path) -> Settings:
    """The settings of the private daemon; those that Kamailio reads go into a file beside its socket."""
    path = Path(assembly.replace("$$", "$")).absolute()
    values = settings.model_dump(include=settings.model_fields_set)
    values |= {
        "socket": directory / SOCKET,
        "script_dirs": (path.parent,),
        "socket_owner": "",
        "socket_group": "",
    }
    values["load"] = path if job.mode == "run" else None
    if os.geteuid() == ROOT and not settings.worker_user:
        values["worker_user"] = "root"  # as an exec without Kamailio has it
    # The socket is in Kamailio's working directory, whose path TOML may not be able to say.
    (directory / CONFIG).write_text(
        f'socket = "{SOCKET}"\nexec_timeout_s = {settings.exec_timeout_s}\n', encoding="ascii"
    )
    return Settings(**values)


@contextmanager
def _serving(settings: Settings) -> Iterator[None]:
    """A daemon in a thread of this process."""
    with Daemon(settings) as daemon:
        thread = threading.Thread(target=daemon.serve, name="daemon", daemon=True)
        thread.start()
        try:
            yield
        finally:
            daemon.end(keeps_loans=False)
            thread.join(AFTER_S)


@contextmanager
def _started(kamailio: Kamailio, job: Job, assembly: str, host: MessageHost) -> Iterator[Kamailio]:
    """A Kamailio; where an unknown variable in the call keeps it from starting, the error names that one alone."""
    with ExitStack() as stack:
        try:
            stack.enter_context(kamailio)
        except ConfigError:
            for text in (assembly if job.mode == "exec" else "", job.param or ""):
                host.expand(text)
            raise
        yield kamailio


@contextmanager
def _udp_socket() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((IP, 0))
        yield sock


def _cfg(job: Job, assembly: str, port: int, peers: tuple[int, int], modules: Path, *, tables: tuple[str, ...]) -> str:
    present = [name for name in MODULES if (modules / f"{name}.so").is_file()]
    played = installed.kamailio_side() / "played.py"
    loaded = "".join(f'modparam("htable", "htable", "{name}=>size=4;")\n' for name in tables if "htable" in present)
    load = f'loadmodule "app_python3.so"\nmodparam("app_python3", "load", {literal(str(played))})\n'
    if job.mode == "run":
        arguments = [] if job.param is None else [job.param]
    else:
        quoted = assembly.replace("\\", "\\\\").replace('"', '\\"')
        arguments = [f'"{quoted}"' if job.param is None else f'"{quoted}" {job.param}']
    call = f"python_exec({', '.join(map(literal, [f'mono_{job.mode}', *arguments]))})"
    return preamble(port, present, tcp=True) + loaded + load + CFG.format(sender=peers[0], probe=peers[1], call=call)


def _send(sock: socket.socket, datagram: bytes, port: int) -> None:
    try:
        sock.sendto(datagram, (IP, port))
    except OSError as error:
        raise ConfigError(f"the message of {len(datagram)} bytes does not go into one datagram: {error}") from error


def _await(kamailio: Kamailio, record: Path, deadline: float) -> None:
    """Wait for the record; the probe comes through after the message, or instead of it."""
    probed = record.with_suffix(".probed")
    while not record.exists():
        if not kamailio.is_alive:
            raise RunnerError(f"Kamailio crashed: {kamailio.first_errors() or 'its log says nothing'}")
        if probed.exists() and not record.exists():
            why = kamailio.first_errors() or "silently"
            raise ConfigError(f"Kamailio's core dropped the message before it reached a script: {why}")
        if time.monotonic() > deadline:
            raise RunnerError(f"Kamailio gave no result: {kamailio.first_errors() or 'its log has no error'}")
        time.sleep(LOOK_EVERY_S)


def _error(job: Job, assembly: str, played: dict[str, Any]) -> RunnerError | None:
    if not played["error"]:
        return None
    path = assembly.replace("$$", "$")
    # What the daemon says of a script begins with its path, and the lease puts it before all that it is told.
    text = played["error"].replace(f"{path}: {path}: ", f"{path}: ").replace(path, job.script)
    return ScriptError(text, played["detail"]) if played["detail"] else RunnerError(text)
