"""A group of processes that may have so many and no more: what TasksMax of a systemd unit is."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path("/sys/fs/cgroup")
PLACES = (ROOT / "pids", ROOT)  # version 1 has a tree for each controller, version 2 one for all


class PidsGroup:
    """One control group with ``pids.max``; processes and threads of its members count."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def add(self, pid: int) -> None:
        """The process and all that it starts from now on."""
        (self._place / "cgroup.procs").write_text(str(pid), "ascii")

    def allow(self, most: int | None) -> None:
        """So many processes and threads together; None for any number."""
        (self._place / "pids.max").write_text("max" if most is None else str(most), "ascii")

    @property
    def current(self) -> int:
        """How many there are."""
        return int((self._place / "pids.current").read_text("ascii"))

    def members(self) -> list[int]:
        """Its processes."""
        return [int(pid) for pid in (self._place / "cgroup.procs").read_text("ascii").split()]


@contextlib.contextmanager
def pids_group() -> Iterator[PidsGroup]:
    """A new group, removed at the end. Skips the test where this user may have none."""
    why = "no cgroup with the controller pids"
    for base in PLACES:
        place = base / f"app-mono-test-{os.getpid()}"
        try:
            place.mkdir()
        except OSError as error:
            why = f"{base}: {error.strerror}"
            continue
        try:
            if (place / "pids.max").exists():
                yield PidsGroup(place)
                return
        finally:
            place.rmdir()
    pytest.skip(f"fork and thread bombs need a cgroup with pids.max (run the tests as root): {why}")
