"""Groups of processes with limits: what TasksMax and MemoryMax of a systemd unit set."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.programs import until

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 10.0
ROOT = Path("/sys/fs/cgroup")
PLACES = (ROOT / "pids", ROOT)  # version 1 has a tree for each controller, version 2 one for all


class PidsGroup:
    """One control group with ``pids.max``; processes and threads of its members count."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def add(self, pid: int) -> None:
        """Add the process, and all that it starts from now on."""
        (self._place / "cgroup.procs").write_text(str(pid), "ascii")

    def allow(self, most: int | None) -> None:
        """Set the limit of processes and threads together; None: no limit."""
        (self._place / "pids.max").write_text("max" if most is None else str(most), "ascii")

    @property
    def current(self) -> int:
        """The current number of processes and threads."""
        return int((self._place / "pids.current").read_text("ascii"))

    def end(self) -> None:
        """Kill all members. They may start nothing meanwhile, so none escapes."""
        self.allow(1)
        deadline = time.monotonic() + PATIENCE_S
        while (left := self.members()) and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def members(self) -> list[int]:
        """Its processes."""
        return [int(pid) for pid in (self._place / "cgroup.procs").read_text("ascii").split()]


@contextlib.contextmanager
def pids_group() -> Iterator[PidsGroup]:
    """
    A new group; at the end what is left in it is killed, and it is removed.

    Raises:
        LookupError: This user may have none; the text says what to do.
    """
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
                group = PidsGroup(place)
                yield group
                group.end()
                return
        finally:
            place.rmdir()
    raise LookupError(f"fork and thread bombs need a cgroup with pids.max, for example as root: {why}")


@contextlib.contextmanager
def memory_group(most_mib: int) -> Iterator[Path]:
    """
    A new group whose members may have so many MiB together; above them the kernel ends one. Gives its directory.

    Raises:
        LookupError: This user may have none; the text says what to do.
    """
    why = "no cgroup with the controller memory"
    for base, limit in ((ROOT / "memory", "memory.limit_in_bytes"), (ROOT, "memory.max")):
        place = base / f"app-mono-memory-{os.getpid()}"
        try:
            place.mkdir()
        except OSError as error:
            why = f"{base}: {error.strerror}"
            continue
        try:
            if (place / limit).exists():
                (place / limit).write_text(str(most_mib << 20), "ascii")
                yield place
                return
        finally:
            members = place / "cgroup.procs"
            until(lambda members=members: not members.read_text("ascii"), "its members have ended")  # type: ignore[misc]
            place.rmdir()
    raise LookupError(f"the out-of-memory killer needs a cgroup with a memory limit, for example as root: {why}")
