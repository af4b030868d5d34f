"""
Edits of a message that is not rebuilt yet: Kamailio's lumps (core/data_lump.c), as data.

Must not know headers or variables: offsets and bytes only.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from operator import attrgetter


@dataclass(slots=True)
class Edit:
    """
    One place in the original bytes where something is removed or put in.

    Attributes:
        offset: Where, in the original bytes.
        length: How many of them are removed; 0 to insert only.
        text: What is put in.
        doubled: What is put in when the message leaves by another socket than the one that received it, with ``OUT``
            where the address of that socket belongs; None for ``text``.
        is_by_transport: ``doubled`` is put in only when that socket has another transport, and ``OUT`` is its name.
        name: By which who made it finds it again; empty for none.
    """

    offset: int
    length: int = 0
    text: bytes = b""
    doubled: bytes | None = None
    is_by_transport: bool = False
    name: str = ""


_offset = attrgetter("offset")

OUT = b"\0"
"""Stands in ``Edit.doubled``; no header holds it."""


@dataclass(slots=True)
class Edits:
    """Edits in the order of their places; at one place, in the order they were made."""

    edits: list[Edit] = field(default_factory=list)

    def insert(self, offset: int, text: bytes) -> None:
        """Put text in front of the byte at ``offset``."""
        self.add(Edit(offset, 0, text))

    def add(self, edit: Edit) -> None:
        """One more, behind those at the same place."""
        insort(self.edits, edit, key=_offset)

    def replace(self, offset: int, length: int, text: bytes = b"") -> None:
        """Put text in the place of ``length`` bytes."""
        self.add(Edit(offset, length, text))

    def apply(self, data: bytes, headers_end: int | None = None) -> bytes:
        """
        The bytes with every edit done.

        What two edits both delete goes once, and the text of both stays. The later one is moved behind the first for
        good, so that a new edit in its old place comes before it (core/msg_translator.c, lumps_len). An edit behind
        ``headers_end`` is left out when one in front of it deletes the place where it begins (process_lumps); it still
        counts in the length of the result, which loses bytes at its end, or has NULs there for what is in the memory.
        """
        end = len(data) if headers_end is None else headers_end
        in_headers = [edit for edit in self.edits if edit.offset <= end]
        in_body = self.edits[len(in_headers) :]
        _move_apart(in_headers)
        _move_apart(in_body)
        out: list[bytes] = []
        done = 0
        for edit in (*in_headers, *in_body):
            if edit.offset >= done:
                out += (data[done : edit.offset], edit.text)
                done = edit.offset + edit.length
        out.append(data[done:])
        length = len(data) + sum(len(edit.text) - edit.length for edit in self.edits)
        return b"".join(out)[: max(0, length)].ljust(length, b"\0")

    def leaving_by(self, address: bytes, transport: bytes | None) -> Edits:
        """The edits of a message that leaves by another socket, with this address; None for the same transport."""
        found = []
        for edit in self.edits:
            out = transport if edit.is_by_transport else address
            if edit.doubled is not None and out is not None:
                found.append(Edit(edit.offset, edit.length, edit.doubled.replace(OUT, out)))
            else:
                found.append(edit)
        return Edits(found)

    def __len__(self) -> int:
        return len(self.edits)


def _move_apart(edits: list[Edit]) -> None:
    done = 0
    for edit in edits:
        if edit.offset < done:
            edit.length = max(0, edit.length - (done - edit.offset))
            edit.offset = done
        done = edit.offset + edit.length
