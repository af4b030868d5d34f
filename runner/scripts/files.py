"""
The files of a script, found and read for one look: followed to where they really are, judged, stamped and copied.

Must not know which generation is current.
"""

from __future__ import annotations

import contextlib
import os
import stat as modes
from typing import TYPE_CHECKING, Self
from xml.parsers import expat  # the administrator's own file; expat bounds entity expansion itself

from runner.errors import ScriptInvalid, ScriptIsDirectory, ScriptNotFound
from runner.trust import Place, Untrusted, is_below

from .stamps import YOUNG_NS, Stamp, stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .generation import Generation, Part
    from .store import Store

READ_TRIES = 3
CHUNK_BYTES = 1024 * 1024
MAX_FILE_BYTES = 64 * 1024 * 1024  # it is read into memory and copied; the largest assemblies of .NET have some 10 MiB
MOST_PARTS = 4096  # files whose content is known; one that is forgotten is read again at the next look
# A stamp from the future: the clock of a file server may be ahead by this much. If it is more, the clock was set back
# since, and no later write can get this stamp again.
SKEW_NS = 60_000_000_000
PATIENCE_NS = 200_000_000


class Look:
    """
    What one look at a script gathers. A context manager: at its end, the copies that no generation keeps are released.

    Args:
        store: Where copies go.

    Attributes:
        stamps: Of each file by path, None for one that is not there; ``links`` those of symbolic links on the way.
        trusted: False: look again next time, whatever the stamps say.
        is_fresh: A file was written or deleted just now, so trouble with it may pass in a moment.
    """

    def __init__(self, store: Store) -> None:
        self.stamps: dict[str, Stamp | None] = {}
        self.links: dict[str, Stamp | None] = {}
        self.trusted = True
        self.is_fresh = False
        self._store = store
        self._held: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._store.release(self._held)  # also when there are none: it removes what finalizers have queued

    def put(self, path: str, data: bytes) -> Part:
        """
        Copy a file that was read.

        Raises:
            ScriptInvalid: As ``Store.put``.
        """
        part = self._store.put(path, data)
        self._held.append(part.hash)
        return part

    def take(self, part: Part) -> bool:
        """Hold a copy that was made before; False when it is no longer kept."""
        is_kept = self._store.take(part)
        if is_kept:
            self._held.append(part.hash)
        return is_kept

    def content(self, part: Part) -> bytes:
        """
        What is in a copy that is held.

        Raises:
            ScriptInvalid: It cannot be read.
        """
        try:
            return self._store.copy_of(part.hash).read_bytes()
        except OSError as error:
            raise ScriptInvalid(f"{part.path}: its copy cannot be read: {error.strerror}") from error

    def keep(self, generation: Generation) -> Generation:
        """Let all copies live as long as a generation does; the same generation."""
        self._store.keep(generation, tuple(self._held))
        self._held = []
        return generation


