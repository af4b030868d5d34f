"""A directory that looks like a script's own, for a build to which data files belong.

It has the build's sources, links to the runner's copies of the data files, and links to all else that lies beside them.
So ``__file__`` leads a script to its data as it was when the build was made, also on a machine without that directory.
"""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MOST_LINKS = 1000
_numbers = itertools.count(1)


class Mirror:
    """The directory; ``make`` makes it.

    Args:
        builds: A private directory of the worker.
        real: The script's own directory.
        files: Where the copy of each data file is, by its name.
    """

    def __init__(self, builds: str, real: str, files: Mapping[str, str]) -> None:
        self._directory = os.path.join(builds, f"files-{next(_numbers)}")
        self._real = real
        self._files = files

    def place(self, name: str) -> str:
        """Where a file of the build is, by its name relative to the script's directory."""
        return os.path.join(self._directory, name)

    def make(self, sources: Mapping[str, bytes]) -> None:
        """Write these, and link to the others.

        Raises:
            OSError: It cannot be written.
        """
        os.mkdir(self._directory)
        for name, source in sources.items():
            self.add(name, source)
        _link(self._directory, self._files.items())
        for folder, _, _ in os.walk(self._directory):
            self._link_neighbours(folder)

    def add(self, name: str, source: bytes) -> None:
        """Write a source of the build, unless there is a file of that name.

        Raises:
            OSError: It cannot be written.
        """
        place = self.place(name)
        if not os.path.lexists(place):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "xb") as file:
                file.write(source)

    def remove(self) -> None:
        """Remove it; what cannot be removed now goes with the worker."""
        for folder, folders, files in os.walk(self._directory, topdown=False):
            for place in (os.path.join(folder, name) for name in [*files, *folders]):
                _try(os.rmdir if os.path.isdir(place) and not os.path.islink(place) else os.unlink, place)
        _try(os.rmdir, self._directory)

    def _link_neighbours(self, folder: str) -> None:
        """Link to what really lies in a folder and is not in the mirror."""
        beside = os.path.normpath(os.path.join(self._real, os.path.relpath(folder, self._directory)))
        try:
            names = sorted(os.listdir(beside))
        except OSError:
            return  # it is not on this machine, or the worker's user may not list it
        if len(names) > MOST_LINKS:
            print(f"{beside}: has more than {MOST_LINKS} files; some cannot be found by __file__")  # noqa: T201 - the log
        _link(folder, ((name, os.path.join(beside, name)) for name in names[:MOST_LINKS]))


def _link(folder: str, files: Iterable[tuple[str, str]]) -> None:
    for name, file in files:
        place = os.path.join(folder, name)
        if not os.path.lexists(place):
            os.symlink(file, place)


def _try(remove: Callable[[str], None], place: str) -> None:
    with suppress(OSError):
        remove(place)
