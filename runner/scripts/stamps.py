"""
What the kernel says of files without reading them, compared before every exec.

Must not know what is in a file, nor what it is for.
"""

from __future__ import annotations

import os
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from runner.lane.choice import Looks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# git's racy rule. A file may be written twice within one tick of the kernel's clock and keep its stamp: mcs rewrites
# to the same size, ext4 reuses the inode, and kernels before 6.13 tick file times every 4 ms (10 ms with HZ=100).
YOUNG_NS = 20_000_000
NO_LINKS: Mapping[str, Stamp | None] = MappingProxyType({})


class Stamp(NamedTuple):
    """What changes when a file does: two equal stamps mean the same content, unless they are young."""

    ctime_ns: int
    mtime_ns: int
    size: int
    inode: int
    device: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Stamp:
        """The stamp in a result of ``os.stat``."""
        return cls(stat.st_ctime_ns, stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_dev)


def stamp_of(path: str, stat: Callable[[str], os.stat_result] = os.stat) -> Stamp | None:
    """The stamp of a file; None when there is none."""
    try:
        return Stamp.of(stat(path))
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None


class Stamps:
    """
    The files of one script as they were when somebody looked, to find out whether they still are.

    All names in a directory that were not there cost one look at the directory, once its stamp is old enough: a new
    name changes the directory (POSIX, open and rename). Safe to use from several threads.

    Args:
        stamps: By path; None for what was not there.
        stat: ``os.stat``, or a coarser one in a test.
        clock_ns: The wall clock that file times come from.
        links: The symbolic links on the way to the script, each with its own stamp.

    Attributes:
        at_once: Whether all is as it was, in one step; where it says no, ``hold`` has to find out.
    """

    __slots__ = ("_absent", "_clock_ns", "_in_c", "_looks", "_stat", "_there", "all", "at_once", "links")

    def __init__(
        self,
        stamps: Mapping[str, Stamp | None],
        stat: Callable[[str], os.stat_result] = os.stat,
        clock_ns: Callable[[], int] = time.time_ns,
        links: Mapping[str, Stamp | None] = NO_LINKS,
    ) -> None:
        self.all = dict(stamps)
        self.links = links
        self._stat = stat
        self._clock_ns = clock_ns
        self._there = tuple((path, stamp) for path, stamp in stamps.items() if stamp is not None)
        self._absent: dict[str, list[str]] = {}
        for path, stamp in stamps.items():
            if stamp is None:
                self._absent.setdefault(os.path.dirname(path) or os.curdir, []).append(path)  # noqa: PTH120  # as given
        self._look_at(())

    def as_json(self) -> dict[str, Any]:
        """All of it, for another process; ``from_json`` is the way back."""
        return {"files": self.all, "links": dict(self.links)}

    @classmethod
    def from_json(cls, known: Mapping[str, Any]) -> Stamps:
        """The stamps that another process took."""
        files, links = (
            {path: stamp and Stamp(*stamp) for path, stamp in known[name].items()} for name in ("files", "links")
        )
        return cls(files, links=links)

    def differ_from(self, stamps: Mapping[str, Stamp | None]) -> bool:
        """Whether one of these files has changed since, or was not looked at."""
        return any(path not in self.all or self.all[path] != stamp for path, stamp in stamps.items())

    def hold(self) -> bool:
        """Whether every file still has its stamp. Every exec asks: a call or two, and no exception."""
        if not self.all:
            return True
        in_c = self._in_c  # another thread may put a newer one in its place
        holds = self._holding() if in_c is None else in_c.holding() - len(self.links)
        if holds < len(self._there):
            return False
        are_covered = holds == len(self._there) + len(self._absent)  # every directory answers for its names
        return are_covered or self._are_absent()

    def _look_at(self, trusted: tuple[tuple[str, Stamp], ...]) -> None:
        """Look at what is there, and at directories that answer for what is not."""
        self._looks = (*self._there, *trusted)  # replaced as a whole, since several threads may ask
        self._in_c = None if Looks is None or self._stat is not os.stat else self._looks_in_c()
        are_covered = len(self._looks) == len(self._there) + len(self._absent)
        self.at_once: Callable[[], bool] = self._in_c.hold if self._in_c is not None and are_covered else self.hold

    def _looks_in_c(self) -> Any:
        """The links and what is looked at, for C; None where Python has to do it."""
        looks = [(path, stamp, True) for path, stamp in self.links.items()]
        looks += ((path, stamp, False) for path, stamp in self._looks)
        try:
            return Looks(tuple((os.fsencode(path), stamp, is_link) for path, stamp, is_link in looks))
        except (TypeError, ValueError, OverflowError):  # a link that was not there, a path that no file can have
            return None

    def _holding(self) -> int:
        """How many files have their stamps, up to the first that has not; -1 where a link has another one."""
        if self.links and any(stamp_of(link, os.lstat) != stamp for link, stamp in self.links.items()):
            return -1
        stat, holds = self._stat, 0
        try:
            for path, stamp in self._looks:
                now = stat(path)
                # In the order of Stamp.
                if stamp != (now.st_ctime_ns, now.st_mtime_ns, now.st_size, now.st_ino, now.st_dev):
                    break
                holds += 1
        except (OSError, ValueError):
            pass
        return holds

    def _are_absent(self) -> bool:
        """Look at each name that was not there, and find out which directories can answer for them."""
        trusted = []
        for directory, paths in self._absent.items():
            now_ns = self._clock_ns()  # before all looks, or a thread that had to wait would take a young stamp for old
            stamp = stamp_of(directory, self._stat)  # before the names: one that is made later changes it
            if any(stamp_of(path, self._stat) is not None for path in paths):
                return False
            # A symlink to nothing is there, and its target may appear in another directory.
            if stamp is not None and stamp.ctime_ns < now_ns - YOUNG_NS and not any(map(_is_link, paths)):
                trusted.append((directory, stamp))
        self._look_at(tuple(trusted))
        return True


def _is_link(path: str) -> bool:
    try:
        return os.path.islink(path)  # noqa: PTH114  # as given
    except ValueError:
        return False
