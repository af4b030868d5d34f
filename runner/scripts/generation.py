"""
Files by content: what an assembly and a config look like, generations, and the store of their immutable copies.

Must not know which generation is current, nor how a file was read.
"""

from __future__ import annotations

import hashlib
import struct
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.parsers import expat  # the administrator's own file; expat bounds entity expansion itself

from runner.errors import ScriptInvalid

from .foresight import Foresight

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# The group is that of the workers' user when they have one of their own: it comes from the directory above, by its
# set-group-id bit. It may read a copy whose name it was told, and not list them.
DIRECTORY_MODE, COPY_MODE = 0o2710, 0o440
PE32_PLUS = 0x20B
CLI_HEADER = 14  # ECMA-335 II.25.2.3.3: the data directory that makes a PE file a .NET assembly


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a generation: where it lay, and the SHA-256 of its content, by which its copy is found."""

    path: str
    hash: str


@dataclass(frozen=True, slots=True)
class Helper:
    """An assembly beside the script that the script refers to; ``symbols`` None when there are none."""

    assembly: Part
    symbols: Part | None = None

    @property
    def path(self) -> str:
        """Where it lay."""
        return self.assembly.path

    @property
    def hash(self) -> str:
        """What a worker that loads it is bound to."""
        return self.assembly.hash

    def as_json(self) -> list[list[str] | None]:
        """All of it, for another process; ``from_json`` is the way back."""
        symbols = self.symbols
        return [[self.assembly.path, self.assembly.hash], [symbols.path, symbols.hash] if symbols else None]

    @classmethod
    def from_json(cls, known: list[list[str]]) -> Helper:
        """The helper that another process knows."""
        assembly, symbols = known
        return cls(Part(*assembly), Part(*symbols) if symbols else None)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Generation:
    """
    One build of a script, by content. Its copies stay in the store for as long as this object lives.

    ``symbols`` and ``config`` are None when there is no such file; a helper is None when it was looked for and is
    not there.
    """

    id: str
    path: str
    assembly: Part
    symbols: Part | None
    config: Part | None
    helpers: dict[str, Helper | None]
    foresight: Foresight = field(default_factory=Foresight, compare=False, repr=False)

    @classmethod
    def of(
        cls, path: str, assembly: Part, symbols: Part | None, config: Part | None, helpers: dict[str, Helper | None]
    ) -> Generation:
        """Make one; its id is a hash over the script's path and the names and hashes of all parts."""
        told = hashlib.sha256()
        for role, part in (("assembly", assembly), ("symbols", symbols), ("config", config)):
            told.update(f"{role}\0{part.path if part else ''}\0{part.hash if part else ''}\0".encode(*_BYTES))
        for name, helper in sorted(helpers.items()):
            symbols_hash = helper.symbols.hash if helper and helper.symbols else ""
            told.update(f"helper\0{name}\0{helper.hash if helper else ''}\0{symbols_hash}\0".encode(*_BYTES))
        told.update(path.encode(*_BYTES))
        return cls(told.hexdigest()[:32], path, assembly, symbols, config, helpers)

    def parts(self) -> list[Part]:
        """All of its files."""
        helpers = [part for helper in self.helpers.values() if helper for part in (helper.assembly, helper.symbols)]
        return [part for part in (self.assembly, self.symbols, self.config, *helpers) if part is not None]

    def load_params(self) -> dict[str, Any]:
        """The parameters of ``load`` on the wire (docs/protocol.md)."""
        return {
            "path": self.path,
            "generation": self.id,
            "assembly": self.assembly.hash,
            "symbols": self.symbols.hash if self.symbols else None,
            "config": self.config.hash if self.config else None,
            "helpers": {
                name: helper
                and {
                    "path": helper.path,
                    "assembly": helper.hash,
                    "symbols": helper.symbols.hash if helper.symbols else None,
                }
                for name, helper in self.helpers.items()
            },
        }

    def told(self) -> dict[str, Any]:
        """All of it as JSON, for another process; ``from_told`` is the way back."""
        return {
            "id": self.id,
            "path": self.path,
            "parts": [part and [part.path, part.hash] for part in (self.assembly, self.symbols, self.config)],
            "helpers": {name: helper.as_json() if helper else None for name, helper in self.helpers.items()},
        }

    @classmethod
    def from_told(cls, told: dict[str, Any], learned: Foresight | None = None) -> Generation:
        """The generation that another process tells of, which keeps the copies; ``learned`` of it before."""
        assembly, symbols, config = (part and Part(*part) for part in told["parts"])
        helpers = {name: Helper.from_json(helper) if helper else None for name, helper in told["helpers"].items()}
        return cls(told["id"], told["path"], assembly, symbols, config, helpers, learned or Foresight())


