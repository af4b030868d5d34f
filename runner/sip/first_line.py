"""
The first line of a message, a request line or a status line, as core/parser/parse_fline.c reads it.

Must not know headers: bytes in, a FirstLine or SipParseError out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from runner.errors import ConfigError

from .scan import eat_line, end_of

IN_FRONT = b"\r\n\0\t "
"""What is skipped before the first line (core/parser/msg_parser.c, parse_msg)."""

_SHORTEST = 17  # parse_first_line refuses up to 16 bytes
_VERSION = b"SIP/2.0"
_IS_STATUS_LINE = re.compile(rb"SIP/2\.0 ", re.IGNORECASE)
_TOKEN = re.compile(rb"[^ \t\r\n]*")
_REASON = re.compile(rb"[^\r\n]*")
_BLANKS = re.compile(rb"[ \t]*")
_STATUS = re.compile(rb"[0-9]{3}")


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
class FirstLine:
    """
    The first line, of a request or of a reply.

    Attributes:
        start: Offset of its first byte; line ends and blanks may stand in front.
        end: Offset behind its line end.
        is_request: False for a reply, and for a line that is neither.
        method: Of a request; empty for a reply.
        uri: Of a request, may be empty; empty for a reply.
        uri_start: Offset of the R-URI.
        version: As written, for example ``SIP/2.0``; of a request anything that is no blank.
        status: Of a reply, three digits; empty for a request.
        reason: Of a reply; may be empty.
    """

    start: int
    end: int
    is_request: bool
    method: bytes = b""
    uri: bytes = b""
    uri_start: int = 0
    version: bytes = _VERSION
    status: bytes = b""
    reason: bytes = b""

    @property
    def is_reply(self) -> bool:
        """False for a request, and for a line that is neither."""
        return bool(self.status)

    @property
    def is_sip(self) -> bool:
        """False for a request of another protocol: its version does not begin with ``SIP/2.0``, in any case."""
        return self.version[: len(_VERSION)].upper() == _VERSION


def parse_first_line(data: bytes) -> FirstLine:
    """
    Find the parts of the first line.

    One blank is between the first two parts, blanks or tabs are in front of the third, and behind that of a request.

    Raises:
        SipParseError: It is neither a request line nor a status line.
    """
    start = len(data) - len(data.lstrip(IN_FRONT)) if data[:1] <= b" " else 0
    if len(data) - start < _SHORTEST:
        where = " behind the blanks, line ends and NULs in front" if start else ""
        fail(data, len(data), f"expected at least {_SHORTEST} bytes{where}, got {len(data) - start}")
    first_end = end_of(_TOKEN, data, start)
    if data[first_end : first_end + 1] != b" ":
        fail(data, start, "expected a request line (METHOD URI SIP/2.0) or a status line (SIP/2.0 200 OK)")
    second_start = first_end + 1
    second_end = end_of(_TOKEN, data, second_start)
    third_start = end_of(_BLANKS, data, second_end)
    first, second = data[start:first_end], data[second_start:second_end]
    if _IS_STATUS_LINE.match(data, start):
        if third_start == second_end or not _STATUS.fullmatch(second):
            fail(data, second_start, "expected a status of three digits and a blank")
        reason_end = end_of(_REASON, data, third_start)
        end = _line_end(data, reason_end)
        reason = data[third_start:reason_end]
        return FirstLine(start, end, is_request=False, version=first, status=second, reason=reason)
    third_end = end_of(_TOKEN, data, third_start)
    behind = end_of(_BLANKS, data, third_end)
    if third_end == third_start or (behind < len(data) and data[behind] not in b"\r\n"):
        fail(data, third_start if second else second_start, "expected a Request-URI, SIP/2.0 and the end of the line")
    end = _line_end(data, behind)
    version = data[third_start:third_end]
    return FirstLine(start, end, is_request=True, method=first, uri=second, uri_start=second_start, version=version)


def parse_bad_first_line(data: bytes) -> FirstLine:
    """
    What Kamailio knows of a first line that ``parse_first_line`` refuses: no end, and perhaps a method and an R-URI.

    The version is the method then, as a read takes the line for that of a reply (parse_fline.h, struct msg_start).
    """
    start = len(data) - len(data.lstrip(IN_FRONT))
    method_end = end_of(_TOKEN, data, start)
    if len(data) - start < _SHORTEST or data[method_end : method_end + 1] != b" ":
        return FirstLine(start, start, is_request=False, version=b"")
    method, uri_start = data[start:method_end], method_end + 1
    uri_end = end_of(_TOKEN, data, uri_start)
    if data[uri_end : uri_end + 1] not in {b" ", b"\t"}:
        return FirstLine(start, start, is_request=False, method=method, version=method)
    uri = data[uri_start:uri_end]
    return FirstLine(start, start, is_request=False, method=method, uri=uri, uri_start=uri_start, version=method)


def _line_end(data: bytes, at: int) -> int:
    if data.find(b"\n", at) < 0:
        fail(data, len(data), "the first line has no end")
    return eat_line(data, at, len(data))


def fail(data: bytes, offset: int, message: str) -> NoReturn:
    """Raise SipParseError for the byte at ``offset``."""
    line = data.count(b"\n", 0, offset) + 1
    column = offset - (data.rfind(b"\n", 0, offset) + 1) + 1
    raise SipParseError(message, line, column)
