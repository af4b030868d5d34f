"""
Limits what a worker may do to the machine, whatever its script tries.

This module has the user it runs as, its environment, its limits, and "no new privileges". ``process`` gives it a
session and process group of its own, closed descriptors and a private directory; ``sandbox`` is the wall around it.
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

    from runner.runtimes.runtime import Runtime
    from runner.settings import Settings

MIB = 1024 * 1024

PASSED_ON = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
PASSED_ON_PREFIXES = ("LC_",)

# An idle worker has 4, and a script that starts a hundred threads is still served. The kernel counts all processes of a
# user together, so the programs that run as the same user count too. A sandbox has a user namespace of its own, in
# which each worker is counted separately (measured on Linux 6.18; since 5.14).
PROCESSES_OF_A_WORKER = 128

# Stops a loop that writes to one file before the disk is full. It leaves room for a day's log of a busy site, to which
# a script without a sandbox may append. In a sandbox all its files together have 64 MiB (``sandbox.TMP_BYTES``).
FILE_BYTES = 4096 * MIB

OPTIONS = {
    resource.RLIMIT_CORE: "core",
    resource.RLIMIT_FSIZE: "fsize",
    resource.RLIMIT_NOFILE: "nofile",
    resource.RLIMIT_AS: "as",
    resource.RLIMIT_DATA: "data",
    resource.RLIMIT_NPROC: "nproc",
}
"""The options of prlimit(1), without the dashes."""


ROOT = 0


def refuse_root(settings: Settings) -> None:
    """
    Refuse to own workers for others as root, unless the settings say who the workers are.

    Raises:
        ConfigError: This process is root's, and ``worker_user`` is not set.
    """
    if os.geteuid() == ROOT and not settings.worker_user:
        # Whoever may connect can have any code run in a worker: its wire takes what is said on it.
        raise ConfigError(
            'a daemon of root needs worker_user: set worker_user = "app-mono-scripts", a user for scripts alone '
            '(adduser --system --group --no-create-home app-mono-scripts); or worker_user = "root", which says '
            "that scripts, and all who may connect, may do what root may"
        )


@dataclass(frozen=True, slots=True)
class User:
    """
    The user that workers run as.

    Attributes:
        name: Its name, or its number where the system has no name for it.
        uid: Its number.
        gid: The primary group of its processes.
        groups: Its other groups.
        home: Its home directory; "/" for a number that the system does not know.
    """

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def user(settings: Settings) -> User | None:
    """
    The user that workers run as; None: the user of this process, with its groups.

    It is None too where the settings name the user of this process.

    Raises:
        ConfigError: There is no such user or group, or this process may not choose one.
    """
    return _user(settings.worker_user, settings.worker_group, os.geteuid())


@functools.lru_cache(maxsize=8)
def _user(wanted: str, group: str, uid: int) -> User | None:
    # Looked up only once: a process out of descriptors cannot read the list of users, and would find no such user.
    if _is_own(wanted, group, uid):
        return None
    if not wanted:
        if group:
            raise ConfigError("worker_group: it has a meaning only together with worker_user; set that too")
        return None
    if uid != 0:
        raise ConfigError(f"worker_user {wanted!r}: only root may run workers as another user; this is uid {uid}")
    known = _known_user(wanted)
    if known is None and not group:
        raise ConfigError(f"worker_group: the system does not know uid {wanted}, so set its group here")
    gid = _group_id(group) if group else known.pw_gid if known else 0
    if known is None:
        return User(wanted, int(wanted), gid, (), "/")
    groups = tuple(sorted({*os.getgrouplist(known.pw_name, known.pw_gid)} - {gid}))
    return User(known.pw_name, known.pw_uid, gid, groups, known.pw_dir)


def passed_on(
    settings: Settings, beginnings: tuple[str, ...] = (), given: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What a script may know of the environment: the usual variables, those that the settings add, and others."""
    wanted, prefixes = PASSED_ON | set(settings.worker_env), (*PASSED_ON_PREFIXES, *beginnings)
    return {name: text for name, text in given.items() if name in wanted or name.startswith(prefixes)}


def environment(
    settings: Settings, runtime: Runtime, who: User | None, given: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """A worker's environment variables: what is passed on, and what its runtime needs."""
    passed = passed_on(settings, runtime.passes_on, given)
    own = runtime.variables(passed)
    if who is not None:
        passed |= {"USER": who.name, "LOGNAME": who.name, "HOME": who.home}
    return dict(runtime.defaults) | passed | own


def limits(settings: Settings, runtime: Runtime) -> dict[int, int]:
    """Kernel limits of a worker: from ``resource.RLIMIT_*`` to the maximum. A setting of 0 gives no limit."""
    processes = settings.max_processes
    if processes is None:
        is_own = not settings.worker_user or _is_own(settings.worker_user, settings.worker_group, os.geteuid())
        count = 1 if settings.sandbox != "none" else 0 if is_own else settings.max_workers
        processes = PROCESSES_OF_A_WORKER * count
    wanted = {
        resource.RLIMIT_NOFILE: settings.max_open_files,
        resource.RLIMIT_AS: settings.max_address_space_mib * MIB,
        resource.RLIMIT_DATA: runtime.max_data_mib * MIB,
        resource.RLIMIT_NPROC: processes,
    }
    return {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: FILE_BYTES} | {
        kind: most for kind, most in wanted.items() if most
    }


def limited(command: Sequence[str], settings: Settings, runtime: Runtime) -> list[str]:
    """
    The command that runs another one within its limits and without new privileges, through prlimit(1) and setpriv(1).

    No other way works everywhere. Limiting the process of another user from outside takes CAP_SYS_RESOURCE, which a
    container's root lacks (seen: no limit was set there). ``preexec_fn`` is not safe in a process with threads. And
    if mono set no_new_privs itself, that would hold only for the calling thread: the threads of its finaliser and its
    collector are older (seen: a process that a finaliser started could gain privileges). bwrap sets it itself.
    """
    options = []
    for kind, most in limits(settings, runtime).items():
        _, hard = resource.getrlimit(kind)  # a lower limit that is already set was the administrator's choice
        options.append(f"--{OPTIONS[kind]}={most if hard == resource.RLIM_INFINITY else min(most, hard)}")
    gain_nothing = ["setpriv", "--no-new-privs", "--"] if settings.sandbox == "none" else []
    return ["prlimit", *options, "--", *gain_nothing, *command]


@functools.lru_cache(maxsize=8)
def _is_own(wanted: str, group: str, uid: int) -> bool:
    """Whether ``wanted`` is the user of this process, and no group is given."""
    if not wanted or group:
        return False
    with contextlib.suppress(ConfigError):
        known = _known_user(wanted)
        return known is not None and known.pw_uid == uid
    return False


def _known_user(wanted: str) -> pwd.struct_passwd | None:
    """The user with that name or number; None for a number that the system does not know."""
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
