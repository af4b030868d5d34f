"""
What confines a worker on this machine, one line a measure.

It is read from the kernel, of a worker that runs; what is not in force says how to have it.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runner.errors import ConfigError
from runner.runtimes.known import MONO
from runner.worker import confine, sandbox

if TYPE_CHECKING:
    from runner.settings import Settings

LIMITS = {"Max core file size": "core files", "Max open files": "open files", "Max file size": "file size"} | {
    "Max address space": "address space",
    "Max processes": "processes",
}
IN_BYTES = frozenset({"Max address space", "Max file size"})


class Measure(NamedTuple):
    """One of them: its name, what it does or how to have it, and whether it is in force."""

    title: str
    text: str
    is_in_force: bool = True


def measures(settings: Settings, pid: int) -> list[Measure]:
    """
    Everything that confines the worker ``pid``.

    Raises:
        OSError: It has gone.
    """
    process = Path(f"/proc/{pid}")
    status = dict(re.findall(r"^(\w+):\s*(.*)$", (process / "status").read_text(encoding="utf-8"), re.MULTILINE))
    return [
        _user(int(status["Uid"].split()[0]), int(status["Gid"].split()[0])),
        _own_group(pid),
        _privileges(status, process / "task"),
        _limits((process / "limits").read_text(encoding="ascii"), is_root=status["Uid"].startswith("0\t")),
        _environment(settings),
        _descriptors(process / "fd"),
        _sandbox(settings, process),
        _scripts(settings),
    ]


def _user(uid: int, gid: int) -> Measure:
    name = str(uid)
    with contextlib.suppress(KeyError):
        name = pwd.getpwuid(uid).pw_name
    if uid != os.geteuid():
        return Measure("user", f"workers run as {name} (uid {uid}, gid {gid})")
    advice = 'worker_user = "app-mono-scripts" is better' if uid == 0 else "only root can set worker_user"
    return Measure("user", f"workers run as {name}, as this process does: {advice}", is_in_force=False)


def _privileges(status: dict[str, str], threads: Path) -> Measure:
    held = "those of root" if int(status["CapEff"], 16) else "none"
    free = 0  # each thread has its own word for it
    for thread in threads.iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            free += "\nNoNewPrivs:\t1\n" not in (thread / "status").read_text(encoding="utf-8")
    which = f"{free} of its threads can gain some" if free else "none can be gained (no_new_privs)"
    return Measure("privileges", f"{which}; capabilities: {held}", not free)


def _own_group(pid: int) -> Measure:
    leads = os.getpgid(pid) == os.getsid(pid) == pid
    return Measure("group", "a session and a process group of its own, which end as a whole", leads)


def _limits(text: str, *, is_root: bool) -> Measure:
    found = dict(re.findall(r"^(Max [a-z ]+?)  +(\S+)", text, re.MULTILINE))
    limits = ", ".join(f"{name} {_shown(found[title], title)}" for title, name in LIMITS.items())
    free = [name for title, name in LIMITS.items() if found[title] == "unlimited"]
    hint = "; processes are not limited for root" if is_root else ""
    hint += "; max_address_space_mib limits the address space" if "address space" in free else ""
    return Measure("limits", limits + hint, found["Max core file size"] == "0")


def _shown(limit: str, title: str) -> str:
    return f"{int(limit) // confine.MIB} MiB" if title in IN_BYTES and limit.isdecimal() else limit


def _environment(settings: Settings) -> Measure:
    names = sorted(confine.environment(settings, MONO, confine.user(settings)))
    return Measure("variables", f"{', '.join(names)}; more by worker_env")


def _descriptors(directory: Path) -> Measure:
    own = {"/dev/null", "pipe", "socket", "anon_inode"}
    with contextlib.suppress(OSError):
        own.add(str((directory.parent / "cwd").readlink()))
    inherited = []
    for entry in directory.iterdir():
        with contextlib.suppress(OSError):
            kind = str(entry.readlink()).partition(":")[0]
            if kind not in own and not kind.endswith("/task"):  # its threads, and its working directory
                inherited.append(kind)
    text = f"inherited: {', '.join(inherited)}" if inherited else "its own and the wire; none is inherited"
    return Measure("files", text, not inherited)


def _sandbox(settings: Settings, process: Path) -> Measure:
    own = Path("/proc/self/ns/pid").readlink()
    if (process / "ns" / "pid").readlink() != own:
        filters = (process / "status").read_text(encoding="utf-8")
        sockets = "no network, nor sockets of services" if "\nSeccomp:\t2\n" in filters else "no network"
        return Measure("sandbox", f"{settings.sandbox}: files are read-only, {sockets}, no other process is seen")
    try:
        why = sandbox.trouble(sandbox.find("bwrap"))
    except ConfigError:
        why = "bwrap is not installed: apt-get install bubblewrap"
    advice = f"none, and not possible here: {why}" if why else 'none; it works here: set sandbox = "bwrap"'
    return Measure("sandbox", advice, is_in_force=False)


def _scripts(settings: Settings) -> Measure:
    if settings.script_dirs is None:
        text = "any file may be run; a daemon needs script_dirs, which says what may"
        return Measure("scripts", text, is_in_force=False)
    shown = ", ".join(map(str, settings.script_dirs)) or "none"
    return Measure("scripts", f"only below {shown}, and not what everybody may write to")
