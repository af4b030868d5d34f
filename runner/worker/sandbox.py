"""
A wall around one worker: bubblewrap, which gives it a private view of the machine.

Inside, the files of the machine are read-only, there is no network, and no other process is visible. /tmp, /run, the
directory of the runner and the working directory contain only what the worker needs. Sockets that are files cannot be
used, wherever they are (``seccomp``). Measured with bubblewrap 0.8 and mono 6.8:

- bwrap forks twice. The outer process is our child and waits; the inner one is process 1 of the wall and reaps. Both
  are in the group that was made for our child. A SIGKILL to that group ends process 1, and the kernel then ends
  everything inside, even what left the group.
- mono is process 2 inside. ``setsid`` makes it the leader of a group, as it is without a wall, so that its own watch
  thread can end that group when the wire is closed. The other processes then end by themselves.
- ``--die-with-parent`` is not used: a worker lives as long as its wire, even when the daemon has died.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import ConfigError

from . import seccomp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import FileIO

MIB = 1024 * 1024
INFO_BYTES = 4096  # far more than bwrap writes, and the most that a pipe takes at once
SIGNALLED = 128  # bwrap.c, propagate_exit_status: a signal becomes an exit code above this, as in a shell

TRIED_S = 10.0
TMP, RUN = "/tmp", "/run"  # noqa: S108  # empty ones, made for one worker

VIEW = ("--unshare-all", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev")

# What is in a tmpfs is memory that does not count as the worker's. Without --size it may be half of the machine's.
TMP_BYTES, SHM_BYTES, NOTHING_BYTES = 64 * MIB, 16 * MIB, 4096


def find(setting: str) -> str:
    """
    The program for the sandbox that the setting names; "" for "none".

    Raises:
        ConfigError: It is not installed.
    """
    if setting == "none":
        return ""
    program = shutil.which(setting)
    if program is None:
        raise ConfigError(f'sandbox = "{setting}": bwrap is not installed: apt-get install bubblewrap')
    return program


def trouble(program: str) -> str:
    """Why ``program`` cannot make a sandbox on this machine, for this user; empty when it can."""
    with contextlib.ExitStack() as undo:
        try:
            if (denied := seccomp.descriptor()) >= 0:
                undo.callback(os.close, denied)
            done = subprocess.run(
                [program, *VIEW, *_filtered(denied), "--", "true"],
                stdin=subprocess.DEVNULL, capture_output=True, pass_fds=given(denied), timeout=TRIED_S, check=False,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
    return done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}" if done.returncode else ""


def given(*descriptors: int) -> list[int]:
    """The descriptors to pass to a process, without those that are -1."""
    return [descriptor for descriptor in descriptors if descriptor >= 0]


def wrapped(
    program: str,
    command: Sequence[str],
    wire: tuple[int, int],
    info: int,
    denied: int,
    *,
    scripts: Sequence[Path],
    hidden: Path,
    shown: Sequence[Path],
    own: Path,
    made: Sequence[Path],
) -> list[str]:
    """
    The command that runs another one inside.

    Args:
        program: What ``find`` returned.
        command: The program and its arguments.
        wire: Descriptors, which become 0 and 1 of the command. bwrap's processes would keep their own 0 and 1 open, so
            that nobody would notice that the command hung up; they close all other descriptors.
        info: A descriptor for ``speaker``.
        denied: What ``seccomp.descriptor`` returned.
        scripts: Directories that stay visible even in /tmp or /run, if they exist. The command's user must be able to
            reach them there.
        hidden: A directory whose contents the command must not see, except for ``shown`` and ``own``.
        shown: Directories in it that the command can read.
        own: A directory in it that is empty inside, writable, and holds at most ``TMP_BYTES``.
        made: Directories that are made in ``own``; the command starts in the first.
    """
    reads, writes = wire
    return [
        program,
        *VIEW,
        *("--size", str(SHM_BYTES), "--tmpfs", "/dev/shm"),  # noqa: S108
        *("--remount-ro", "/dev"),
        *("--size", str(TMP_BYTES), "--tmpfs", TMP),
        # /run has the sockets of the machine's services: connecting needs no network and no writable file system.
        *("--size", str(NOTHING_BYTES), "--tmpfs", RUN),
        *_read_only("--ro-bind-try", [path for path in map(Path.resolve, scripts) if _is_emptied(path)]),
        *("--remount-ro", RUN),
        *("--size", str(NOTHING_BYTES), "--tmpfs", str(hidden)),
        *_read_only("--ro-bind", shown),
        *("--size", str(TMP_BYTES), "--perms", "0700", "--tmpfs", str(own)),
        *(word for path in made for word in ("--perms", "0700", "--dir", str(path))),
        *("--remount-ro", str(hidden)),
        *("--unsetenv", "TMPDIR"),
        *("--chdir", str(made[0])),
        *("--info-fd", str(info)),
        *_filtered(denied),
        "--",
        # bash, because other shells know only descriptors up to 9.
        *("bash", "-c", f'exec setsid "$@" <&{reads} >&{writes} {reads}<&- {writes}>&-', "wire"),
        *command,
    ]


def _filtered(denied: int) -> list[str]:
    return ["--seccomp", str(denied)] if denied >= 0 else []


def _is_emptied(path: Path) -> bool:
    return path.is_relative_to(TMP) or path.is_relative_to(RUN)


def _read_only(option: str, paths: Sequence[Path]) -> list[str]:
    return [word for path in paths for word in (option, str(path), str(path))]


def speaker(wire: int, info: FileIO, deadline: float) -> int:
    """
    The process that speaks on the wire, by its number outside the sandbox; 0 when it writes nothing in time.

    Args:
        wire: The pipe that it writes into; nothing is read from it here.
        info: The pipe of the descriptor that ``wrapped`` was given: bwrap writes which process is process 1 inside.
        deadline: On ``time.monotonic``.
    """
    poll = select.poll()
    poll.register(wire, select.POLLIN)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        return 0
    try:
        first = int(json.loads(info.read(INFO_BYTES) or b"")["child-pid"])
        return int(Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, LookupError):  # it has ended
        return 0


def first_inside(pid: int) -> int:
    """
    Process 1 of the sandbox around ``pid``, by its number outside; it ends after all others inside.

    Raises:
        OSError: The process no longer exists.
    """
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])


def exit_code(code: int) -> int:
    """The exit code of the process inside, from bwrap's exit code; a signal is negative, as in ``subprocess``."""
    return SIGNALLED - code if code - SIGNALLED in {*signal.Signals} else code
