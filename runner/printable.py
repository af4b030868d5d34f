r"""
Text that nobody vouches for, as it may be printed: in logs and on terminals.

What a script, a message or a file's name says may carry escape sequences, line ends, and characters that turn the
direction of the text around them. They are shown as ``\x1b``, ``\n`` or ``\u202e`` and never obeyed.
"""

from __future__ import annotations

import logging

RECORD_CHARACTERS = 64 * 1024  # of one record: the longest SIP message that UDP carries is shorter
CONTINUED = "  "
NO_UTF8 = range(0xDC80, 0xDD00)  # PEP 383: bytes that were none


def printable(text: str) -> str:
    r"""
    One value on one line.

    All that Unicode calls control, format (directions, joiners), private, unassigned or a separator other than the
    blank is shown by its number; so is half a pair of surrogates, and a byte that was no UTF-8 as ``\xNN``. A tab
    stays.
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def record(text: str) -> str:
    r"""
    One record of a log: its first line as it is, each further one, as of a stack, with blanks before it.

    So no line that a script wrote begins where a record does. Lines end at ``\n`` and ``\r\n`` alone; at most
    ``RECORD_CHARACTERS`` of it are shown.
    """
    if text.isprintable() and len(text) <= RECORD_CHARACTERS:
        return text
    more = len(text) - RECORD_CHARACTERS
    lines = [printable(line.removesuffix("\r")) for line in text[:RECORD_CHARACTERS].split("\n")]
    if more > 0:
        lines.append(f"({more} more characters)")
    return f"\n{CONTINUED}".join(lines)


def ended_record(text: str) -> str:
    """As ``record``, for a text that brings its line end along: that stays."""
    if text.isprintable() and len(text) <= RECORD_CHARACTERS:
        return text
    body = text.removesuffix("\n").removesuffix("\r")
    return record(body) + text[len(body) :]


class RecordFormatter(logging.Formatter):
    """As ``logging.Formatter``, each record as ``record``."""

    def format(self, record_: logging.LogRecord) -> str:
        """The whole text of a record, its stack included."""
        return record(super().format(record_))


def _shown(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    number = ord(character)
    if number in NO_UTF8:
        return f"\\x{number - 0xDC00:02x}"
    return ascii(character)[1:-1]
