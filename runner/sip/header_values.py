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


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a value is in the body.

    Attributes:
        start: Offset of its first byte.
        end: Offset behind its last one.
        outer_start: Offset behind the comma in front of it.
        outer_end: Offset behind the comma that ends it.
    """

    start: int
    end: int
    outer_start: int
    outer_end: int


def places(body: bytes) -> list[Place]:
    """
    The values without the blanks around them; at least one, perhaps empty (textopsx.c, find_next_value).

    An empty value in front of a comma counts, nothing behind the last comma does not.
    """
    found = []
    at = 0
    while True:
        start = end_of(_BLANK, body, at)
        end = end_of(_VALUE, body, start)
        outer_end = min(end + 1, len(body))
        found.append(Place(start, start + len(body[start:end].rstrip(_WHITE)), at, outer_end))
        at = end + 1
        if at >= len(body):
            return found


def values(body: bytes) -> list[bytes]:
    """The texts at these places."""
    return [body[place.start : place.end] for place in places(body)]


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


@dataclass(frozen=True, slots=True)
class ParamPlace:
    """
    Where a parameter is in ``;a=1;b``.

    Attributes:
        start: Offset of the blanks and the semicolon in front of it; without it, where one could be added.
        value_start: Offset behind its name.
        end: Offset behind it; None when it is not there.
    """

    start: int
    value_start: int
    end: int | None


def param_place(text: bytes, wanted: bytes, at: int = 0) -> ParamPlace:
    """Where the next parameter of that name is (textopsx.c, find_hf_value_param)."""
    while found := _PARAM.match(text, at):
        if found["name"].lower() == wanted.lower():
            return ParamPlace(at, found.end("name"), found.end())
        at = found.end()
    return ParamPlace(at, at, None)


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
