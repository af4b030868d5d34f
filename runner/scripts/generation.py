"""
One build of a script, by content: its files, and what of it goes to a worker and to another process.

Must not know which generation is current, nor how a file was read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.errors import EntryMissing

from .foresight import Foresight

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_SHOWN = 20  # entries in an error


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a generation: where it lay, and the SHA-256 of its content, by which its copy is found."""

    path: str
    hash: str


@dataclass(frozen=True, slots=True)
class Helper:
    """A file beside the script that the script refers to; ``symbols`` None when there are none."""

    file: Part
    symbols: Part | None = None

    @property
    def path(self) -> str:
        """Where it lay."""
        return self.file.path

    @property
    def hash(self) -> str:
        """What a worker that loads it is bound to."""
        return self.file.hash

    def as_json(self) -> list[list[str] | None]:
        """All of it, for another process; ``from_json`` is the way back."""
        symbols = self.symbols
        return [[self.file.path, self.file.hash], [symbols.path, symbols.hash] if symbols else None]

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
    not there. ``runtime`` is the name of the one that it runs in. ``compiled`` is what workers load in place of the
    file; None where they load the file itself, or where it has not been compiled yet. ``files`` are what it says that
    it reads while it runs, by name.
    """

    id: str
    path: str
    file: Part
    symbols: Part | None
    config: Part | None
    helpers: dict[str, Helper | None]
    foresight: Foresight = field(default_factory=Foresight, compare=False, repr=False)
    runtime: str = ""
    compiled: Part | None = field(default=None, compare=False)
    files: dict[str, Part] = field(default_factory=dict)

    @classmethod
    def of(  # noqa: PLR0917 - the parts, in the order in which they are hashed
        cls,
        path: str,
        file: Part,
        symbols: Part | None,
        config: Part | None,
        helpers: dict[str, Helper | None],
        runtime: str = "",
        files: dict[str, Part] | None = None,
    ) -> Generation:
        """Make one; its id is a hash over the script's path and the names and hashes of all parts."""
        digest = hashlib.sha256()
        for role, part in (("file", file), ("symbols", symbols), ("config", config)):
            digest.update(f"{role}\0{part.path if part else ''}\0{part.hash if part else ''}\0".encode(*_BYTES))
        for name, helper in sorted(helpers.items()):
            symbols_hash = helper.symbols.hash if helper and helper.symbols else ""
            digest.update(f"helper\0{name}\0{helper.hash if helper else ''}\0{symbols_hash}\0".encode(*_BYTES))
        for name, part in sorted((files or {}).items()):
            digest.update(f"data\0{name}\0{part.hash}\0".encode(*_BYTES))
        digest.update(path.encode(*_BYTES))
        id_ = digest.hexdigest()[:32]
        return cls(id_, path, file, symbols, config, helpers, runtime=runtime, files=files or {})

    @property
    def entries(self) -> frozenset[str] | None:
        """The names that an exec may give instead of Main; None until a load has said so."""
        return self.foresight.entries

    @property
    def loaded(self) -> Part:
        """What a worker loads: the file, or what it was compiled to."""
        return self.compiled or self.file

    def has_compiled(self, part: Part) -> None:
        """Its file was compiled to this, as every thread that compiles it says."""
        object.__setattr__(self, "compiled", part)

    def learn_entries(self, names: Iterable[str] | None) -> None:
        """It is loaded somewhere, and has these; None: whoever says so does not know."""
        if names is not None:
            self.foresight.entries = frozenset(names)

    def foresight_of(self, entry: str) -> Foresight:
        """
        What was learned of one entry.

        Raises:
            EntryMissing: There is none of that name.
        """
        if self.entries is not None and entry not in self.entries:
            raise self.lacks(entry)
        return self.foresight.of(entry)

    def lacks(self, entry: str | None) -> EntryMissing:
        """The error of an exec that names what is not there; None is Main."""
        names = sorted(self.entries or ())
        has = ", ".join(names[:MOST_SHOWN]) or "no public function that takes nothing or one text"
        more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
        what = "main function (Main in C#)" if entry is None else f"entry {entry!a:.80}"
        return EntryMissing(f"there is no {what}; it has {has}{more}")

    def parts(self) -> list[Part]:
        """All of its files, and what the first was compiled to."""
        helpers = [part for helper in self.helpers.values() if helper for part in (helper.file, helper.symbols)]
        files = (self.file, self.compiled, self.symbols, self.config, *helpers, *self.files.values())
        return [part for part in files if part is not None]

    def load_params(self) -> dict[str, Any]:
        """The parameters of ``load`` on the wire (docs/protocol.md)."""
        files = {"files": {name: part.hash for name, part in self.files.items()}} if self.files else {}
        return files | {
            "path": self.path,
            "generation": self.id,
            "file": self.loaded.hash,
            "symbols": self.symbols.hash if self.symbols else None,
            "config": self.config.hash if self.config else None,
            "helpers": {
                name: helper
                and {
                    "path": helper.path,
                    "file": helper.hash,
                    "symbols": helper.symbols.hash if helper.symbols else None,
                }
                for name, helper in self.helpers.items()
            },
        }

    def as_json(self) -> dict[str, Any]:
        """All of it, for another process; ``from_json`` is the way back."""
        return {
            "id": self.id,
            "path": self.path,
            "runtime": self.runtime,
            "parts": [part and [part.path, part.hash] for part in (self.loaded, self.symbols, self.config)],
            "helpers": {name: helper.as_json() if helper else None for name, helper in self.helpers.items()},
            "files": {name: [part.path, part.hash] for name, part in self.files.items()},
        }

    @classmethod
    def from_json(cls, known: dict[str, Any], learned: Foresight | None = None) -> Generation:
        """The generation that another process knows and keeps copies of; ``learned``: from its execs so far."""
        file, symbols, config = (part and Part(*part) for part in known["parts"])
        helpers = {name: Helper.from_json(helper) if helper else None for name, helper in known["helpers"].items()}
        return cls(
            known["id"],
            known["path"],
            file,
            symbols,
            config,
            helpers,
            learned or Foresight(),
            known.get("runtime", ""),
            files={name: Part(*part) for name, part in known.get("files", {}).items()},
        )


_BYTES = ("utf-8", "surrogatepass")  # a path may hold any bytes, and a name that a worker asks for anything
