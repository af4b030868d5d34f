"""
What the content of a script has to be, as far as its bytes alone can say it: mostly, that it is not cut short.

Must not run anything. Whether it can be run, a worker says.
"""

from __future__ import annotations

import io
import struct
import zipfile

from runner.errors import ScriptInvalid

PE32_PLUS = 0x20B
CLI_HEADER = 14  # ECMA-335 II.25.2.3.3: the data directory that makes a PE file a .NET assembly
ASSEMBLY_MAGIC = b"MZ"  # ECMA-335 II.25.2.1: the MS-DOS header of a PE file
CLASS_MAGIC = b"\xca\xfe\xba\xbe"  # The Java Virtual Machine Specification, 4.1


def check_assembly(path: str, data: bytes) -> None:
    """
    Refuse what is cut short or not a .NET assembly, by the PE headers alone (ECMA-335, II.25.2).

    Raises:
        ScriptInvalid: It is one of these; the message says which, and what was found.
    """
    if data[:2] != ASSEMBLY_MAGIC[: len(data)]:
        raise ScriptInvalid(
            f"{path}: is not a .NET assembly: expected {ASSEMBLY_MAGIC!r} at its start, got {data[:8]!r}"
        )
    try:
        (header,) = struct.unpack_from("<I", data, 0x3C)
        signature, sections, optional_size = struct.unpack_from("<4s2xH12xH", data, header)
        if signature != b"PE\0\0":
            raise ScriptInvalid(f"{path}: is not a .NET assembly: expected b'PE\\0\\0' at {header}, got {signature!r}")
        optional = header + 24
        (magic,) = struct.unpack_from("<H", data, optional)
        directories = optional + (112 if magic == PE32_PLUS else 96)
        cli_address, cli_size = struct.unpack_from("<II", data, directories + 8 * CLI_HEADER)
        table = optional + optional_size
        for index in range(sections):
            name, size, begin = struct.unpack_from("<8s8xII", data, table + 40 * index)
            if begin + size > len(data):
                shown = name.rstrip(b"\0").decode("ascii", "replace")
                missing = f"section {shown} ends at byte {begin + size}, the file has {len(data)}"
                raise ScriptInvalid(f"{path}: is not complete: {missing}")
    except struct.error:
        raise ScriptInvalid(f"{path}: is not complete: its headers end after {len(data)} bytes") from None
    if not cli_address or not cli_size:
        raise ScriptInvalid(f"{path}: is not a .NET assembly but a native program")


def check_text(path: str, data: bytes) -> None:
    """
    Refuse a source of which nothing is there yet: many programs empty a file before they write it.

    Raises:
        ScriptInvalid: It is empty.
    """
    if not data.strip():
        raise ScriptInvalid(f"{path}: is not complete: it is empty")


def check_java(path: str, data: bytes) -> None:
    """
    Refuse a ``.jar`` that is no archive or is cut short, a ``.class`` that is none, and a source that is empty.

    Raises:
        ScriptInvalid: It is one of these; the message says which.
    """
    if path.lower().endswith(".jar"):
        if not zipfile.is_zipfile(io.BytesIO(data)):
            raise ScriptInvalid(f"{path}: is not complete, or is not a .jar: its directory of files is not at its end")
    elif path.lower().endswith(".class"):
        if data[:4] != CLASS_MAGIC[: len(data)]:
            raise ScriptInvalid(f"{path}: is not a Java class: expected {CLASS_MAGIC!r} at its start, got {data[:4]!r}")
        if len(data) < len(CLASS_MAGIC):
            raise ScriptInvalid(f"{path}: is not complete: it has {len(data)} bytes")
    else:
        check_text(path, data)
