"""
What a worker may do to the machine, whatever its script tries.

Its own session and process group, closed descriptors and a private directory come with its start (``worker``); that it
never gains privileges it asks for itself (bridge/Native.cs). Here are its environment and its limits.
"""

from __future__ import annotations

import contextlib
import os
import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .settings import Settings

MIB = 1024 * 1024

PASSED_ON = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
PASSED_ON_PREFIXES = ("LC_", "MONO_")

# No crash files in the working directory, nothing left in /dev/shm (measured: mono 6.8; see docs/architecture.md).
MONO_ENVIRONMENT = {"MONO_CRASH_NOFILE": "1", "MONO_DISABLE_SHARED_AREA": "1"}
# A smaller nursery than mono's 4 MiB: it starts earlier and stays in the CPU's cache (`python -m bench.start`).
MONO_DEFAULTS = {"MONO_GC_PARAMS": "nursery-size=1m"}

# Where gdb is installed mono runs it when native code crashes: 1.4 s until the process ends, 3 ms without (measured).
NO_GDB = "no-gdb-backtrace"


def environment(settings: Settings, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """A worker's variables: what programs need to find their way, what the settings add, and mono's own."""
    wanted = PASSED_ON | set(settings.worker_env)
    passed = {name: text for name, text in given.items() if name in wanted or name.startswith(PASSED_ON_PREFIXES)}
    debug = ",".join(filter(None, [passed.get("MONO_DEBUG"), NO_GDB]))
    return MONO_DEFAULTS | passed | MONO_ENVIRONMENT | {"MONO_DEBUG": debug}


def limits(settings: Settings) -> dict[int, int]:
    """Kernel limits of a worker: one of ``resource.RLIMIT_*`` to the most that is allowed; what is 0 has none."""
    wanted = {
        resource.RLIMIT_NOFILE: settings.max_open_files,
        resource.RLIMIT_AS: settings.max_address_space_mib * MIB,
        resource.RLIMIT_NPROC: settings.max_processes,
    }
    return {resource.RLIMIT_CORE: 0} | {kind: most for kind, most in wanted.items() if most}


def limit(pid: int, settings: Settings) -> None:
    """Put the limits on a process that has just started: no script has run in it yet."""
    for kind, most in limits(settings).items():
        # A lower limit than ours is the administrator's word; and the process may have ended already.
        with contextlib.suppress(ProcessLookupError, PermissionError, ValueError):
            _, hard = resource.prlimit(pid, kind)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)  # noqa: PLW2901 - the same limit
            resource.prlimit(pid, kind, (most, most))
