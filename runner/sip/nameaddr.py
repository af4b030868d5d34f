"""
Addresses: ``"Name" <uri>``, and the whole body of From, To and Contact, as Kamailio 5.6.3 reads them.

Must not know messages: bytes in, a frozen result or None out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .params import parse_params_at
from .scan import end_of


@dataclass(frozen=True, slots=True)
class NameAddr:
    """
    A display name and a URI.

    Attributes:
        name: All before the ``<``, as written, with quotes and blanks.
        uri: Between the angle brackets; the whole text when there is no ``<``.
        length: How many bytes of the text were taken.
    """

    name: bytes
    uri: bytes
    length: int


def parse_nameaddr(text: bytes) -> NameAddr | None:
    """Parse the start of a text; None when a ``<`` is not closed (core/parser/parse_nameaddr.c)."""
    opening = find_not_quoted(text, b"<")
    if opening < 0:
        return NameAddr(b"", text, len(text))
    closing = find_not_quoted(text, b">", opening + 1)
    return None if closing < 0 else NameAddr(text[:opening], text[opening + 1 : closing], closing + 1)


def find_not_quoted(text: bytes, wanted: bytes, start: int = 0) -> int:
    """
    The offset of a byte outside double quotes, or -1.

    A quote with a backslash before it does not close, whatever is before the backslash (core/parser/parser_f.h).
    """
    stops = _quote_or(wanted)
    while found := stops.search(text, start):
        if found.group() == wanted:
            return found.start()
        start = skip_quoted(text, found.end())
    return -1


@lru_cache(maxsize=8)
def _quote_or(wanted: bytes) -> re.Pattern[bytes]:
    return re.compile(b'["' + re.escape(wanted) + b"]")


def skip_quoted(text: bytes, at: int) -> int:
    """The offset behind the quote that closes the one in front of ``at``; the end of the text when none does."""
    while True:
        quote = text.find(b'"', at)
        if quote < 0:
            return len(text)
        if text[quote - 1 : quote] != b"\\":
            return quote + 1
        at = quote + 1


@dataclass(frozen=True, slots=True)
class RouteAddress:
    """
    One address of a Route or Record-Route.

    Attributes:
        uri: Between the angle brackets.
        start: Offset of the address in the body.
        end: Offset behind it and its parameters.
        uri_start: Offset of the URI.
    """

    uri: bytes
    start: int
    end: int
    uri_start: int


_WHITE = re.compile(rb"[ \t\r\n]*")


def parse_route_body(body: bytes) -> list[RouteAddress] | None:
    """
    The addresses of a Route, Record-Route or Path body; at least one.

    Follows core/parser/parse_rr.c (do_parse_rr_body).

    Returns:
        None when it does not parse: an address without angle brackets, parameters that Kamailio refuses, nothing
        behind a comma.
    """
    found = []
    at = end_of(_WHITE, body, 0)
    while at < len(body):
        opening = find_not_quoted(body, b"<", at)
        closing = -1 if opening < 0 else find_not_quoted(body, b">", opening + 1)
        if closing < 0:
            return None
        end = closing + 1
        behind = end_of(_WHITE, body, end)
        if body[behind : behind + 1] == b";":
            parsed = parse_params_at(body, end_of(_WHITE, body, behind + 1), len(body))
            if parsed is None:
                return None
            params, behind = parsed
            end = params[-1].end
        found.append(RouteAddress(body[opening + 1 : closing], at, end, opening + 1))
        if behind == len(body):
            return found
        if body[behind : behind + 1] != b",":
            return None
        at = end_of(_WHITE, body, behind + 1)
    return None


@dataclass(frozen=True, slots=True)
class ToParam:
    """
    A parameter behind the address.

    Attributes:
        name: As written.
        value: Without quotes; None for a name alone.
    """

    name: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class ToBody:
    """
    The body of a From, To or Contact.

    Attributes:
        display: As written, with its quotes; empty when there is none.
        uri: Without the angle brackets; not parsed, may be no URI at all.
        uri_start: Its offset in the text.
        params: In order.
        params_start: Offset of the first parameter's name in the text; None without parameters.
        end: Offset of what follows: a comma where commas separate, else the end of the header.
    """

    display: bytes
    uri: bytes
    uri_start: int
    params: tuple[ToParam, ...]
    params_start: int | None
    end: int

    @property
    def tag(self) -> bytes | None:
        """The value of the last ``tag``; empty for ``tag=``, None for a bare ``tag`` and without one."""
        tags = [param.value for param in self.params if param.name.lower() == b"tag"]
        return tags[-1] if tags else None


@lru_cache(maxsize=4096)
def parse_to_body(text: bytes, start: int = 0, *, is_list: bool = False) -> ToBody | None:
    """
    Parse one address with parameters, up to the end of the header or text.

    Follows core/parser/parse_addr_spec.c (parse_addr_spec, parse_to_param).

    Args:
        text: A header body; may be folded, may go on behind a line end that is no fold.
        start: Where the address begins.
        is_list: A comma ends the address (Diversion, P-Asserted-Identity); otherwise it belongs to the address or is
            an error.

    Returns:
        None where Kamailio finds an error.
    """
    stop = b"," if is_list else b""
    address = _parse_address(text, start, stop)
    if address is None:
        return None
    display, uri, uri_start, at = address
    parsed = _parse_to_params(text, at, stop)
    if parsed is None:
        return None
    params, params_start, at = parsed
    end = end_of(_LINE_END, text, at)
    if end > at and text[end : end + 1] in ({b"\\", b"\0", b","} if params and not is_list else {b"\\", b"\0"}):
        return None
    return ToBody(display, uri, uri_start, params, params_start, end)


# Blanks, and line ends with a blank behind them. Any other line end ends the header, as a NUL does.
_LINE_END = re.compile(rb"\r\n?|\n")
_A_FOLD = rb"(?:\r\n?|\n)(?=[ \t])"
_FOLDED = re.compile(rb"(?:[ \t]+|" + _A_FOLD + rb")*")
_ENDS = {b"", b"\r", b"\n", b"\0"}
_SPACES = re.compile(rb"[ \t]*")
_QUOTED = re.compile(rb'"(?:[^"\\\r\n\0]|\\.)*"', re.DOTALL)
_ENCLOSED = {
    b"": re.compile(rb'<[ \t]*([^ \t\r\n<>"\\;\0][^ \t\r\n<>"\\\0]*)[ \t]*>'),
    b",": re.compile(rb'<[ \t]*([^ \t\r\n<>"\\;,\0][^ \t\r\n<>"\\\0]*)[ \t]*>'),
}
_BARE = {b"": re.compile(rb'[^ \t\r\n<>"\\;\0]+'), b",": re.compile(rb'[^ \t\r\n<>"\\;,\0]+')}
# The words of an unquoted display name behind its first: no ";" may follow a second word.
_WORDS = {
    b"": re.compile(rb'(?:[^<>"\\;\r\n\0]+|' + _A_FOLD + rb")*"),
    b",": re.compile(rb'(?:[^<>"\\;,\r\n\0]+|' + _A_FOLD + rb")*"),
}

_Address = tuple[bytes, bytes, int, int]
"""Display name, URI and its offset, and the offset behind them."""


def _parse_address(text: bytes, start: int, stop: bytes) -> _Address | None:
    at = end_of(_SPACES, text, start)
    first = text[at : at + 1]
    if first == b"<":
        return _parse_enclosed(text, at, b"", stop)
    if first == b'"':
        quoted = _QUOTED.match(text, at)
        return quoted and _parse_enclosed(text, end_of(_FOLDED, text, quoted.end()), quoted.group(), stop)
    bare = _BARE[stop].match(text, at)
    if bare is None:
        return None
    behind = end_of(_FOLDED, text, bare.end())
    following = text[behind : behind + 1]
    if following == b"\0":
        return b"", text[at:behind], at, behind
    if following in _ENDS or following in {b";", stop}:
        return b"", bare.group(), at, bare.end()
    words = _WORDS[stop].match(text, at)
    if words is None or text[words.end() : words.end() + 1] != b"<":
        return None
    return _parse_enclosed(text, words.end(), words.group().rstrip(b" \t\r\n"), stop)


def _parse_enclosed(text: bytes, at: int, display: bytes, stop: bytes) -> _Address | None:
    found = _ENCLOSED[stop].match(text, at)
    return found and (display, found.group(1), found.start(1), found.end())


_NAME = _VALUE = re.compile(rb'[^ \t\r\n\\"=,;\0]+')
_TAG_VALUE = re.compile(rb'[^ \t\r\n\\"=,;\0][^ \t\r\n\\"=;\0]*')
_FOLDED_OR_COMMAS = re.compile(rb"(?:[ \t,]+|" + _A_FOLD + rb")*")
_QUOTED_VALUE = re.compile(rb'"([^"\\\r\n\0]*)"')

_Params = tuple[tuple[ToParam, ...], int | None, int]
"""The parameters, the offset of the first one's name, and the offset behind them."""


