"""The private directory of one runner: the copies of scripts and of the bridge, and its workers' working directories.

A runner that was killed cannot remove its directory, so the next runner removes every directory whose lock is free.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import ConfigError

from .remove import LATER, NOT_DONE, enter, remove_within

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

log = logging.getLogger("runner.rundir")

END_S = 3.0  # for removing at the end, for which the unit allows 15 s in all; the next start removes the rest
SWEEP_S = 2.0  # for removing at the start, for all dead runners together; the rest is removed in the background
LOOKED_AT = 10_000  # names; any user can make more in /tmp, and a start must not take longer for each of them
PREFIX = "app-mono-"
LOCK = "lock"
BLOBS = "blobs"
BRIDGE = "bridge"


@contextlib.contextmanager
def run_directory(group: int | None = None, base: Path | None = None) -> Generator[Path]:
    """
    A new directory, private to this user, for the length of a ``with`` block. Also removes those of dead runners.

    Args:
        group: The group of workers that run as another user. It may pass through the directory but not list it, and
            it owns what is made there.
        base: Where it is made; None: where temporary files go.

    Raises:
        ConfigError: It cannot be made, for example because the file system is full.
    """
    place = None
    try:
        base = base or Path(tempfile.gettempdir())
        _sweep(base)
        place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        new = place / f"{LOCK}.new"
        lock = os.open(new, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if place is not None:
            place.rmdir()
        raise ConfigError(f"the directory for copies and workers cannot be made: {error}; see TMPDIR") from error
    try:
        # Locked before it gets its name: a free lock, however briefly, would mean that this runner is dead.
        fcntl.flock(lock, fcntl.LOCK_EX)
        new.rename(place / LOCK)
        if group is not None:
            os.chown(place, -1, group)
            place.chmod(0o2710)
        yield place
    finally:
        try:
            if why := _clear(place, time.monotonic() + END_S):
                log.warning("%s: is left for the next start to remove: %s", place, why)
        finally:
            os.close(lock)


def pinned(files: Sequence[Path], root: Path, place: Path) -> Path:
    """
    Copy the files of a bridge, all below ``root``, into the directory of a runner; returns the copy of the first.

    Workers start from copies. Their user may not be able to read the originals, and a new build must not change what
    a running daemon uses.

    Raises:
        ConfigError: They cannot be copied, for example because the file system is full.
    """
    copies = [place / file.relative_to(root) for file in files]
    try:
        for file, copy in zip(files, copies, strict=True):
            for made in reversed([copy.parent, *copy.parent.parents]):
                if made.is_relative_to(place.parent) and not made.exists():
                    made.mkdir()
                    made.chmod(0o2750)
            shutil.copyfile(file, copy)
            copy.chmod(0o440)
    except OSError as error:
        raise ConfigError(f"the bridge cannot be copied to {place}: {error}; see TMPDIR") from error
    return copies[0]


def _sweep(base: Path) -> None:
    """Remove the directories of dead runners. Nothing that is found there stops the start."""
    deadline = time.monotonic() + SWEEP_S
    with os.scandir(base) as entries:
        named = (entry.name for entry in entries if entry.name.startswith(PREFIX))
        for name in itertools.islice(named, LOOKED_AT):
            try:
                _remove_dead(base / name, deadline)
            except OSError:  # another user's, not a directory, or that of a runner that lives or is starting
                continue
            except Exception:  # whatever is wrong with it must not keep the daemon from starting
                log.exception("%s: cannot be removed", base / name)
        if next(named, None) is not None:
            log.warning("%s: has more than %d names like %s*; the rest is not checked", base, LOOKED_AT, PREFIX)


def _remove_dead(place: Path, deadline: float) -> None:
    """
    Remove the directory of a dead runner; after the deadline, the rest of it in the background.

    Raises:
        OSError: It belongs to another user or to a runner that is alive, or was not made by a runner.
    """
    directory = _opened(place)
    try:
        # A directory without a lock file is being made just now, or was not made by a runner.
        lock = os.open(LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    finally:
        os.close(directory)
    with contextlib.ExitStack() as undo:
        undo.callback(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _send_sigcont(place)
        why = _clear(place, deadline)
        if why == NOT_DONE:
            LATER.add(place, lambda until: _clear(place, until), undo.pop_all().close)
        elif why:
            log.warning("%s: cannot be removed: %s", place, why)


def _clear(place: Path, deadline: float) -> str:
    """
    Remove a runner's directory, which this process has locked, and everything in it. Never raises.

    The lock is removed last, so that the next start finds what is left. Each directory in it is removed separately,
    because its tree belongs to the worker's user. Returns what ``remove_within`` does.
    """
    try:
        directory = _opened(place)
    except OSError as error:
        return "" if isinstance(error, FileNotFoundError) else str(error.strerror)
    try:
        why = ""
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name != LOCK:
                    why = remove_within(directory, entry.name, deadline) or why
                    if why == NOT_DONE:
                        break
        if not why:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(LOCK, dir_fd=directory)
            place.rmdir()
    except OSError as error:
        why = str(error.strerror)
    finally:
        if why:
            with contextlib.suppress(OSError):
                os.close(os.open(LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=directory))
        os.close(directory)
    return why


def _opened(place: Path) -> int:
    """
    A descriptor of a directory that belongs to this process's user.

    Raises:
        OSError: It belongs to another user, or is not a directory.
    """
    base = os.open(place.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return enter(base, place.name, os.geteuid())
    finally:
        os.close(base)


def _send_sigcont(place: Path) -> None:
    """Let stopped workers of a dead runner run, so that they see that their wire is closed, and end themselves."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(place):
                os.kill(int(process.name), signal.SIGCONT)
