"""The private directory of one runner: the copies of scripts and of the bridge, and its workers' working directories.

A runner that was killed cannot remove its own, so the next one does: a directory whose lock nobody holds is dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Generator

PREFIX = "app-mono-"
LOCK = "lock"
BLOBS = "blobs"
BRIDGE = "bridge"


@contextlib.contextmanager
def run_directory(group: int | None = None) -> Generator[Path]:
    """
    A new directory, for this user only, that goes when the block ends. Sweeps those of dead runners.

    Args:
        group: Of workers that run as another user. It may pass through the directory and not list it, and what is
            made there belongs to it.

    Raises:
        ConfigError: It cannot be made, for one because the file system is full.
    """
    place = None
    try:
        base = Path(tempfile.gettempdir())
        _sweep(base)
        place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        new = place / f"{LOCK}.new"
        lock = os.open(new, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if place is not None:
            place.rmdir()
        raise ConfigError(f"the directory for copies and workers cannot be made: {error}; see TMPDIR") from error
    try:
        # Locked before it has its name: a lock file that nobody holds, however shortly, says that its runner is dead.
        fcntl.flock(lock, fcntl.LOCK_EX)
        new.rename(place / LOCK)
        if group is not None:
            os.chown(place, -1, group)
            place.chmod(0o2710)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def pinned(bridge: Path, directory: Path) -> Path:
    """
    Copy SRBridge.exe and what lies beside it into the directory of a runner; the copy.

    Workers start from copies: their user may not be able to read the originals, and a build beside a running daemon
    changes nothing under it.

    Raises:
        ConfigError: It cannot be copied, for one because the file system is full.
    """
    place = directory / BRIDGE
    try:
        place.mkdir()
        for file in bridge.parent.glob("SR*"):
            if file.suffix != ".stamp":
                copy = place / file.name
                shutil.copyfile(file, copy)
                copy.chmod(0o440)
        place.chmod(0o2710)
    except OSError as error:
        raise ConfigError(f"the bridge cannot be copied to {place}: {error}; see TMPDIR") from error
    return place / bridge.name


def _sweep(base: Path) -> None:
    for place in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if place.is_symlink() or place.stat().st_uid != os.geteuid():
                continue
            # A directory without its lock file is just being made, or was not made by a runner.
            lock = os.open(place / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _let_run(place)
                shutil.rmtree(place, ignore_errors=True)
            finally:
                os.close(lock)


def _let_run(place: Path) -> None:
    """A worker that was stopped when its runner died cannot see that its wire hung up; going on, it ends itself."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(place):
                os.kill(int(process.name), signal.SIGCONT)
