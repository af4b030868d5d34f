"""
Which files beside a script it refers to at all, as its bytes show.

What a client's worker needs is looked for beside a script only then: nobody can make a script depend on a file that
merely lies there. Must not know clients, nor where files lie.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

IMPLIED = frozenset({"", "__init__", "index", "package"})
"""What a file of a folder is called that a script names by its folder: in Python, and in Node."""

MOST_BYTES = 64 * 1024 * 1024
"""Of a jar, unpacked; no name is found behind that."""

_FOLDED = b"\r\n "  # how a manifest continues a line that is longer than 72 bytes (the JAR File Specification)
# Of a jar that is cut short, locked, or packed in a way that Python does not know; it refers to nothing.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError)


def in_assembly(names: Iterable[str], data: bytes) -> set[str]:
    """
    Those of the simple names that an assembly has.

    A name that it refers to is in its metadata, with a NUL behind it (ECMA-335 II.24.2.3). A text by which it loads a
    plug-in is there in UTF-16 (II.24.2.4).
    """
    return {name for name in names if _encoded(name, "utf-8") + b"\0" in data or _encoded(name, "utf-16-le") in data}


def in_text(names: Iterable[str], data: bytes) -> set[str]:
    """
    Those of the files of which a source, a class or a jar has each part of the name: the folders, and the file's own
    name up to its endings.

    ``lib/x.js`` may be written ``./lib/x``, and ``lib/x.py`` ``from lib import x``; a class has ``lib/X``.
    """
    texts = _unpacked(data) if data.startswith(b"PK") else data
    return {
        name for name in names if (parts := _parts(name)) and all(_encoded(part, "utf-8") in texts for part in parts)
    }


def _parts(name: str) -> set[str]:
    *folders, file = name.split("/")
    return {*folders, file.partition(".")[0]} - IMPLIED


def _unpacked(data: bytes) -> bytes:
    """What is in a jar, one file after the other."""
    found: list[bytes] = []
    left = MOST_BYTES
    with contextlib.suppress(*_UNREADABLE), zipfile.ZipFile(io.BytesIO(data)) as jar:
        for member in jar.infolist():
            with jar.open(member) as file:
                found.append(file.read(left).replace(_FOLDED, b""))
            left -= len(found[-1])
            if left <= 0:
                break
    return b"\0".join(found)


def _encoded(name: str, encoding: str) -> bytes:
    return name.encode(encoding, "surrogatepass")
