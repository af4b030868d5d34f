"""
What the daemon has to do with systemd: it says how it is (sd_notify(3)), and ends what scripts left in its unit.

A child that a script put into a session of its own outlives its worker, and where the unit has ``KillMode=process`` it
outlives the unit, too. Must not touch anything where this is not such a unit's main process: the cgroup of a shell or
of a cron job has others in it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

SERVICE = ".service"
LOOK_S = 0.01


def notify(state: str) -> None:
    """Send a line such as ``READY=1`` to the socket that systemd names in the environment; never waits or fails."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(False)  # noqa: FBT003  # positional only
        # An address that begins with @ is of the abstract namespace.
        sock.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)


def end_others(deadline: float) -> int:
    """
    End every other process of the unit's cgroup at once.

    Args:
        deadline: When to stop looking, on ``time.monotonic``: these processes may start others meanwhile.

    Returns:
        How many were ended; 0 without such a unit.
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
    """Kill one, if it still is in the unit: by now its number may be another process's."""
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
