"""
Via headers: the protocol, sent-by, parameters and comment of each body, as Kamailio reads them.

Must not know the other headers: bytes and an offset in, bodies with their offsets out. Follows the states of
core/parser/parse_via.c (parse_via, parse_via_param), which differ from RFC 3261, 25.1 in many places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .scan import end_of

if TYPE_CHECKING:
    from .message import SipMessage

_FOLD = rb"[ \t]*(?:(?:\r\n?|\n)[ \t]+)*"
_OTHER_STARTS = rb"IiPpDdCcLl2.0"  # letters of the known protocols inside their names: none may begin an unknown one
_PROTOCOL = re.compile(
    rb"%(fold)b([Ss][Ii][Pp])%(fold)b/%(fold)b(2\.0)%(fold)b/"
    rb"%(fold)b([^ \t\r\n/%(not)b][^ \t\r\n/]*)(?=[ \t\r\n])%(fold)b" % {b"fold": _FOLD, b"not": _OTHER_STARTS}
)
_NO_SENT_BY = rb" \t\r\n:;,()\[\]\0"
_SENT_BY = re.compile(
    # An address that begins with a colon and ends with a bracket has no host, but is read.
    rb"(?:([^%(not)b]+|\[(?:[^ \t\r\n;,()\[\]\0]|(?:\r\n?|\n)[ \t])+\])"
    rb"|:(?:[^ \t\r\n;,()\[\]\0]|(?:\r\n?|\n)[ \t])*\])"
    rb"%(fold)b(?::%(fold)b([^%(not)b]+))?%(fold)b" % {b"fold": _FOLD, b"not": _NO_SENT_BY}
)
_BLANKS = re.compile(_FOLD)
_NAME = re.compile(_FOLD + rb"([^=%b][^ \t\r\n=;,]*)" % _NO_SENT_BY)
_VALUE = re.compile(rb'[^ \t\r\n=;,"\0]+')
_STRING = re.compile(rb'(?:[^",\r\n\0]+|(?:\r\n?|\n)[ \t])*')
_STRING_6 = re.compile(rb'(?:[^"\r\n\0]+|(?:\r\n?|\n)[ \t])*')
_COMMAS = re.compile(rb"(?:,|(?:\r\n?|\n)?[ \t])*")
_COMMENT_PIECE = re.compile(rb"[()]|(?:[ \t]|(?:\r\n?|\n)[ \t])+|[^() \t\r\n\0]+|.", re.DOTALL)
_LINE_END = re.compile(rb"(?:\r\n|\r(?!\n)|\n)(?=[^\0])")

_WITHOUT_VALUE = frozenset({b"hidden", b"alias"})
_WITH_VALUE = frozenset({b"branch", b"ttl", b"maddr", b"received", b"i"})
_RPORT = b"rport"
# parse_via.c numbers its states by hand, and those of a beginning alias are those of other names that are complete.
_TAKEN_FOR = {b"a": b"hidden", b"al": b"ttl", b"ali": b"branch", b"alia": b"maddr"}
_PORT_DIGITS, _PORT_RANGE = 5, 1 << 16  # core/ut.h, str2s: five digits at most, in an unsigned short
_DEFAULT_PORT = 5060

_PROTOCOL_NUMBERS = {b"udp": 1, b"tcp": 2, b"tls": 3, b"sctp": 4, b"ws": 5, b"wss": 6}
_OTHER_PROTOCOL = 7

# What nearly every Via looks like: to be known as one that can be read, it need not be taken apart.
_COMMON = re.compile(
    rb"[ \t]*SIP/2\.0/(?:UDP|TCP|TLS|WSS?) [A-Za-z0-9.-]+(?::[0-9]{1,5})?"
    rb"(?:;(?:(?:branch|rport|received)=[A-Za-z0-9_.!%*+`'~-]+|rport|alias))*\r\n(?=[^ \t\0])"
)


@dataclass(frozen=True, slots=True)
class Param:
    """
    One parameter.

    Attributes:
        name: As written.
        kind: The lower-case name that Kamailio takes it for: that of ``name`` but for a cut ``alias``.
        value: Without quotes; None when there is none, also behind a ``=``.
        start: Offset behind the semicolon in the message; blanks may follow.
        length: From there to the end of the value, without its closing quote.
    """

    name: bytes
    kind: bytes
    value: bytes | None
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Via:
    """
    One Via body.

    Attributes:
        end: Offset behind it: of the next body, or behind the header.
        text: The body, up to and with the commas behind it when another follows.
        name: ``SIP``, as written.
        version: ``2.0``.
        transport: As written; may be any word.
        host: The sent-by host, IPv6 with brackets; empty when it begins with a colon.
        port: As written; empty without one.
        host_end: Offset where Kamailio puts a parameter in front of the others; None without a host.
        params: In order.
        written: All of them as written, to the last name or value, without its closing quote, or to the comment.
        comment: Inside the parentheses, the last if there are more; None without one or when it is empty.
    """

    end: int
    text: bytes
    name: bytes
    version: bytes
    transport: bytes
    host: bytes
    port: bytes
    host_end: int | None
    params: tuple[Param, ...]
    written: bytes
    comment: bytes | None

    @property
    def port_number(self) -> int:
        """The port in 16 bits; 5060 for none or 0."""
        return int(self.port) % _PORT_RANGE if self.has_port else _DEFAULT_PORT

    @property
    def has_port(self) -> bool:
        """False for none, and for 0."""
        return int(self.port or b"0") % _PORT_RANGE != 0

    @property
    def protocol_number(self) -> int:
        """core/ip_addr.h, enum sip_protos; 7 for a transport that is not among them."""
        return _PROTOCOL_NUMBERS.get(self.transport.lower(), _OTHER_PROTOCOL)

    def param(self, name: bytes) -> Param | None:
        """The last parameter of that kind: Kamailio keeps a shortcut to branch, received, rport, i and alias."""
        return next((param for param in reversed(self.params) if param.kind == name), None)


class _UnreadableError(Exception):
    """What Kamailio calls a bad Via: all bodies of the header are lost."""


def parse_header(data: bytes, start: int, *, is_6: bool = False) -> tuple[list[Via], int] | None:
    """
    The bodies of the header whose text starts there, and the offset behind its line end; None when it cannot be read.

    The header may end in front of its line end, where a CR stands alone, or in 5.6 where a quoted value has a comma.

    Args:
        data: The message.
        start: Offset of the text.
        is_6: As Kamailio 6.0, where a comma in a quoted value is part of it.
    """
    try:
        return _parse(data, start, is_6=is_6)
    except _UnreadableError:
        return None


def header_end(data: bytes, start: int, *, is_6: bool = False) -> int | None:
    """The offset behind the line end of the header, as of ``parse_header``; None when it cannot be read."""
    common = _COMMON.match(data, start)
    if common is not None:
        return common.end()
    found = parse_header(data, start, is_6=is_6)
    return None if found is None else found[1]


def vias(message: SipMessage) -> list[Via]:
    """Every Via body of the message, in order."""
    found: list[Via] = []
    for header in message.headers:
        if header.key == b"via":
            parsed = parse_header(message.data, header.body_start, is_6=message.is_6)
            found += [] if parsed is None else parsed[0]
    return found


def first_via(message: SipMessage) -> Via | None:
    """The topmost Via; None when it is missing or cannot be read."""
    header = message.header(b"via")
    parsed = None if header is None else parse_header(message.data, header.body_start, is_6=message.is_6)
    return None if parsed is None else parsed[0][0]


def _parse(data: bytes, at: int, *, is_6: bool) -> tuple[list[Via], int]:
    bodies = []
    is_last = False
    while not is_last:
        start = at
        protocol = _PROTOCOL.match(data, at)
        sent_by = None if protocol is None else _SENT_BY.match(data, protocol.end())
        if protocol is None or sent_by is None:
            raise _UnreadableError
        host, port = _host_and_port(data, sent_by)
        if port and not (port.isdigit() and len(port) <= _PORT_DIGITS):
            raise _UnreadableError
        params: list[Param] = []
        at, is_last = _parse_params(data, sent_by.end(), params, is_6=is_6)
        comment = None
        written_end = _end_of_written(data, params)
        if data[at : at + 1] == b"(":
            at, comment, written_end = _parse_comments(data, at)
        if not is_last:
            at, is_last = _next(data, at)
        bodies.append(
            Via(
                at,
                data[start:at].strip(b" \t\r\n"),
                protocol[1],
                protocol[2],
                protocol[3],
                host,
                port,
                _host_end(sent_by, port, params),
                tuple(params),
                data[params[0].start : written_end] if params else b"",
                comment,
            )
        )
    return bodies, at


def _host_and_port(data: bytes, sent_by: re.Match[bytes]) -> tuple[bytes, bytes]:
    """Both as written; the one that the data ends with is empty, for Kamailio has not seen what ends it."""
    host, port = sent_by[1] or b"", sent_by[2] or b""
    end = sent_by.end()
    if not _is_cut(data, end):
        return host, port
    is_marked = end != sent_by.end(1) or host.endswith(b"]")
    return host if is_marked else b"", port if end != sent_by.end(2) else b""


def _host_end(sent_by: re.Match[bytes], port: bytes, params: list[Param]) -> int | None:
    """core/msg_translator.c, build_req_buf_from_sip_req: blanks around the colon are not counted."""
    if params:
        return params[0].start - 1
    if sent_by[1] is None:
        return None
    return sent_by.end(1) + (len(port) + 1 if int(port or b"0") % _PORT_RANGE else 0)


def _end_of_written(data: bytes, params: list[Param]) -> int:
    """parse_via of 6.0: where the last parameter ends; its name, when the value is empty in quotes."""
    if not params:
        return 0
    last = params[-1]
    if last.value == b"":
        return data.index(last.name, last.start) + len(last.name)
    return last.start + last.length


def _next(data: bytes, at: int) -> tuple[int, bool]:
    """Behind the last part of a body: where the next one starts, or the header ends."""
    if data[at : at + 1] == b",":
        return end_of(_COMMAS, data, at), False
    return (at if _is_cut(data, at) else _header_end(data, at)), True


def _is_cut(data: bytes, at: int) -> bool:
    """Whether the data ends there or has a NUL: what was read is good, but a host or port is never marked as ended."""
    return data[at : at + 1] in (b"", b"\0")


def _header_end(data: bytes, at: int) -> int:
    found = _LINE_END.match(data, at)
    if found is None:
        raise _UnreadableError
    return found.end()


def _parse_params(data: bytes, at: int, params: list[Param], *, is_6: bool) -> tuple[int, bool]:
    """Every parameter from a semicolon there on; where they end, and whether that ended the header."""
    while data[at : at + 1] == b";":
        start = at + 1
        name = _NAME.match(data, start)
        if name is None:
            raise _UnreadableError
        at = name.end()
        kind = name[1].lower()
        kind = _TAKEN_FOR.get(kind, kind)
        value: bytes | None = None
        follows = data[at : at + 1]
        if not follows or (follows in b";," and kind in _WITH_VALUE) or (follows == b"=" and kind in _WITHOUT_VALUE):
            raise _UnreadableError
        size = at - start
        if kind not in _WITHOUT_VALUE and follows in b"= \t\r\n":
            value, at, size, ended = _parse_value(data, at, start, kind, is_6=is_6)
            if ended:
                params.append(Param(name[1], kind, value, start, size))
                return ended, True
        params.append(Param(name[1], kind, value, start, size))
        at = end_of(_BLANKS, data, at)
    return at, False


def _parse_value(data: bytes, at: int, start: int, kind: bytes, *, is_6: bool) -> tuple[bytes | None, int, int, int]:
    """The value, where it ends, the length of the parameter, and the end of the header when that comes first or 0."""
    at = end_of(_BLANKS, data, at)
    has_equals = data[at : at + 1] == b"="
    if has_equals:
        at = end_of(_BLANKS, data, at + 1)
    follows = data[at : at + 1]
    is_optional = kind not in _WITH_VALUE
    if follows == b";" or (follows == b"," and kind == _RPORT and not has_equals):
        return None, at, at - start, 0
    if follows and follows in b"\r\n" and is_optional:
        return None, at, at - start, _header_end(data, at)
    if not has_equals:
        raise _UnreadableError
    if follows != b'"':
        end = end_of(_VALUE, data, at)
        if end == at or data[end : end + 1] in b'="\0':
            raise _UnreadableError
        return data[at:end], end, end - start, 0
    end = end_of(_STRING_6 if is_6 else _STRING, data, at + 1)
    match data[end : end + 1]:
        case b'"':
            return data[at + 1 : end], end + 1, end - start, 0
        case b"," if is_optional:
            return b"", end, 0, end
        case b"\r" | b"\n" if is_optional:
            return b"", end, end - start, _header_end(data, end)
    raise _UnreadableError


def _parse_comments(data: bytes, at: int) -> tuple[int, bytes | None, int]:
    """
    Behind the comments that start there, the text of the last, and where that opens.

    One that is empty only moves the end of the text.
    """
    start: int | None = None
    end = opening = at
    while data[at : at + 1] == b"(":
        opening = at
        depth, is_empty = 0, True
        for piece in _COMMENT_PIECE.finditer(data, at):
            text = piece[0]
            if text == b"(":
                depth += 1
            elif text == b")":
                depth -= 1
                if not depth:
                    end = piece.start()
                    break
            elif text in (b"\r", b"\n", b"\0"):
                raise _UnreadableError
            elif is_empty and text.strip(b" \t\r\n"):
                start, is_empty = piece.start(), False
        else:
            raise _UnreadableError
        at = end_of(_BLANKS, data, end + 1)
    return at, None if start is None else data[start:end], opening
