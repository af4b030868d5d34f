"""
Session descriptions (SDP, RFC 4566) in a message's body, as Kamailio 5.6.3 reads them.

Must not know messages or scripts: a Content-Type and a body in. Follows core/parser/sdp/sdp.c (parse_sdp) and
sdp_helpr_funcs.c, which look for lines by their first letter and skip what they do not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .body_part import media_type
from .header_names import NAME_CHARACTERS, header_type
from .scan import eat_line

RFC2543_HOLD, RFC3264_HOLD = 1, 2
"""On hold by the address 0.0.0.0; by ``a=sendonly`` or ``a=inactive`` (core/parser/sdp/sdp.h)."""

_HOLD_ADDRESS = b"0.0.0.0"
_TRICKLE, _TRICKLE_PORT, _MAX_ICE_OPTIONS = b"trickle", b"9", 10  # RFC 8840: an address that is not known yet
_MIN_ORIGIN = 15  # sdp_helpr_funcs.c, extract_sess_version
_WHITE = b" \t\r\n"


class _UnreadableError(Exception):
    """Some line is missing or malformed: Kamailio then knows no session at all."""


@dataclass(frozen=True, slots=True)
class Stream:
    """
    One ``m=`` with its lines.

    Attributes:
        media: Its first word.
        hold: 0 for none.
        text: The whole of it.
        port: As written.
        family: 4 or 6 of its own ``c=``; None without one.
        address: Of that ``c=``; empty without one.
    """

    media: bytes
    hold: int
    text: bytes = b""
    port: bytes = b""
    family: int | None = None
    address: bytes = b""

    @property
    def rtcp_port(self) -> bytes:
        """The text of its last ``a=rtcp:``; empty for none."""
        at_lines = _attributes(self.text, 0, len(self.text), is_stream=True)
        found = [text[1].strip(_WHITE) for text in (_RTCP.match(self.text, at) for at in at_lines) if text is not None]
        return found[-1] if found else b""

    def bandwidth(self, kind: bytes) -> bytes | None:
        """The text of its first ``b=`` of that kind, ``AS``; None without one, and for an empty one."""
        start = b"b=" + kind + b":"
        at = _find_line(self.text, 0, len(self.text), start)
        end = _BANDWIDTH_END.search(self.text, max(at, 0))
        text = self.text[at + len(start) : end.start() if end is not None else len(self.text)]
        return text if at >= 0 and text else None


@dataclass(frozen=True, slots=True)
class Session:
    """
    One session description.

    Attributes:
        text: The body, or the part of it up to the next boundary.
        version: Third word of the ``o=``; None when there are less than four.
        version_start: Its offset in the body.
        family: 4 or 6 of the ``c=`` in front of the first ``m=``; None without one.
        address: Of that ``c=``; empty without one.
        origin: The address in the ``o=``.
        hold: What the attributes in front of the first ``m=`` say; 0 for nothing.
        streams: In order.
    """

    text: bytes
    version: bytes | None
    version_start: int = field(compare=False)
    family: int | None
    address: bytes
    origin: bytes
    hold: int
    streams: tuple[Stream, ...]


def sessions(content_type: bytes, body: bytes, *, is_6: bool = False) -> tuple[Session, ...] | None:
    """
    The descriptions in a body of type application/sdp, or in the parts of multipart/mixed that are.

    None when the body is of another type, empty, or does not parse. A multipart body may have none.

    Args:
        content_type: The body of the header.
        body: Of the message.
        is_6: As Kamailio 6.0 reads addresses.
    """
    kind = media_type(content_type)
    try:
        if not body:
            return None
        if kind == b"application/sdp":
            return (_session(body, 0, len(body), is_6=is_6),)
        if kind == b"multipart/mixed":
            boundary = part_boundary(content_type)
            parts = () if boundary is None else _sdp_parts(boundary, body)
            return None if boundary is None else tuple(_session(body, start, end, is_6=is_6) for start, end in parts)
    except _UnreadableError:
        pass
    return None


def audio_hold(found: tuple[Session, ...]) -> int:
    """What puts the first audio stream on hold; 0 when none is (textops.c, ki_is_audio_on_hold)."""
    holds = (stream.hold or session.hold for session in found for stream in session.streams if stream.media == b"audio")
    return next((hold for hold in holds if hold), 0)


_BOUNDARY = re.compile(
    # Of blanks alone, the last is the boundary.
    rb"[^;]*;[ \t]*boundary[ \t]*=[ \t]*?(?=[^ \t]|[ \t]?\Z)(.*)\Z",
    re.IGNORECASE | re.DOTALL,
)


def part_boundary(content_type: bytes) -> bytes | None:
    """
    What separates the parts of a multipart body: the first parameter, all up to the end; None when that is no boundary.

    Quotes of either kind go, if they close there (core/parser/sdp/sdp_helpr_funcs.c, get_mixed_part_delimiter).
    """
    found = _BOUNDARY.match(content_type)
    if found is None:
        return None
    text = found[1]
    quote = text[:1]
    if quote not in (b'"', b"'"):
        return text
    if len(text) < 3 or not text.endswith(quote):  # noqa: PLR2004 - both quotes and something between
        return None
    return text[1:-1]


def _find_line(text: bytes, at: int, end: int, start: bytes) -> int:
    """Where the first line that begins so is, -1 for none."""
    while (found := text.find(start, at, end)) >= 0:
        if not found or text[found - 1] in b"\r\n":
            return found
        at = found + len(start)
    return -1


def _find_boundary(text: bytes, at: int, boundary: bytes) -> int:
    """sdp_helpr_funcs.c, find_sdp_line_delimiter: where the next one is, -1 for none. It never ends the body."""
    size = len(boundary) + 2
    while (found := text.find(b"--", at)) >= 0 and found + size < len(text):
        is_one = text.startswith(boundary, found + 2)
        if is_one and (not found or text[found - 1] in b"\r\n"):
            return found
        at = found + size
    return -1


def _sdp_parts(boundary: bytes, body: bytes) -> list[tuple[int, int]]:
    """sdp.c, parse_mixed_content: where each part that is SDP starts and ends."""
    at = _find_boundary(body, 0, boundary)
    if at < 0:
        raise _UnreadableError
    found = []
    size = len(boundary) + 2
    while at < len(body):
        end = _find_boundary(body, at + 2, boundary)
        end = len(body) if end < 0 else end
        if end - at < size:
            raise _UnreadableError
        start, is_sdp = _part_head(body, eat_line(body, at + size, end), end)
        if is_sdp:
            while start < len(body) and body[start] in _WHITE:
                start += 1
            found.append((start, end))
        at = end
    return found


_PART_HEADER = re.compile(
    b"([" + re.escape(bytes(sorted(NAME_CHARACTERS))) + rb"]+)[ \t]*:(?:(?:\r?\n)?[ \t])*+"
    rb"((?:[^\n]++|\n(?=[ \t]))*+)\n"
)


def _part_head(body: bytes, at: int, end: int) -> tuple[int, bool]:
    """Where the headers of a part end, and whether one says that it is SDP."""
    is_sdp = False
    while at < end and body[at] not in b"\r\n":
        header = _PART_HEADER.match(body, at, end)
        if header is None:
            raise _UnreadableError
        if header_type(header[1]) == b"content-type":
            kind = media_type(header[2].rstrip(b"\r\n"))
            if not kind:
                raise _UnreadableError
            is_sdp = is_sdp or kind == b"application/sdp"
        at = header.end()
    return at, is_sdp


def _session(text: bytes, start: int, end: int, *, is_6: bool) -> Session:
    version = _find_line(text, start, end, b"v=")
    origin = _find_line(text, version, end, b"o=") if version >= 0 else -1
    first = _find_line(text, origin, end, b"m=") if origin >= 0 else -1
    if first < 0:
        raise _UnreadableError
    words = text[origin + 2 : eat_line(text, origin, first)].split(b" ", 3)
    if eat_line(text, origin, first) - origin < _MIN_ORIGIN:
        raise _UnreadableError
    _, owner = _address(text, origin, end, is_6=is_6)
    common = _find_line(text, origin, first, b"c=")
    family, address = _address(text, common, end, is_6=is_6) if common >= 0 else (None, b"")
    streams: list[Stream] = []
    stream_family, is_trickling = 4, False
    media = first
    while media >= 0:
        following = _find_line(text, media + 2, end, b"m=")
        stream_end = end if following < 0 else following
        connection = _find_line(text, media, stream_end, b"c=")
        own_address = b""
        if connection >= 0:
            stream_family, own_address = _address(text, connection, end, is_6=is_6)
        elif common < 0:
            raise _UnreadableError
        is_zero = (stream_family, own_address) == (4, _HOLD_ADDRESS) or (
            not own_address and (family, address) == (4, _HOLD_ADDRESS)
        )
        stream, port, is_trickling = _stream(text, media, stream_end, is_trickling=is_trickling)
        if not stream.hold and is_zero and not (is_trickling and port == _TRICKLE_PORT):
            stream = Stream(stream.media, RFC2543_HOLD)
        own = text[media:stream_end], port, stream_family if own_address else None, own_address
        streams.append(Stream(stream.media, stream.hold, *own))
        media = following
    modes = _modes(text, _attributes(text, origin, first, is_stream=False))
    third = words[2] if len(words) > 3 else None  # noqa: PLR2004 - a blank behind the third
    third_start = origin + 2 + sum(len(word) + 1 for word in words[:2])
    return Session(
        text[start:end], third, third_start, family, address, owner, modes[0] if modes else 0, tuple(streams)
    )


_CONNECTION = re.compile(rb"[ \t]*([^ \t\r\n\0]+)")


def _address(text: bytes, at: int, end: int, *, is_6: bool) -> tuple[int, bytes]:
    """
    extract_mediaip: the family and the word behind the last `` IP`` of the line, which must not begin with it.

    6.0 wants a blank behind the family; 5.6 leaves one byte out, whatever it is.
    """
    end = eat_line(text, at, end)
    at += 2
    while at < end and text[at] in b" \t":
        at += 1
    found = text.rfind(b" IP", at, end)
    family = text[found + 3 : found + 4]
    address = _CONNECTION.match(text, found + 5, end)
    if found < 0 or family not in (b"4", b"6") or address is None:
        raise _UnreadableError
    if is_6 and text[found + 4 : found + 5] != b" ":
        raise _UnreadableError
    return int(family), address[1]


_MEDIA = re.compile(rb"([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)[ \t]+[^ \t\r\n]+[ \t]*(.*)", re.DOTALL)
_RTCP = re.compile(rb"a=rtcp:([^\r\n]*)")
_BANDWIDTH_END = re.compile(rb"[\r\n]")
_MODE = re.compile(rb"a=(?:(sendrecv|recvonly)|inactive|sendonly)", re.IGNORECASE)
_ICE_OPTIONS = re.compile(rb"a=ice-options: ?([^\r\n\0]*)", re.IGNORECASE)


# Behind one of these the search goes on at the next LF: it matters where lines end with CR alone.
_TO_LINE_END = re.compile(
    rb"a=(?:ptime|rtcp|accept-types|accept-wrapped-types|max-size|path):"
    rb"|(?i:a=fmtp:)[ \t]*[^ \t\r\n]+[ \t]+[^ \t\r\n]"
)
_RTPMAP = re.compile(rb"(?i:a=rtpmap:)[ \t]*[^ \t\r\n]+[ \t]+")  # and a slash in front of the next LF


def _attributes(text: bytes, at: int, end: int, *, is_stream: bool) -> list[int]:
    """Where each ``a=`` line starts; of a stream, those that Kamailio comes to."""
    found = []
    at = _find_line(text, at, end, b"a=")
    slash = newline = -1  # the first of them behind the last rtpmap; lines that end with CR alone share them
    while at >= 0:
        found.append(at)
        skips = is_stream and _TO_LINE_END.match(text, at, end) is not None
        rtpmap = _RTPMAP.match(text, at, end) if is_stream and not skips else None
        if rtpmap is not None:
            slash = slash if slash >= rtpmap.end() else _find(text, b"/", rtpmap.end(), end)
            newline = newline if newline >= rtpmap.end() else _find(text, b"\n", rtpmap.end(), end)
            skips = slash < newline
        at = _find_line(text, eat_line(text, at, end) - 1 if skips else at + 2, end, b"a=")
    return found


def _find(text: bytes, wanted: bytes, at: int, end: int) -> int:
    found = text.find(wanted, at, end)
    return end if found < 0 else found


def _modes(text: bytes, attributes: list[int]) -> list[int]:
    """The hold that each direction attribute means, 0 for none (extract_sendrecv_mode)."""
    found = filter(None, (_MODE.match(text, at) for at in attributes))
    return [0 if mode[1] else RFC3264_HOLD for mode in found]


def _stream(text: bytes, at: int, end: int, *, is_trickling: bool) -> tuple[Stream, bytes, bool]:
    """The stream as its attributes say, its port, and whether one up to here waits for its address."""
    line = text[at + 2 : eat_line(text, at, end)]
    found = _MEDIA.match(line.rstrip(b"\0" + _WHITE).lstrip(b" \t"))
    if found is None:
        raise _UnreadableError
    media, port, payloads = found.groups()
    # These attributes are looked at only where there are payload types.
    attributes = _attributes(text, at, end, is_stream=True) if payloads else []
    if any(_modes(text, attributes)):
        return Stream(media, RFC3264_HOLD), port, is_trickling
    for options in filter(None, (_ICE_OPTIONS.match(text, attribute) for attribute in attributes)):
        named = options[1].split(b" ", _MAX_ICE_OPTIONS)[:_MAX_ICE_OPTIONS]
        is_trickling = is_trickling or _TRICKLE in (option.strip(_WHITE) for option in named)
    return Stream(media, 0), port, is_trickling