class Files:
    """
    Finds and reads what a script is made of. Safe to use from several threads.

    Args:
        max_bytes: The largest file that is read.
        stat: ``os.stat``, or a coarser one in a test.
        clock_ns: The wall clock that file times come from.

    Attributes:
        directories: Where scripts and all that lies beside them have to be, and nobody else may change them. None: they
            may be anywhere and belong to anybody.
        suffixes: How the names of scripts end there.
    """

    def __init__(
        self,
        max_bytes: int,
        stat: Callable[[str | int], os.stat_result],
        clock_ns: Callable[[], int],
    ) -> None:
        self.directories: Sequence[Path] | None = None
        self.suffixes: tuple[str, ...] = ()
        self._max_bytes = max_bytes
        self._stat = stat
        self._clock_ns = clock_ns
        self._known: dict[str, tuple[Stamp, Part]] = {}

    def find(self, look: Look, script: str) -> str:
        """
        Where a script really is: its path without symbolic links. The links are stamped.

        Raises:
            ScriptNotFound: There is no such file.
            ScriptInvalid: It cannot be reached; or it is not below ``directories``, has another extension, or may be
                changed by others.
        """
        with self._place(script) as place:
            for link in place.links:
                stamp = look.links[link] = stamp_of(link, os.lstat)
                look.trusted = look.trusted and not (stamp and _is_within(stamp, self._clock_ns(), YOUNG_NS, SKEW_NS))
            if self.directories is not None:
                self._judge(script, place)
                if not place.path.lower().endswith(self.suffixes):
                    build = "; app-mono build compiles it" if place.path.endswith((".cs", ".vb", ".fs", ".il")) else ""
                    *most, last = self.suffixes
                    expected = f"{', '.join(most)} or {last}"
                    raise ScriptInvalid(f"{script}: expected a name that ends in {expected}{build}")
            return place.path

    def part(self, look: Look, file: str, check: Callable[[str, bytes], None] | None) -> Part:
        """
        One file with its copy, which the look holds from now on; read only if its stamp is not known.

        Args:
            look: Gathers the stamp.
            file: Its path.
            check: Refuses content that cannot be used; called with path and content.

        Raises:
            ScriptNotFound: There is no such file.
            ScriptIsDirectory: It is a directory.
            ScriptInvalid: It is no regular file, too large, not readable, or is being written; ``check`` refused it;
                or, as in ``find``, it lies elsewhere or may be changed by others.
        """
        now_ns = self._clock_ns()
        self._note(look, file, stamp_of(file, self._stat), now_ns)
        if look.stamps[file] is None:
            raise ScriptNotFound(f"{file}: there is no such file")  # most of what lies beside a script is not there
        try:
            with self._place(file) as place:
                if self.directories is not None:
                    self._judge(file, place)
                known = self._known.get(file)
                if known is not None and known[0] == look.stamps[file] and look.take(known[1]):
                    return known[1]
                data, stamp = self._read(file, place)
            is_young = self._note(look, file, stamp, now_ns)
            if check is not None:
                check(file, data)
            part = look.put(file, data)
        except ScriptInvalid as error:
            # What the system refuses now (no descriptor, no room) it may grant at the next exec, with the same file.
            look.trusted = look.trusted and not isinstance(error.__cause__, OSError)
            raise
        if is_young:
            self._known.pop(file, None)
        else:
            self._known[file] = (stamp, part)
            if len(self._known) > MOST_PARTS:
                with contextlib.suppress(StopIteration, KeyError, RuntimeError):  # another thread may be at it
                    del self._known[next(iter(self._known))]
        return part

    def have_stood_still(self, look: Look) -> bool:
        """Whether all files are still as they were read, and reached in the same way."""
        return all(stamp_of(file, self._stat) == stamp for file, stamp in look.stamps.items()) and all(
            stamp_of(link, os.lstat) == stamp for link, stamp in look.links.items()
        )

    def _note(self, look: Look, file: str, stamp: Stamp | None, now_ns: int) -> bool:
        """Remember a stamp. True when it is young, so that it says nothing about the next look."""
        look.stamps[file] = stamp
        if stamp is None:
            return False
        is_young = _is_within(stamp, now_ns, YOUNG_NS, SKEW_NS)
        look.trusted = look.trusted and not is_young
        look.is_fresh = look.is_fresh or _is_within(stamp, now_ns, PATIENCE_NS, PATIENCE_NS)
        return is_young

    @contextlib.contextmanager
    def _place(self, file: str) -> Iterator[Place]:
        """Turn what fails on the way to a file, or in reading it, into a ScriptError."""
        try:
            with Place(file) as place:
                yield place
        except (FileNotFoundError, NotADirectoryError):
            raise ScriptNotFound(f"{file}: there is no such file") from None
        except Untrusted as error:
            raise ScriptInvalid(f"{file}: {error}") from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ScriptInvalid(f"{file}: cannot be read: {reason}") from error

    def _judge(self, file: str, place: Place) -> None:
        directories = self.directories or ()
        if not is_below(place.path, map(os.path.realpath, directories)):
            where = file if place.path == file else f"{file} (really {place.path})"
            named = ", ".join(map(str, directories)) or "none"
            raise ScriptInvalid(f"{where}: is not in a directory of script_dirs ({named})")
        place.require_trust()

    def _read(self, file: str, place: Place) -> tuple[bytes, Stamp]:
        """The content of a regular file that does not change while it is read, and its stamp."""
        # Judged before it is opened: opening a FIFO would wake its writer, and a device may do anything.
        _refuse_irregular(file, place.stat)
        for _ in range(READ_TRIES):
            descriptor = place.open(os.O_RDONLY | os.O_NONBLOCK)
            try:
                before = self._stat(descriptor)
                if before.st_size > self._max_bytes:
                    raise ScriptInvalid(
                        f"{file}: {before.st_size} bytes, more than the {self._max_bytes} that a file may have"
                    )
                data = _read_all(descriptor, self._max_bytes)
                if Stamp.of(before) == Stamp.of(self._stat(descriptor)) and len(data) == before.st_size:
                    return data, Stamp.of(before)
            finally:
                os.close(descriptor)
        raise ScriptInvalid(f"{file}: is not complete: it is being written")


def check_config(path: str, data: bytes) -> None:
    """
    Refuse a ``.config`` that is not well-formed XML, as a half-written one is.

    Raises:
        ScriptInvalid: It is not; the message has line and column.
    """
    try:
        expat.ParserCreate().Parse(data, True)  # noqa: FBT003  # positional only
    except expat.ExpatError as error:
        raise ScriptInvalid(f"{path}: is not complete or not XML: {error}") from error


def _refuse_irregular(path: str, stat: os.stat_result) -> None:
    if modes.S_ISDIR(stat.st_mode):
        raise ScriptIsDirectory(f"{path}: expected a file, got a directory")
    if not modes.S_ISREG(stat.st_mode):
        kinds = {modes.S_IFIFO: "a FIFO", modes.S_IFSOCK: "a socket"}
        raise ScriptInvalid(f"{path}: expected a file, got {kinds.get(modes.S_IFMT(stat.st_mode), 'a device')}")


def _read_all(descriptor: int, max_bytes: int) -> bytes:
    chunks = []
    left = max_bytes + 1
    while left > 0 and (chunk := os.read(descriptor, min(left, CHUNK_BYTES))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _is_within(stamp: Stamp, now_ns: int, before_ns: int, after_ns: int) -> bool:
    return -before_ns < stamp.ctime_ns - now_ns < after_ns