_BYTES = ("utf-8", "surrogateescape")  # a path may hold any bytes


def check_assembly(path: str, data: bytes) -> None:
    """
    Refuse what is cut short or no .NET assembly, by the PE headers alone (ECMA-335, II.25.2).

    Raises:
        ScriptInvalid: It is so; the message tells which of the two, and what came.
    """
    if data[:2] != b"MZ"[: len(data)]:
        raise ScriptInvalid(f"{path}: is not a .NET assembly: expected b'MZ' at its begin, came {data[:8]!r}")
    try:
        (header,) = struct.unpack_from("<I", data, 0x3C)
        signature, sections, optional_size = struct.unpack_from("<4s2xH12xH", data, header)
        if signature != b"PE\0\0":
            raise ScriptInvalid(f"{path}: is not a .NET assembly: expected b'PE\\0\\0' at {header}, came {signature!r}")
        optional = header + 24
        (magic,) = struct.unpack_from("<H", data, optional)
        directories = optional + (112 if magic == PE32_PLUS else 96)
        cli_address, cli_size = struct.unpack_from("<II", data, directories + 8 * CLI_HEADER)
        table = optional + optional_size
        for index in range(sections):
            name, size, begin = struct.unpack_from("<8s8xII", data, table + 40 * index)
            if begin + size > len(data):
                shown = name.rstrip(b"\0").decode("ascii", "replace")
                came = f"section {shown} ends at byte {begin + size}, the file has {len(data)}"
                raise ScriptInvalid(f"{path}: is not complete: {came}")
    except struct.error:
        raise ScriptInvalid(f"{path}: is not complete: its headers end after {len(data)} bytes") from None
    if not cli_address or not cli_size:
        raise ScriptInvalid(f"{path}: is not a .NET assembly: a native program came")


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


class Store:
    """
    Immutable copies of files, named by content, in a directory of their own.

    Copies are counted: ``put`` and ``take`` put one count in the caller's hand, ``let_go`` gives counts back, and a
    copy that nobody counts is removed. ``let_go_later`` may be called from a finalizer: it takes no lock.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(DIRECTORY_MODE)
        self._directory = directory
        self._lock = threading.Lock()
        self._uses: Counter[str] = Counter()
        self._released: deque[tuple[str, ...]] = deque()

    def put(self, path: str, data: bytes) -> Part:
        """
        Keep a copy; the same content is kept once.

        Raises:
            ScriptInvalid: It cannot be written, for one because the file system is full; nothing of it is left.
        """
        digest = hashlib.sha256(data).hexdigest()
        blob = self.copy_of(digest)
        with self._lock:
            self._uses[digest] += 1
            there = blob.exists()
        if not there:
            draft = self._directory / f"{digest}.{threading.get_ident()}"
            try:
                draft.write_bytes(data)
                draft.chmod(COPY_MODE)
                draft.replace(blob)
            except BaseException as error:
                draft.unlink(missing_ok=True)
                self.let_go((digest,))
                if isinstance(error, OSError):
                    raise ScriptInvalid(f"{path}: cannot be copied to {self._directory}: {error.strerror}") from error
                raise
        return Part(path, digest)

    def copy_of(self, digest: str) -> Path:
        """Where the copy with this SHA-256 lies, if there is one."""
        return self._directory / digest

    def take(self, part: Part) -> bool:
        """Count a copy once more; False when it is no longer kept."""
        with self._lock:
            if not self._uses[part.hash] or not self.copy_of(part.hash).exists():
                return False
            self._uses[part.hash] += 1
            return True

    def let_go(self, digests: Iterable[str]) -> None:
        """Give counts back, also those of finalizers that ran meanwhile."""
        self._released.append(tuple(digests))
        with self._lock:
            while self._released:
                for digest in self._released.popleft():
                    self._uses[digest] -= 1
                    if self._uses[digest] <= 0:
                        del self._uses[digest]
                        self.copy_of(digest).unlink(missing_ok=True)

    def let_go_later(self, digests: tuple[str, ...]) -> None:
        """As ``let_go``, at the next call of that."""
        self._released.append(digests)
