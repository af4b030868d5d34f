"""
Session descriptions (SDP, RFC 4566) in a message's body, as far as module functions look into them.

Must not know messages or scripts: a Content-Type and a body in. Reads as core/parser/sdp/sdp.c, parse_sdp does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RFC2543_HOLD, RFC3264_HOLD = 1, 2
"""On hold by the address 0.0.0.0; by ``a=sendonly`` or ``a=inactive`` (core/parser/sdp/sdp.h)."""

_HOLD_ADDRESS = b"0.0.0.0"
_TRICKLE_PORT = b"9"  # RFC 8840: not known yet
_MIN_ORIGIN = 15


class _UnreadableError(Exception):
    """Some line is missing or malformed: Kamailio then knows no session at all."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One ``m=`` with its lines; ``hold`` is 0 for none."""

    media: bytes
    hold: int


@dataclass(frozen=True, slots=True)
class Session:
    """
    One session description.

    Attributes:
        family: 4 or 6 of the ``c=`` in front of the first ``m=``; None without one.
        hold: What the attributes in front of the first ``m=`` say; 0 for nothing.
        streams: In order.
    """

    family: int | None
    hold: int
    streams: tuple[Stream, ...]


def sessions(content_type: bytes, body: bytes) -> tuple[Session, ...] | None:
    """
    The descriptions in a body of type application/sdp, or in the parts of multipart/mixed that are.

    None when the body is of another type, empty, or does not parse. A multipart body may have none.
    """
    kind = media_type(content_type)
    try:
        if not body:
            return None
        if kind == b"application/sdp":
            return (_session(body),)
        if kind == b"multipart/mixed":
            return tuple(_session(part) for part in _sdp_parts(_boundary(content_type), body))
    except _UnreadableError:
        pass
    return None


def media_type(content_type: bytes) -> bytes:
    """``application/sdp`` of ``Application/SDP; x=1``."""
    return re.sub(rb"\s+", b"", content_type.partition(b";")[0]).lower()


def audio_hold(found: tuple[Session, ...]) -> int:
    """What puts the first audio stream on hold; 0 when none is (textops.c, ki_is_audio_on_hold)."""
    holds = (stream.hold or session.hold for session in found for stream in session.streams if stream.media == b"audio")
    return next((hold for hold in holds if hold), 0)


BOUNDARY = b"unique-boundary-1"
"""Between the parts that ``as_only_part`` makes (textops.c, ki_set_multibody)."""


def as_only_part(content_type: bytes, body: bytes) -> bytes:
    """The body as a multipart body of one part (textops.c, generate_boundary)."""
    end = b"" if body.endswith(b"\r\n\r\n") else b"\r\n"
    line = b"--" + BOUNDARY + b"\r\n"
    return line + b"Content-Type: " + content_type + b"\r\n\r\n" + body + end + line


_BOUNDARY = re.compile(
    rb"[^;]*;[ \t]*boundary[ \t]*=[ \t]*(?P<quote>[\"']?)(?P<text>.*)(?P=quote)\Z", re.IGNORECASE | re.DOTALL
)


def _boundary(content_type: bytes) -> bytes:
    """core/parser/sdp/sdp_helpr_funcs.c, get_mixed_part_delimiter: the first parameter, all up to the end."""
    found = _BOUNDARY.match(content_type)
    if found is None or not found["text"]:
        raise _UnreadableError
    return found["text"]


def _sdp_parts(boundary: bytes, body: bytes) -> list[bytes]:
    starts = [found.start() for found in re.finditer(rb"(?:\A|(?<=[\r\n]))--" + re.escape(boundary), body)]
    if not starts:
        raise _UnreadableError
    found = []
    for start, end in zip(starts, [*starts[1:], len(body)], strict=True):
        head, _, rest = body[start:end].partition(b"\r\n\r\n")
        types = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-type")]
        if types and media_type(types[-1]) == b"application/sdp":
            found.append(rest.lstrip(b"\r\n\t "))
    return found


def _lines(text: bytes, letter: bytes) -> list[bytes]:
    """The text from each line of that letter on."""
    return [text[found.start() :] for found in re.finditer(rb"(?:\A|(?<=[\r\n]))" + letter + rb"=", text)]


def _session(text: bytes) -> Session:
    version = _lines(text, b"v")
    origins = _lines(version[0], b"o") if version else []
    medias = _lines(origins[0], b"m") if origins else []
    if not medias:
        raise _UnreadableError
    head = origins[0][: len(origins[0]) - len(medias[0])]
    if len(head.partition(b"\n")[0]) < _MIN_ORIGIN - 1:
        raise _UnreadableError
    _address(head)
    common = _lines(head, b"c")
    family, address = _address(common[0]) if common else (None, b"")
    streams = []
    stream_family = 4
    for at, media in enumerate(medias):
        rest = len(medias[at + 1]) if at + 1 < len(medias) else 0
        own = media[: len(media) - rest]
        own_connection = _lines(own, b"c")
        if own_connection:
            stream_family, own_address = _address(own_connection[0])
        elif common:
            own_address = b""
        else:
            raise _UnreadableError
        is_zero = (stream_family == 4 and own_address == _HOLD_ADDRESS) or (  # noqa: PLR2004 - IPv4
            not own_address and family == 4 and address == _HOLD_ADDRESS  # noqa: PLR2004 - IPv4
        )
        streams.append(_stream(own, is_zero=is_zero))
    modes = [hold for hold in map(_mode, _lines(head, b"a")) if hold is not None]
    return Session(family, modes[0] if modes else 0, tuple(streams))


_ADDRESS = re.compile(rb"(.*) IP([46]).[ \t]*([^ \t\r\n]+)")


def _address(line: bytes) -> tuple[int, bytes]:
    """core/parser/sdp/sdp_helpr_funcs.c, extract_mediaip: what follows the last ``IP4`` or ``IP6`` of the line."""
    found = _ADDRESS.match(line.partition(b"\n")[0])
    if found is None:
        raise _UnreadableError
    return int(found[2]), found[3]


_MEDIA = re.compile(rb"m=([^ \t\r\n]+)[ \t]+([^ \t\r\n]+)[ \t]+[^ \t\r\n]+[ \t]*([^\r\n]*)")
_MODE = re.compile(rb"a=(?:(sendrecv|recvonly)|inactive|sendonly)", re.IGNORECASE)
_TRICKLE = re.compile(rb"a=ice-options:(?: ?[^ \r\n]+)*? ?trickle(?:[ \r\n]|\Z)", re.IGNORECASE)


def _stream(text: bytes, *, is_zero: bool) -> Stream:
    found = _MEDIA.match(text)
    if found is None:
        raise _UnreadableError
    media, port, payloads = found.groups()
    # Attributes are looked at only where there are payload types.
    attributes = _lines(text, b"a") if payloads.strip() else []
    hold = RFC3264_HOLD if any(map(_mode, attributes)) else 0
    if not hold and is_zero and not (port == _TRICKLE_PORT and any(map(_TRICKLE.match, attributes))):
        hold = RFC2543_HOLD
    return Stream(media, hold)


def _mode(line: bytes) -> int | None:
    """The hold that a direction attribute means, 0 for none; None for any other attribute."""
    found = _MODE.match(line)
    if found is None:
        return None
    return 0 if found[1] else RFC3264_HOLD
