"""
The unit of systemd whose main process this is: what scripts left running in it.

A child that a script put into a session of its own outlives its worker, and where the unit has ``KillMode=process`` it
outlives the unit, too. Must not touch anything where this is not such a unit's main process: the cgroup of a shell or
of a cron job has others in it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

SERVICE = ".service"
LOOK_S = 0.01


def end_others(deadline: float) -> int:
    """
    End every other process of the unit's cgroup at once; how many there were. Without such a unit: none.

    Args:
        deadline: On ``time.monotonic``: scripts' processes may start others meanwhile.
    """
    group = own_group()
    if group is None:
        return 0
    ended: set[int] = set()
    with contextlib.suppress(OSError):
        while others := _others(group):
            for pid in others:
                if _end(pid):
                    ended.add(pid)
            if time.monotonic() >= deadline:
                break
            time.sleep(LOOK_S)
    return len(ended)


def own_group() -> Path | None:
    """The directory of the unit's cgroup (version 2); None where this process is not the main process of a unit."""
    # systemd.exec(5): only the process that systemd itself started has its own number there; a child of it inherits it.
    if os.environ.get("SYSTEMD_EXEC_PID") != str(os.getpid()):
        return None
    name = _name(os.getpid())
    if not name.endswith(SERVICE):
        return None
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        fields, _, kind = line.partition(" - ")
        root, place = fields.split()[3:5]
        if kind.startswith("cgroup2 ") and root == "/":
            return Path(place) / name.removeprefix("/")
    return None


def _others(group: Path) -> list[int]:
    listed = (group / "cgroup.procs").read_text("ascii").split()
    return [pid for pid in map(int, listed) if pid != os.getpid()]


def _end(pid: int) -> bool:
    """Kill one, if it is the one that was listed: by the time of the look its number may be another's."""
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if _name(pid) != _name(os.getpid()):
            return False
        signal.pidfd_send_signal(process, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(process)
    return True


def _name(pid: int) -> str:
    """A process's cgroup as the kernel names it; "" where there is no version 2."""
    for line in Path(f"/proc/{pid}/cgroup").read_text("utf-8", "surrogateescape").splitlines():
        if line.startswith("0::"):
            return line.removeprefix("0::")
    return ""
