"""
The files of a configuration: reading one and what it includes, and writing a changed one.

Must not know what is changed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import ConfigError

from .names import Names
from .tokens import Token, line_of, tokens

DEEPEST_INCLUDE = 10  # Kamailio 5.6.3, core/cfg.lex: MAX_INCLUDE_DEPTH


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know about a line. ``is_open``: the operator has to do it."""

    file: Path
    line: int
    text: str
    is_open: bool = True


@dataclass(slots=True)
class Source:
    """One file as it is: bytes that are not UTF-8 are kept as surrogates."""

    path: Path
    text: str
    tokens: list[Token] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens = list(tokens(self.text))

    def line(self, at: int) -> int:
        """The number of the line at a place in the text."""
        return line_of(self.text, at)

    @property
    def newline(self) -> str:
        """What ends its lines."""
        return "\r\n" if "\r\n" in self.text else "\n"


def read(path: Path) -> Source:
    """
    Read one file.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return Source(path, path.read_bytes().decode("utf-8", "surrogateescape"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def read_all(path: Path, *, follow: bool) -> tuple[list[Source], Names, list[Finding]]:
    """
    Read a configuration, and with ``follow`` what it includes.

    Returns:
        The files, the first being ``path``; the names they define; what to know about includes.

    Raises:
        ConfigError: ``path`` cannot be read.
    """
    names, findings = Names(), []
    sources = [read(path)]
    names.read(sources[0].text, sources[0].tokens)
    waiting = [(sources[0], 1)]
    while waiting:
        source, depth = waiting.pop(0)
        for token in source.tokens:
            if token.kind != "include":
                continue
            included = _included(source, names.replaced(token.value))
            line = source.line(token.start)
            if not follow:
                findings.append(Finding(source.path, line, f"{included} is not read; --follow reads it", is_open=False))
            elif included.is_file() and depth < DEEPEST_INCLUDE:
                if not any(included.samefile(known.path) for known in sources):
                    sources.append(read(included))
                    names.read(sources[-1].text, sources[-1].tokens)
                    waiting.append((sources[-1], depth + 1))
            elif token.how == "include_file":
                findings.append(Finding(source.path, line, f"{included}: this included file does not exist"))
            else:
                findings.append(
                    Finding(source.path, line, f"{included} does not exist; import_file allows it", is_open=False)
                )
    return sources, names, findings


def write(source: Source, text: str) -> Path:
    """
    Put ``text`` in the place of a file in one step, and keep the file as ``NAME.bak``; mode and owner stay.

    Returns:
        The kept file.

    Raises:
        ConfigError: ``NAME.bak`` already exists, or the directory cannot be written. Nothing is changed then.
    """
    kept = Path(f"{source.path}.bak")
    target = source.path.resolve()
    try:
        was = target.stat()
        with kept.open("xb") as file:
            file.write(encode(source.text))
            _like(file.fileno(), was)
        replace(target, encode(text), was)
    except FileExistsError as error:
        raise ConfigError(f"{kept} already exists, from an earlier change: move it away first") from error
    except OSError as error:
        raise ConfigError(f"{error.filename or target}: cannot be written: {error.strerror}") from error
    return kept


def replace(target: Path, content: bytes, like: os.stat_result | None = None) -> None:
    """Write a file in one step: at any time, the whole new file is there or the whole old one."""
    descriptor, aside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(content)
            file.flush()
            if like is None:
                os.fchmod(file.fileno(), 0o644)
            else:
                _like(file.fileno(), like)
            os.fsync(file.fileno())
        Path(aside).replace(target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def encode(text: str) -> bytes:
    """The bytes of a file's text."""
    return text.encode("utf-8", "surrogateescape")


def _like(descriptor: int, was: os.stat_result) -> None:
    os.fchmod(descriptor, stat.S_IMODE(was.st_mode))
    with contextlib.suppress(PermissionError):  # only root gives files away
        os.fchown(descriptor, was.st_uid, was.st_gid)


def _included(source: Source, name: str) -> Path:
    """Where an included file lies. Kamailio also looks in its working directory, which is not known here."""
    return source.path.parent / name.strip("\"'").replace('\\"', '"').replace("\\\\", "\\")
