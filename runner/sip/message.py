"""
The SIP message: where its parts are in the bytes, without changing a byte.

Must not know pseudo-variables or what a script does with it. Reads as Kamailio reads (core/parser/msg_parser.c):
a header that Kamailio cannot parse ends the header list, and ``broken_at`` says where.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .first_line import IN_FRONT, FirstLine, SipParseError, parse_bad_first_line, parse_first_line
from .header_names import header_type
from .nameaddr import parse_to_body
from .scan import INT_MAX, end_of, number_of
from .via import header_end

__all__ = [
    "FirstLine",
    "Header",
    "SipMessage",
    "SipParseError",
    "normalise_line_ends",
    "parse",
    "parse_rebuilt",
    "parse_text",
]

_LF, _CR = b"\n"[0], b"\r"[0]

# core/parser/msg_parser.c, parse_headers in its strict mode, the default: in a request a second one is an error.
_SINGLE = frozenset({b"call-id", b"to", b"cseq", b"from", b"max-forwards", b"content-length"})

_MOST_BYTES_6 = 32767  # the default of msg_recv_max_size
_SHOWN = 60  # bytes of a line that cannot be parsed
_NEEDED = {b"via": "Via", b"from": "From", b"to": "To", b"call-id": "Call-ID", b"cseq": "CSeq"}


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
        is_6: True when it was read as Kamailio 6.0 reads it, which differs in a Via from 5.6.
    """

    data: bytes
    first_line: FirstLine
    headers: tuple[Header, ...]
    headers_end: int
    body_start: int | None
    broken_at: int | None = None
    had_bare_lf: bool = False
    is_6: bool = False

    @property
    def lacks(self) -> list[str]:
        """The names of the headers that Kamailio needs, and does not reach here."""
        return [name for key, name in _NEEDED.items() if self.header(key) is None]

    @property
    def dropped(self) -> str | None:
        """
        Why Kamailio's core drops the message before any script runs, to be read behind a colon; None when it does not.

        It needs five headers above the first one that it cannot parse, and drops a request of another protocol
        (core/receive.c, receive_msg; core/parser/msg_parser.c, parse_msg); in 6.0 also a message that is very long
        (core/udp_server.c, ksr_msg_recv_max_size).
        """
        if self.is_6 and len(self.data) >= _MOST_BYTES_6:
            return f"it has {len(self.data)} bytes, and {_MOST_BYTES_6} are too many for Kamailio 6.0"
        if not self.first_line.is_sip:
            return f"its version is {self.first_line.version.decode('latin-1')!a}, not SIP/2.0"
        if not self.lacks:
            return None
        names = " and no ".join(self.lacks)
        if self.broken_at is None:
            return f"it has no {names}"
        line = self.data.count(b"\n", 0, self.broken_at) + 1
        text = self.data[self.broken_at :].split(b"\n", 1)[0][:_SHOWN].rstrip(b"\r").decode("latin-1")
        return f"line {line} cannot be parsed ({text!a}), and above it is no {names}"

    @property
    def body(self) -> bytes | None:
        """Everything behind the empty line, perhaps nothing; None without an empty line."""
        return None if self.body_start is None else self.data[self.body_start :]

    @property
    def cseq(self) -> tuple[bytes, bytes]:
        """Number and method of the CSeq header; empty texts without one."""
        header = self.header(b"cseq")
        found = None if header is None else _CSEQ.match(self.data, header.body_start, header.end)
        return (b"", b"") if found is None else (found[1], found[2])

    @property
    def content_length(self) -> int | None:
        """What Content-Length says; None without one."""
        header = self.header(b"content-length")
        return None if header is None else number_of(header.body[: end_of(_DIGITS, header.body, 0)], INT_MAX)

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


def parse(data: bytes, *, is_6: bool = False) -> SipMessage:
    """
    Find the parts of a message; what Kamailio's core would drop is parsed too, see ``SipMessage.dropped``.

    Args:
        data: The bytes.
        is_6: As Kamailio 6.0 reads it.

    Raises:
        SipParseError: The first line is neither a request line nor a status line.
    """
    first_line = parse_first_line(data)
    is_strict = first_line.is_request and first_line.is_sip
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
        header = _parse_header(data, at, is_6=is_6)
        if header is None or (is_strict and header.type in seen):
            broken_at = at
            break
        if header.type in _SINGLE:
            seen.add(header.type)
        headers.append(header)
        at = header.end
    if broken_at is not None:
        body_start = _body_behind(data, broken_at)
    return SipMessage(data, first_line, tuple(headers), at, body_start, broken_at, is_6=is_6)


def parse_text(data: bytes, *, is_6: bool = False) -> SipMessage:
    """
    Like ``parse``, for a message from a file: bare LF line ends of the head become CRLF first.

    ``had_bare_lf`` says whether any were there. The body is left alone.

    Raises:
        SipParseError: As ``parse``.
    """
    normal = normalise_line_ends(data)
    message = parse(normal, is_6=is_6)
    return message if normal == data else replace(message, had_bare_lf=True)


