"""
Recorded conversations with a worker, whatever language its scripts are written in: what a transcript has, and what its
placeholders stand for.

A transcript is a file of JSON lines. The first says what it is ``about`` and what a worker has to say that it ``can``.
Each of the others has ``from`` whom a ``line`` comes, the ``events`` that a session makes of it, or what a session is
asked to ``say`` and ``with`` what. ``either`` has several ways of going on, by name, and ``after`` the one that a row
belongs to; ``end`` is the end of the stream.

In texts ``<scripts>`` is the directory of the scripts, ``<copy of X>`` the hash of script X, ``<symbols of X>`` that of
its symbols or null, ``<helpers>`` what a load gives to the script NeedsHelper, ``<...>`` any text, ``<anything>`` any
value, and ``<pid>`` and ``<runtime>`` what the worker says of itself. What else differs by language is in a file beside
the transcripts, such as ``python.json``; ``any.json`` is for a language of which nothing is known.

Must not know workers.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from runner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NEEDING_HELPER = "NeedsHelper"
NO_SCRIPT = "This is no script.\n"
_ANY_TEXT = re.compile(r"<\.\.\.>|<runtime>")


@dataclass(frozen=True, slots=True)
class Transcript:
    """One recorded conversation: its name, what it is about, what a worker has to be able to do, and its rows."""

    name: str
    about: str
    can: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The one in this file."""
        head, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return cls(path.stem, head["about"], tuple(head["can"]), tuple(rows))

    @property
    def scripts(self) -> set[str]:
        """The scripts that it runs, without their suffix."""
        found = set(re.findall(r"<scripts>/(\w+)<suffix>", json.dumps(self.rows)))
        return (found | {"H"} if NEEDING_HELPER in found else found) - {"Missing", "NoScript"}


@dataclass(frozen=True, slots=True)
class Language:
    """
    The scripts of the transcripts in one language.

    Attributes:
        scripts: Their directory.
        places: What placeholders stand for in this language.
    """

    scripts: Path
    places: Mapping[str, Any]

    @property
    def suffix(self) -> str:
        """How the names of scripts end."""
        return str(self.places["<suffix>"])

    def file(self, name: str) -> Path:
        """A script by its name, or a helper by that which a worker gives it."""
        exact = self.scripts / name
        return exact if exact.is_file() else self.scripts / f"{name}{self.suffix}"

    def copied(self, copies: Path) -> None:
        """Put a copy of each file into a directory, named by its content, and one of a file that is no script."""
        for file in self.scripts.iterdir():
            if file.is_file():
                shutil.copyfile(file, copies / content_hash(file.read_bytes()))
        (copies / content_hash(NO_SCRIPT.encode())).write_text(NO_SCRIPT, encoding="ascii")

    def all_places(self, pid: int, needs: Sequence[str]) -> dict[str, Any]:
        """
        What every placeholder stands for with one worker.

        Args:
            pid: Of the worker.
            needs: What the script NeedsHelper needs.
        """
        found = {name: value for name, value in self.places.items() if name != "<suffix>"}
        found["<copy of NoScript>"], found["<copy of Missing>"] = content_hash(NO_SCRIPT.encode()), "0" * 64
        for file in self.scripts.iterdir():
            if file.is_file() and file.suffix == self.suffix:
                symbols = file.with_name(f"{file.name}.mdb")
                found[f"<copy of {file.stem}>"] = content_hash(file.read_bytes())
                found[f"<symbols of {file.stem}>"] = content_hash(symbols.read_bytes()) if symbols.exists() else None
        helpers = {name: self.file(name) for name in needs}
        found["<helpers>"] = {
            name: {"path": str(file), "file": content_hash(file.read_bytes()), "symbols": None}
            if file.is_file()
            else None
            for name, file in helpers.items()
        }
        # Last, for they may be in the others.
        return found | {"<pid>": pid, "<scripts>": str(self.scripts), "<suffix>": self.suffix}


def directory() -> Path:
    """Where the transcripts are: among the tests of a checkout, or in the package."""
    package = Path(__file__).resolve().parent.parent
    return next(
        place
        for place in (package.parent / "tests" / "wire" / "transcripts", package / "transcripts")
        if place.is_dir() or place.parent == package
    )


def every() -> list[Transcript]:
    """All transcripts, by their names."""
    return [Transcript.read(path) for path in sorted(directory().glob("*.jsonl"))]


def places(name: str) -> dict[str, Any]:
    """What placeholders stand for in a language, or in ``any``."""
    found: dict[str, Any] = json.loads((directory() / f"{name}.json").read_text(encoding="utf-8"))
    return found


def language(suffix: str, scripts: Path | None) -> Language:
    """
    The language of a suffix.

    Args:
        suffix: For example ``.py``.
        scripts: The directory of its scripts; None: those that come with app-mono.

    Raises:
        ConfigError: None come with it for this suffix, or only sources that have to be compiled first.
    """
    if scripts is not None:
        return Language(scripts.resolve(), places("any") | {"<suffix>": suffix})
    for file in sorted(directory().glob("*.json")):
        known = places(file.stem)
        if known.get("<suffix>") == suffix and any((directory() / file.stem).glob(f"*{suffix}")):
            return Language(directory() / file.stem, known)
    raise ConfigError(f"no scripts for {suffix} come with app-mono: name the directory of yours with --scripts")


def filled(value: Any, places: Mapping[str, Any]) -> Any:
    """The value with the placeholders in its texts replaced."""
    match value:
        case dict():
            return {filled(key, places): filled(item, places) for key, item in value.items()}
        case list():
            return [filled(item, places) for item in value]
        case str() if not isinstance(places.get(value, ""), str):
            return filled(places[value], places)
        case str() if "<" in value:
            for name, text in places.items():
                value = value.replace(name, str(text))
    return value


def matches(expected: Any, got: Any) -> bool:
    """Equality, but for the placeholders that nobody can know before. A member that may be anything may be missing."""
    match expected:
        case "<anything>":
            return True
        case dict():
            wanted = {key for key, item in expected.items() if item != "<anything>"}
            return (
                isinstance(got, dict)
                and wanted <= got.keys() <= expected.keys()
                and all(matches(expected[key], item) for key, item in got.items())
            )
        case list():
            return (
                isinstance(got, list)
                and len(got) == len(expected)
                and all(matches(item, other) for item, other in zip(expected, got, strict=True))
            )
        case str() if "<" in expected:
            pattern = ".*".join(re.escape(part) for part in _ANY_TEXT.split(expected))
            return isinstance(got, str) and re.fullmatch(pattern, got, re.DOTALL) is not None
    return type(got) is type(expected) and bool(got == expected)


def content_hash(content: bytes) -> str:
    """The SHA-256 by which a copy is found."""
    return hashlib.sha256(content).hexdigest()
