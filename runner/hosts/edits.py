"""
Edits of a message that is not rebuilt yet: Kamailio's lumps (core/data_lump.c), as data.

Must not know headers or variables: offsets and bytes only.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field


@dataclass(slots=True)
class Edit:
    """
    One place of the original bytes where something goes or comes.

    Attributes:
        offset: Where, in the original bytes.
        length: How many of them go; 0 for a mere insertion.
        text: What comes instead.
    """

    offset: int
    length: int = 0
    text: bytes = b""


@dataclass(slots=True)
class Edits:
    """Edits in the order of their places; at one place, in the order they were made."""

    edits: list[Edit] = field(default_factory=list)

    def insert(self, offset: int, text: bytes) -> None:
        """Put text in front of the byte at ``offset``."""
        insort(self.edits, Edit(offset, 0, text), key=lambda edit: edit.offset)

    def replace(self, offset: int, length: int, text: bytes = b"") -> None:
        """Put text in the place of ``length`` bytes."""
        insort(self.edits, Edit(offset, length, text), key=lambda edit: edit.offset)

    def apply(self, data: bytes) -> bytes:
        """
        The bytes with every edit done.

        What two edits both delete goes once, and the text of both stays (core/msg_translator.c, lumps_len).
        """
        out: list[bytes] = []
        done = 0
        for edit in self.edits:
            start, length = edit.offset, edit.length
            if start < done:
                length = max(0, length - (done - start))
                start = done
            out += (data[done:start], edit.text)
            done = start + length
        out.append(data[done:])
        return b"".join(out)

    def __len__(self) -> int:
        return len(self.edits)