def parse_rebuilt(data: bytes, *, is_6: bool = False) -> SipMessage:
    """
    Like ``parse``, for a message that a script changed: it has no headers when its first line cannot be read.

    core/msg_translator.c, sip_msg_update_buffer goes on with what parse_msg found.
    """
    try:
        return parse(data, is_6=is_6)
    except SipParseError:
        return SipMessage(data, parse_bad_first_line(data), (), 0, None, broken_at=0, is_6=is_6)


def normalise_line_ends(data: bytes) -> bytes:
    """The message with CRLF at the end of each line of its head; the body unchanged."""
    at = len(data) - len(data.lstrip(IN_FRONT))
    lines = [data[:at]]
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


# core/parser/parse_hname2.c, parse_sip_header_name, and the white space behind it: core/parser/parser_f.h, eat_lws_end.
_NAME = re.compile(rb"([0-9A-Za-z._+~-]+)[ \t]*:[ \t]*(?:\r?\n[ \t]+)*")


def _parse_header(data: bytes, start: int, *, is_6: bool) -> Header | None:
    """core/parser/msg_parser.c, get_hdr_field; None for a line that cannot be parsed."""
    found = _NAME.match(data, start)
    if found is None:
        return None
    name, body_start = found[1], found.end()
    kind = header_type(name)
    end = _end_of_header(data, body_start, kind, is_6=is_6)
    if end is None:
        return None
    # core/ut.h, trim_r: only line ends and NULs go at the end, blanks stay.
    body = data[body_start:end].rstrip(b"\r\n\0")
    return Header(name, kind or name.lower(), kind, start, end, body, body_start)


_FOLDING = {b" ", b"\t"}
_PARSED_AT_ONCE = frozenset({b"cseq", b"to", b"content-length", b"retry-after"})
_END_OF_TO = re.compile(rb"\n(?![ \t])|\r(?![ \t\n])|\Z")
# What nearly every To looks like, and what surely parses.
_PLAIN_TO = re.compile(rb'(?:"[0-9A-Za-z .]*" ?|[0-9A-Za-z]+ )?<sip:[0-9A-Za-z.:;=+@_-]+>(?:;tag=[0-9A-Za-z.-]+)?\r?\n')
_CSEQ = re.compile(rb"([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)[ \t]*(?:\r?\n[ \t]+)*\r?\n")
_CONTENT_LENGTH = re.compile(rb"(?=[0-9])0*([0-9]{0,10})[ \t]*(?:\r?\n[ \t]+)*\r?\n")
_DIGITS = re.compile(rb"[0-9]*")
_TOO_LONG = 2147483640  # parse_content_length stops where the next digit could pass INT_MAX
_RETRY_AFTER = re.compile(rb"[0-9]{1,10}[ \t;\r\n(]")


def _end_of_header(data: bytes, start: int, kind: bytes | None, *, is_6: bool) -> int | None:
    """
    The offset behind the line end of a header; None when it cannot be parsed.

    core/parser/msg_parser.c, get_hdr_field parses a Via, To, CSeq, Content-Length and Retry-After at once.
    """
    if kind == b"via":
        return header_end(data, start, is_6=is_6)
    if kind not in _PARSED_AT_ONCE:
        return _line_end(data, start)
    found = _END_OF_TO.search(data, start) if kind == b"to" else None
    end = _line_end(data, start) if found is None else found.end()
    if end is None:
        return None
    match kind:
        case b"to":
            # parse_to also looks at the byte behind the line end, and a NUL is an error there.
            if data[end : end + 1] == b"\0":
                return None
            return end if _PLAIN_TO.fullmatch(data, start, end) is not None else _end_of_to(data, start, end)
        case b"cseq":
            parses = _CSEQ.fullmatch(data, start, end) is not None
        case b"content-length":
            number = _CONTENT_LENGTH.fullmatch(data, start, end)
            parses = number is not None and int(number[1] or b"0") < _TOO_LONG
        case _:
            parses = _RETRY_AFTER.match(data, start, end) is not None
    return end if parses else None


def _line_end(data: bytes, start: int) -> int | None:
    """Behind the first line end that no blank follows; None when there is none."""
    at = data.find(b"\n", start) + 1
    while at and data[at : at + 1] in _FOLDING:
        at = data.find(b"\n", at) + 1
    return at or None


def _end_of_to(data: bytes, start: int, end: int) -> int | None:
    """The line end where a To ends, or a NUL behind its URI or parameters, which is left for the next header."""
    found = parse_to_body(data[start:end])
    if found is None:
        return None
    found_end = start + found.end
    return found_end if found_end == end or data[found_end] == 0 else None


def _body_behind(data: bytes, at: int) -> int | None:
    """Where the body starts when the headers cannot be walked: behind the first empty line."""
    found = data.find(b"\r\n\r\n", at)
    return None if found < 0 else found + 4
