"""
Immutable copies of the files that builds are made of, named by their content.

Must not know which generation is current, nor how a file was read.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections import Counter, deque
from typing import TYPE_CHECKING

from runner.errors import ScriptInvalid

from .generation import Part

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .generation import Generation

# The group is that of the workers' user when they have one of their own: it comes from the directory above, by its
# set-group-id bit. It may read a copy whose name it knows, and cannot list them.
DIRECTORY_MODE, COPY_MODE = 0o2710, 0o440


class Store:
    """
    Immutable copies of files, named by content, in a directory of their own.

    Copies are counted: ``put`` and ``take`` add one count, which is the caller's; ``release`` gives counts back, and a
    copy without counts is removed. ``release_later`` may be called from a finalizer: it takes no lock.

    Attributes:
        directory: Where they are.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(DIRECTORY_MODE)
        self.directory = directory
        self._lock = threading.Lock()
        self._uses: Counter[str] = Counter()
        self._released: deque[tuple[str, ...]] = deque()

    def put(self, path: str, data: bytes) -> Part:
        """
        Keep a copy; the same content is kept once.

        Raises:
            ScriptInvalid: It cannot be written, for example because the file system is full; nothing of it is left.
        """
        digest = hashlib.sha256(data).hexdigest()
        blob = self.copy_of(digest)
        with self._lock:
            self._uses[digest] += 1
            there = blob.exists()
        if not there:
            draft = self.directory / f"{digest}.{threading.get_ident()}"
            try:
                draft.write_bytes(data)
                draft.chmod(COPY_MODE)
                draft.replace(blob)
            except BaseException as error:
                draft.unlink(missing_ok=True)
                self.release((digest,))
                if isinstance(error, OSError):
                    raise ScriptInvalid(f"{path}: cannot be copied to {self.directory}: {error.strerror}") from error
                raise
        return Part(path, digest)

    def copy_of(self, digest: str) -> Path:
        """Where the copy with this SHA-256 lies, if there is one."""
        return self.directory / digest

    def take(self, part: Part) -> bool:
        """Count a copy once more; False when it is no longer kept."""
        with self._lock:
            if not self._uses[part.hash] or not self.copy_of(part.hash).exists():
                return False
            self._uses[part.hash] += 1
            return True

    def release(self, digests: Iterable[str]) -> None:
        """Give counts back, also those of finalizers that ran meanwhile."""
        self._released.append(tuple(digests))
        with self._lock:
            while self._released:
                for digest in self._released.popleft():
                    self._uses[digest] -= 1
                    if self._uses[digest] <= 0:
                        del self._uses[digest]
                        self.copy_of(digest).unlink(missing_ok=True)

    def keep(self, generation: Generation, digests: tuple[str, ...]) -> None:
        """Let copies whose counts are the caller's live as long as a generation does."""
        weakref.finalize(generation, self.release_later, digests).atexit = False

    def put_compiled(self, generation: Generation, content: bytes) -> None:
        """
        Keep what a generation's source was compiled to as long as the generation.

        Raises:
            ScriptInvalid: As ``put``.
        """
        part = self.put(generation.path, content)
        self.keep(generation, (part.hash,))
        generation.has_compiled(part)

    def release_later(self, digests: tuple[str, ...]) -> None:
        """As ``release``, at the next call of that."""
        self._released.append(digests)
