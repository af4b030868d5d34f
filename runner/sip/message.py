"""
The SIP message: where its parts are in the bytes, without changing a byte.

Must not know pseudo-variables or what a script does with it. Reads as Kamailio 5.6 reads (core/parser/msg_parser.c):
a header that Kamailio cannot parse ends the header list, and ``broken_at`` says where.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from runner.errors import ConfigError

from .header_names import NAME_CHARACTERS, header_key, header_type
from .via import header_end

_BLANKS = re.compile(rb"(?:(?:\r?\n)?[ \t])*+")
_LF, _CR, _COLON = b"\n"[0], b"\r"[0], b":"[0]
_LAST_VERSION = b"SIP/2.0"

# core/parser/msg_parser.c, parse_headers in its strict mode, the default: a second one is an error.
_SINGLE = frozenset({b"call-id", b"to", b"cseq", b"from", b"max-forwards", b"content-length"})


class SipParseError(ConfigError):
    """
    The bytes are no SIP message.

    Attributes:
        line: Line of the fault, from 1.
        column: Column of the fault in bytes, from 1.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Header:
    """
    One header line, folded lines included.

    Attributes:
        name: As written.
        key: What equal headers share: the long lower-case name.
        type: The same when Kamailio has a type for it, else None.
        start: Offset of the name in the message.
        end: Offset behind the line end.
        body: The value without white space in front and line end behind; folds inside stay.
        body_start: Offset of the body.
    """

    name: bytes
    key: bytes
    type: bytes | None
    start: int
    end: int
    body: bytes
    body_start: int


@dataclass(frozen=True, slots=True)
class FirstLine:
    """
    The first line, of a request or of a reply.

    Attributes:
        end: Offset behind its line end.
        is_request: False for a reply.
        method: Of a request; empty for a reply.
        uri: Of a request; empty for a reply.
        uri_start: Offset of the R-URI.
        version: For example ``SIP/2.0``.
        status: Of a reply, three digits; empty for a request.
        reason: Of a reply; may be empty.
    """

    end: int
    is_request: bool
    method: bytes = b""
    uri: bytes = b""
    uri_start: int = 0
    version: bytes = _LAST_VERSION
    status: bytes = b""
    reason: bytes = b""


@dataclass(frozen=True, slots=True)
class SipMessage:
    """
    A parsed message. ``data`` is what came in; every offset points into it.

    Attributes:
        data: The bytes.
        first_line: Request or status line.
        headers: In order, up to the end or to the first that cannot be parsed.
        headers_end: Offset of the empty line, of the end of the data when there is none.
        body_start: Offset of the body; None without an empty line.
        broken_at: Offset of the header line that cannot be parsed; None when all could.
        had_bare_lf: True when lines ended with LF alone and were changed to CRLF before parsing.
    """

    data: bytes
    first_line: FirstLine
    headers: tuple[Header, ...]
    headers_end: int
    body_start: int | None
    broken_at: int | None = None
    had_bare_lf: bool = False

    @property
    def body(self) -> bytes | None:
        """Everything behind the empty line, perhaps nothing; None without an empty line."""
        return None if self.body_start is None else self.data[self.body_start :]

    @property
    def cseq(self) -> tuple[bytes, bytes]:
        """Number and method of the CSeq header; empty texts without one."""
        header = self.header(b"cseq")
        words = header.body.split() if header is not None else []
        return (words[0], words[1]) if len(words) > 1 else (b"", b"")

    @property
    def method(self) -> bytes:
        """The method of a request, that of the CSeq for a reply."""
        return self.first_line.method if self.first_line.is_request else self.cseq[1]

    def header(self, key: bytes) -> Header | None:
        """The first header with that key (long name, lower case); None when there is none."""
        for header in self.headers:
            if header.key == key:
                return header
        return None

    def all_headers(self, key: bytes) -> list[Header]:
        """Every header with that key, in order."""
        return [header for header in self.headers if header.key == key]

    def __bytes__(self) -> bytes:
        return self.data


