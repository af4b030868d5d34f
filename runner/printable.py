r"""
Make untrusted text safe to print, in logs and on terminals.

Texts of scripts, SIP messages and file names may contain escape sequences, line ends, and characters that change the
direction of the text around them. These are shown as ``\x1b``, ``\n`` or ``\u202e``, so that no terminal obeys them.
"""

from __future__ import annotations

import logging

RECORD_CHARACTERS = 64 * 1024  # longest record; the longest SIP message that UDP carries is shorter
CONTINUED = "  "
NO_UTF8 = range(0xDC80, 0xDD00)  # PEP 383: the surrogates for bytes that were not UTF-8


def printable(text: str) -> str:
    r"""
    Make one value printable, on one line.

    Characters that Unicode calls control, format (directions, joiners), private, unassigned or a separator are shown
    as numbers, and so is a lone surrogate. A byte that was not UTF-8 is shown as ``\xNN``. Blanks and tabs stay.
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def record(text: str) -> str:
    r"""
    Make one log record printable; its second and later lines, for example of a stack, are indented.

    So no line that a script wrote can look like the beginning of a record. Only ``\n`` and ``\r\n`` end a line. At
    most ``RECORD_CHARACTERS`` characters are shown.
    """
    if text.isprintable() and len(text) <= RECORD_CHARACTERS:
        return text
    more = len(text) - RECORD_CHARACTERS
    lines = [printable(line.removesuffix("\r")) for line in text[:RECORD_CHARACTERS].split("\n")]
    if more > 0:
        lines.append(f"({more} more characters)")
    return f"\n{CONTINUED}".join(lines)


def ended_record(text: str) -> str:
    """As ``record``, for a text that ends with a line end, which stays."""
    if text.isprintable() and len(text) <= RECORD_CHARACTERS:
        return text
    body = text.removesuffix("\n").removesuffix("\r")
    return record(body) + text[len(body) :]


class RecordFormatter(logging.Formatter):
    """A ``logging.Formatter`` that passes each record through ``record``."""

    def format(self, record_: logging.LogRecord) -> str:
        """The whole text of a record, including its stack."""
        return record(super().format(record_))


def _shown(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    number = ord(character)
    if number in NO_UTF8:
        return f"\\x{number - 0xDC00:02x}"
    return ascii(character)[1:-1]