def _parse_to_params(text: bytes, start: int, stop: bytes) -> _Params | None:
    params: list[ToParam] = []
    params_start = None
    at = end_of(_FOLDED, text, start)
    while (following := text[at : at + 1]) not in _ENDS and following != stop:
        if following != b";":
            return None
        name = _NAME.match(text, end_of(_FOLDED, text, at + 1))
        if name is None:
            return None
        if params_start is None:
            params_start = name.start()
        at = end_of(_FOLDED, text, name.end())
        value: bytes | None = None
        if text[at : at + 1] == b"=":
            is_tag = not stop and name.group().lower() == b"tag"
            found = _parse_to_value(text, end_of(_FOLDED, text, at + 1), is_tag=is_tag)
            if found is None:
                return None
            value, at = found
            at = end_of(_FOLDED, text, at)
        params.append(ToParam(name.group(), value))
    return tuple(params), params_start, at


def _parse_to_value(text: bytes, at: int, *, is_tag: bool) -> tuple[bytes, int] | None:
    if is_tag:
        # Where commas do not separate, a tag may have them, but they do not begin it.
        at = end_of(_FOLDED_OR_COMMAS, text, at)
    if text[at : at + 1] == b'"':
        # A backslash inside is an error: the case for it falls through to the one that refuses.
        quoted = _QUOTED_VALUE.match(text, at)
        return quoted and (quoted.group(1), quoted.end())
    token = (_TAG_VALUE if is_tag else _VALUE).match(text, at)
    return (b"", at) if token is None else (token.group(), token.end())
