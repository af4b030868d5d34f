"""
The values of a header, with commas between, and what is inside one of them, as Kamailio's module textopsx reads them.

Must not know messages: bytes in, bytes out. Lists of addresses with a grammar of their own have their own parsers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .scan import end_of

_WHITE = b" \t\r\n"
# A quote with a backslash before it does not close, whatever is before the backslash.
_QUOTED = rb'"[^"]*(?:(?<=\\)"[^"]*)*(?:"|\Z)'
_BLANK = re.compile(rb"[ \t\r\n]*")
_VALUE = re.compile(rb'(?:[^",]+|' + _QUOTED + rb")*")


def values(body: bytes) -> list[bytes]:
    """
    The values without the blanks around them; at least one, perhaps empty (textopsx.c, find_next_value).

    An empty value in front of a comma counts, nothing behind the last comma does not.
    """
    found = []
    at = 0
    while True:
        start = end_of(_BLANK, body, at)
        end = end_of(_VALUE, body, start)
        found.append(body[start:end].rstrip(_WHITE))
        at = end + 1
        if at >= len(body):
            return found


@dataclass(frozen=True, slots=True)
class AddressIn:
    """
    The address at the start of a value.

    Attributes:
        name: The display name, only the first word of one without quotes; without its quotes.
        uri: Without angle brackets; None without one.
        end: Offset of the semicolon behind it, or of the end.
    """

    name: bytes
    uri: bytes | None
    end: int


_WORD = re.compile(rb'(?:[^"<; \t\r\n]+|' + _QUOTED + rb")*")
_ENCLOSED = re.compile(rb'<(?:[^">]+|' + _QUOTED + rb")*")
_QUOTES = 2


def address_in(value: bytes) -> AddressIn:
    """Find the name, the URI and the end of the address (textopsx.c, get_uri_and_skip_until_params)."""
    at, name_end = 0, 0
    uri: tuple[int, int] | None = None
    is_enclosed = False
    while at < len(value) and value[at : at + 1] != b";":
        start, at = at, end_of(_WORD, value, at)
        name_end = name_end or at
        if not is_enclosed and b'"' not in value[start:at]:
            uri = start, at
        at = end_of(_BLANK, value, at)
        if value[at : at + 1] == b"<":
            start, at = at, end_of(_ENCLOSED, value, at)
            is_enclosed = is_enclosed or at < len(value)
            uri = start, at + 1 if at < len(value) else start
    name = value[:name_end] if uri is None or uri[0] else b""
    if len(name) >= _QUOTES and name[:1] == name[-1:] == b'"':
        name = name[1:-1]
    text = None if uri is None else value[slice(*uri)]
    return AddressIn(name, text[1:-1] if text and text[:1] == b"<" else text, at)


_PARAM = re.compile(
    rb"[ \t\r\n]*;[ \t\r\n]*(?P<name>[^ \t\r\n=;]*)[ \t\r\n]*"
    rb'(?:=[ \t\r\n]*(?:"(?P<quoted>[^"]*)"?|(?P<plain>[^ \t\r\n;]*)))?'
)


def param_behind(text: bytes, wanted: bytes) -> bytes | None:
    """
    The value of a parameter in ``;a=1;b``, empty for a bare name; None without it (textopsx.c, find_hf_value_param).

    The list ends at the first text that is no parameter.
    """
    at = 0
    while found := _PARAM.match(text, at):
        if found["name"].lower() == wanted.lower():
            return found["quoted"] or found["plain"] or b""
        at = found.end()
    return None
