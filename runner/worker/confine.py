"""
What a worker may do to the machine, whatever its script tries.

Its own session and process group, closed descriptors and a private directory come with its start (``process``);
``sandbox`` is the wall around it. Here are the user it runs as, its environment, its limits, and that it gains nothing.
"""

from __future__ import annotations

import contextlib
import functools
import grp
import os
import pwd
import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.settings import Settings

MIB = 1024 * 1024

PASSED_ON = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
PASSED_ON_PREFIXES = ("LC_", "MONO_")

# No crash files in the working directory, nothing left in /dev/shm (measured: mono 6.8; see docs/architecture.md).
MONO_ENVIRONMENT = {"MONO_CRASH_NOFILE": "1", "MONO_DISABLE_SHARED_AREA": "1"}
# Few arenas of malloc, of which glibc makes 8 for each CPU: each takes 64 MiB of the address space, and as many as 64
# CPUs may have left a script 64 threads of 4096 MiB (measured; 1,774 with 8 arenas).
MONO_DEFAULTS = {"MALLOC_ARENA_MAX": "8"}

# Where gdb is installed mono runs it when native code crashes: 1.4 s until the process ends, 3 ms without (measured).
NO_GDB = "no-gdb-backtrace"

# An idle worker has 4, and a script that starts a hundred threads is still served. The kernel counts all processes of a
# user together, so without a user of their own other programs would count; but in a sandbox, which is a user namespace
# of its own, each worker for itself (measured on Linux 6.18; since 5.14).
PROCESSES_OF_A_WORKER = 128

# A loop that writes to one file ends there, and not where the disk does. Room for a day's log of a busy site, which a
# script without a sandbox may append to; in a sandbox all its files together have 64 MiB (``sandbox.TMP_BYTES``).
FILE_BYTES = 4096 * MIB

OPTIONS = {
    resource.RLIMIT_CORE: "core",
    resource.RLIMIT_FSIZE: "fsize",
    resource.RLIMIT_NOFILE: "nofile",
    resource.RLIMIT_AS: "as",
    resource.RLIMIT_NPROC: "nproc",
}
"""Of prlimit(1), without the dashes."""


@dataclass(frozen=True, slots=True)
class User:
    """
    Who workers run as.

    Attributes:
        name: As the system knows it, or its number.
        uid: Its number.
        gid: The group of its processes.
        groups: The other groups that it is in.
        home: Its home directory; "/" for a number that the system does not know.
    """

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def user(settings: Settings) -> User | None:
    """
    Who workers run as; None: the user of this process, with its groups, also where the settings name just that user.

    Raises:
        ConfigError: There is no such user or group, or this process may not choose one.
    """
    return _user(settings.worker_user, settings.worker_group, os.geteuid())


@functools.lru_cache(maxsize=8)
def _user(wanted: str, group: str, uid: int) -> User | None:
    # Looked up once: a process out of descriptors cannot read the list of users, and is told that there is none such.
    if _is_own(wanted, group, uid):
        return None
    if not wanted:
        if group:
            raise ConfigError("worker_group: has a meaning beside worker_user only; set that, too")
        return None
    if uid != 0:
        raise ConfigError(f"worker_user {wanted!r}: only root may run workers as another user; this is uid {uid}")
    known = _known_user(wanted)
    if known is None and not group:
        raise ConfigError(f"worker_group: uid {wanted} is in no list of users, so its group has to be said")
    gid = _group_id(group) if group else known.pw_gid if known else 0
    if known is None:
        return User(wanted, int(wanted), gid, (), "/")
    groups = tuple(sorted({*os.getgrouplist(known.pw_name, known.pw_gid)} - {gid}))
    return User(known.pw_name, known.pw_uid, gid, groups, known.pw_dir)


def environment(settings: Settings, who: User | None, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """A worker's variables: what programs need to find their way, what the settings add, and mono's own."""
    wanted = PASSED_ON | set(settings.worker_env)
    passed = {name: text for name, text in given.items() if name in wanted or name.startswith(PASSED_ON_PREFIXES)}
    debug = ",".join(filter(None, [passed.get("MONO_DEBUG"), NO_GDB]))
    if who is not None:
        passed |= {"USER": who.name, "LOGNAME": who.name, "HOME": who.home}
    return MONO_DEFAULTS | passed | MONO_ENVIRONMENT | {"MONO_DEBUG": debug}


def limits(settings: Settings) -> dict[int, int]:
    """Kernel limits of a worker: one of ``resource.RLIMIT_*`` to the most that is allowed; what is 0 has none."""
    processes = settings.max_processes
    if processes is None:
        is_own = not settings.worker_user or _is_own(settings.worker_user, settings.worker_group, os.geteuid())
        count = 1 if settings.sandbox != "none" else 0 if is_own else settings.max_workers
        processes = PROCESSES_OF_A_WORKER * count
    wanted = {
        resource.RLIMIT_NOFILE: settings.max_open_files,
        resource.RLIMIT_AS: settings.max_address_space_mib * MIB,
        resource.RLIMIT_NPROC: processes,
    }
    return {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: FILE_BYTES} | {
        kind: most for kind, most in wanted.items() if most
    }


def limited(command: Sequence[str], settings: Settings) -> list[str]:
    """
    The command that runs another one within its limits and without new privileges: prlimit(1) and setpriv(1) become it.

    Nothing else works everywhere: to limit the process of another user from outside takes CAP_SYS_RESOURCE, which a
    container's root lacks (seen: then not one limit was set), and ``preexec_fn`` is not safe beside threads. And what
    mono asks for itself holds for the thread that asks: those of its finaliser and of its collector are older (seen:
    a process that a finaliser started could gain privileges). bwrap has asked already.
    """
    options = []
    for kind, most in limits(settings).items():
        _, hard = resource.getrlimit(kind)  # a lower one than ours is the administrator's word
        options.append(f"--{OPTIONS[kind]}={most if hard == resource.RLIM_INFINITY else min(most, hard)}")
    gain_nothing = ["setpriv", "--no-new-privs", "--"] if settings.sandbox == "none" else []
    return ["prlimit", *options, "--", *gain_nothing, *command]


@functools.lru_cache(maxsize=8)
def _is_own(wanted: str, group: str, uid: int) -> bool:
    """Whether the user is that of this process, and no group is named beside it."""
    if not wanted or group:
        return False
    with contextlib.suppress(ConfigError):
        known = _known_user(wanted)
        return known is not None and known.pw_uid == uid
    return False


def _known_user(wanted: str) -> pwd.struct_passwd | None:
    """The user of that name or number; None for a number that the system does not know."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(wanted)
    if not wanted.isdecimal():
        raise ConfigError(f"worker_user: there is no user {wanted!r}")
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(int(wanted))
    return None


def _group_id(wanted: str) -> int:
    with contextlib.suppress(KeyError):
        return grp.getgrnam(wanted).gr_gid
    if not wanted.isdecimal():
        raise ConfigError(f"worker_group: there is no group {wanted!r}")
    return int(wanted)
