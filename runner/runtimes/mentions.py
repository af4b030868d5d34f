"""
Whether a script refers to a file beside it at all, as its bytes show.

What a client's worker needs is looked for beside a script only then: nobody can make a script depend on a file that
merely lies there. Must not know clients, nor where files lie.
"""

from __future__ import annotations

import io
import zipfile
import zlib

IMPLIED = frozenset({"", "__init__", "index", "package"})
"""What a file of a folder is called that a script names by its folder: in Python, and in Node."""

MOST_BYTES = 64 * 1024 * 1024
"""Of a jar, unpacked; no name is found behind that."""

_FOLDED = b"\r\n "  # how a manifest continues a line that is longer than 72 bytes (the JAR File Specification)


def in_assembly(name: str, data: bytes) -> bool:
    """
    Whether an assembly has the simple name of another one.

    A name that it refers to is in its metadata, with a NUL behind it (ECMA-335 II.24.2.3). A text by which it loads a
    plug-in is there in UTF-16 (II.24.2.4).
    """
    return _encoded(name, "utf-8") + b"\0" in data or _encoded(name, "utf-16-le") in data


def in_text(name: str, data: bytes) -> bool:
    """
    Whether a source, a class or a jar has each part of the name of a file: its folders, and its own up to its endings.

    ``lib/x.js`` may be written ``./lib/x``, and ``lib/x.py`` ``from lib import x``; a class has ``lib/X``.
    """
    *folders, file = name.split("/")
    parts = {*folders, file.partition(".")[0]} - IMPLIED
    texts = _unpacked(data) if data.startswith(b"PK") else data
    return bool(parts) and all(_encoded(part, "utf-8") in texts for part in parts)


def _unpacked(data: bytes) -> bytes:
    """What is in a jar, one file after the other."""
    found: list[bytes] = []
    left = MOST_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as jar:
            for member in jar.infolist():
                with jar.open(member) as file:
                    found.append(file.read(left).replace(_FOLDED, b""))
                left -= len(found[-1])
                if left <= 0:
                    break
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError):
        pass  # what cannot be read refers to nothing
    return b"\0".join(found)


def _encoded(name: str, encoding: str) -> bytes:
    return name.encode(encoding, "surrogatepass")