def parse(data: bytes) -> SipMessage:
    """
    Find the parts of a message.

    Raises:
        SipParseError: The first line is neither a request line nor a status line.
    """
    first_line = _parse_first_line(data)
    headers: list[Header] = []
    seen: set[bytes] = set()
    at = first_line.end
    broken_at: int | None = None
    body_start: int | None = None
    while at < len(data):
        if data[at] == _LF:
            body_start = at + 1
            break
        if data[at] == _CR:
            body_start = at + 2 if data[at + 1 : at + 2] == b"\n" else at + 1
            break
        header = _parse_header(data, at)
        if header is None:
            broken_at = at
            break
        if header.type in _SINGLE:
            if header.type in seen or (header.type == b"content-length" and not header.body[:1].isdigit()):
                broken_at = at
                break
            seen.add(header.type)
        headers.append(header)
        at = header.end
    if broken_at is not None:
        body_start = _body_behind(data, broken_at)
    return SipMessage(data, first_line, tuple(headers), at, body_start, broken_at)


def parse_text(data: bytes) -> SipMessage:
    """
    Like ``parse``, for a message from a file: bare LF line ends of the head become CRLF first.

    ``had_bare_lf`` says whether any were there. The body is left alone.

    Raises:
        SipParseError: As ``parse``.
    """
    normal = normalise_line_ends(data)
    message = parse(normal)
    if normal == data:
        return message
    return SipMessage(
        message.data,
        message.first_line,
        message.headers,
        message.headers_end,
        message.body_start,
        message.broken_at,
        had_bare_lf=True,
    )


def normalise_line_ends(data: bytes) -> bytes:
    """The message with CRLF at the end of each line of its head; the body unchanged."""
    lines = []
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        if end < 0:
            break
        line = data[at:end].removesuffix(b"\r")
        lines.append(line + b"\r\n")
        at = end + 1
        if not line:
            break
    return b"".join(lines) + data[at:]


def _parse_first_line(data: bytes) -> FirstLine:
    """core/parser/parse_fline.c, parse_first_line: three parts with one blank between them."""
    end = data.find(b"\n")
    if end < 0:
        _fail(data, len(data), "the first line has no end")
    line = data[:end].removesuffix(b"\r")
    first, blank, rest = line.partition(b" ")
    if not blank or not first:
        _fail(data, 0, "expected a request line (METHOD URI SIP/2.0) or a status line (SIP/2.0 200 OK)")
    second, _, third = rest.partition(b" ")
    if first.upper() == _LAST_VERSION:
        if len(second) != 3 or not second.isdigit():  # noqa: PLR2004 - a status has three digits
            _fail(data, len(first) + 1, "expected a status of three digits")
        return FirstLine(end + 1, is_request=False, version=first, status=second, reason=third)
    uri_start = len(first) + 1
    if not second:
        _fail(data, uri_start, "expected a Request-URI")
    if third.upper() != _LAST_VERSION:
        _fail(data, uri_start + len(second) + 1, "expected SIP/2.0 behind the Request-URI")
    return FirstLine(end + 1, is_request=True, method=first, uri=second, uri_start=uri_start, version=third)


def _parse_header(data: bytes, start: int) -> Header | None:
    """core/parser/msg_parser.c, get_hdr_field; None for a line that cannot be parsed."""
    size = len(data)
    at = start
    while at < size and data[at] in NAME_CHARACTERS:
        at += 1
    name = data[start:at]
    while at < size and data[at] in b" \t":
        at += 1
    if not name or at >= size or data[at] != _COLON:
        return None
    end = at + 1
    key = header_key(name)
    # core/parser/msg_parser.c, get_hdr_field takes a Via apart at once: it says itself where it ends.
    via_end = header_end(data, end) if key == b"via" else None
    if key == b"via" and via_end is None:
        return None
    while via_end is None:
        line_end = data.find(b"\n", end)
        if line_end < 0:
            return None
        end = line_end + 1
        if end >= size or data[end] not in b" \t":
            break
    end = via_end or end
    # core/parser/parser_f.h, eat_lws_end: a CR alone is part of the body.
    blanks = _BLANKS.match(data, at + 1, end)
    body_start = at + 1 if blanks is None else blanks.end()
    # core/parser/msg_parser.c, trim_r: only line ends go at the end, blanks stay.
    body = data[body_start:end].rstrip(b"\r\n")
    return Header(name, key, header_type(name), start, end, body, body_start)


def _body_behind(data: bytes, at: int) -> int | None:
    """Where the body starts when the headers cannot be walked: behind the first empty line."""
    found = data.find(b"\r\n\r\n", at)
    return None if found < 0 else found + 4


def _fail(data: bytes, offset: int, message: str) -> NoReturn:
    line = data.count(b"\n", 0, offset) + 1
    column = offset - (data.rfind(b"\n", 0, offset) + 1) + 1
    raise SipParseError(message, line, column)
