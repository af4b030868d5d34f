"""
What compilers made, kept on disk by content, so that a program that starts again need not wait for a compiler.

Must not know what is in it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runner import mcs
from runner.errors import BuildError
from runner.trust import Place, Untrusted

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("runner.build")

BLOCK_BYTES = 4096  # what a small file takes of most file systems


class Kept:
    """
    A directory with one file for each key, as old as its last use; the oldest go when all together take too much.

    A file that others may change, or whose content is not what was written, counts as one that is not there. Where the
    directory cannot be used, nothing is kept, and one warning says why. Safe for several threads and processes.

    Args:
        directory: Gives its place, in the user's cache.
        most_bytes: What all files together may take. The newest one stays, whatever it takes.
    """

    def __init__(self, directory: Callable[[], Path], most_bytes: int) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._warned = ""

    def read(self, key: str) -> bytes | None:
        """What was kept under a key, a file name; None when there is nothing that can be used."""
        path = self._directory() / key
        try:
            with Place(str(path)) as place:
                place.require_trust()
                with os.fdopen(place.open(os.O_RDONLY), "rb") as file:
                    digest, _, content = file.read().partition(b"\n")
                    os.utime(file.fileno())
        except FileNotFoundError:
            return None
        except (OSError, Untrusted) as error:
            self._warn(f"{path} is not used: {_reason(error)}")
            return None
        if digest.decode("ascii", "replace") != hashlib.sha256(content).hexdigest():
            self._warn(f"{path} is not used: its content is not what was written")
            return None
        return content

    def write(self, key: str, content: bytes) -> None:
        """Keep content under a key."""
        directory = self._directory()
        draft = None
        try:
            mcs.make_directory(directory)
            with tempfile.NamedTemporaryFile(prefix=".new-", dir=directory, delete=False) as file:
                draft = Path(file.name)
                file.write(hashlib.sha256(content).hexdigest().encode("ascii") + b"\n" + content)
            draft.replace(directory / key)
            self._trim(directory)
        except (OSError, BuildError) as error:
            self._warn(f"{directory}: what was compiled is not kept: {_reason(error)}")
            if draft is not None:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)

    def _trim(self, directory: Path) -> None:
        """Remove the oldest files; also drafts of processes that died, for nobody reads them."""
        found = []
        with os.scandir(directory) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # another process removes, too
                    stat = entry.stat(follow_symlinks=False)
                    found.append((stat.st_mtime_ns, max(stat.st_size, BLOCK_BYTES), entry.path))
        found.sort(reverse=True)
        left = self._most_bytes
        for number, (_, size, path) in enumerate(found):
            left -= size
            if left < 0 and number:
                Path(path).unlink(missing_ok=True)

    def _warn(self, text: str) -> None:
        if self._warned != text:
            self._warned = text
            log.warning("%s", text)


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)  # without the name of a draft
