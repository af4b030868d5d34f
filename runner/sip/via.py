"""A Via header's bodies: where each starts, its sent-by and its parameters (core/parser/parse_via.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .message import Header, SipMessage

_BACKSLASH, _QUOTE, _OPENING = 0x5C, 0x22, 0x3C


@dataclass(frozen=True, slots=True)
class Param:
    """
    One parameter.

    Attributes:
        name: As written.
        value: Without quotes; None when there is no ``=``.
        start: Offset behind the semicolon in the message; blanks may follow.
        length: From there to the end of the value.
    """

    name: bytes
    value: bytes | None
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Via:
    """
    One Via body.

    Attributes:
        header: The header line it stands in.
        text: The body, up to and with the comma behind it when another follows (core/parser/parse_via.c, bsize).
        transport: ``UDP``.
        host: The sent-by host, IPv6 with brackets.
        port: As written; empty without one.
        host_end: Offset behind sent-by, where the first parameter would start.
        params: In order.
    """

    header: Header
    text: bytes
    transport: bytes
    host: bytes
    port: bytes
    host_end: int
    params: tuple[Param, ...]

    def param(self, name: bytes) -> Param | None:
        """The first parameter of that name, without regard to case."""
        return next((param for param in self.params if param.name.lower() == name), None)


def split_outside_quotes(text: bytes, separator: int) -> list[tuple[int, bytes]]:
    """The pieces of a text between separators that neither quotes nor ``<>`` protect, with their offsets."""
    pieces = []
    start = 0
    is_quoted = is_bracketed = False
    skip = False
    for at, byte in enumerate(text):
        if skip:
            skip = False
        elif is_quoted and byte == _BACKSLASH:
            skip = True
        elif byte == _QUOTE:
            is_quoted = not is_quoted
        elif is_quoted:
            continue
        elif byte in b"<>":
            is_bracketed = byte == _OPENING
        elif byte == separator and not is_bracketed:
            pieces.append((start, text[start:at]))
            start = at + 1
    pieces.append((start, text[start:]))
    return pieces


def vias(message: SipMessage) -> list[Via]:
    """Every Via body of the message, in order; a body that can't be read ends the list."""
    found: list[Via] = []
    for header in message.headers:
        if header.key != b"via":
            continue
        bodies = split_outside_quotes(header.body, 0x2C)
        for at, (offset, text) in enumerate(bodies):
            via = _parse(header, text, header.body_start + offset, is_last=at == len(bodies) - 1)
            if via is None:
                return found
            found.append(via)
    return found


def first_via(message: SipMessage) -> Via | None:
    """The topmost Via; None when it is missing or cannot be read."""
    header = message.header(b"via")
    if header is None:
        return None
    bodies = split_outside_quotes(header.body, 0x2C)
    offset, text = bodies[0]
    return _parse(header, text, header.body_start + offset, is_last=len(bodies) == 1)


def _parse(header: Header, text: bytes, start: int, *, is_last: bool) -> Via | None:
    pieces = split_outside_quotes(text, 0x3B)
    sent = pieces[0][1]
    words = sent.replace(b"/", b" ").split(None, 3)
    if len(words) < 4:  # noqa: PLR2004 - SIP, 2.0, the transport, sent-by
        return None
    sent_by = words[3].strip()
    host, port = _host_port(sent_by)
    params = []
    for offset, piece in pieces[1:]:
        stripped = piece.strip()
        if not stripped:
            continue
        name, equals, value = stripped.partition(b"=")
        value = value.strip().strip(b'"')
        params.append(Param(name.strip(), value if equals else None, start + offset, len(piece.rstrip())))
    host_end = start + (len(sent) if len(pieces) > 1 else len(sent.rstrip()))
    whole = text.strip() if is_last else text.lstrip() + b","
    return Via(header, whole, words[2], host, port, host_end, tuple(params))


def _host_port(sent_by: bytes) -> tuple[bytes, bytes]:
    if sent_by.startswith(b"["):
        host, bracket, rest = sent_by.partition(b"]")
        return host + bracket, rest.strip().removeprefix(b":").strip()
    host, _, port = sent_by.partition(b":")
    return host.strip(), port.strip()
