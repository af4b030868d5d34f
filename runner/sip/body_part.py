"""
A part of a message's body by its type: the whole body, or one of a multipart body.

Must not know messages: a Content-Type and a body in. Reads as core/parser/parse_body.c (get_body_part) does.
``sdp`` finds SDP by other rules.
"""

from __future__ import annotations

import re

from .nameaddr import find_not_quoted
from .params import find_param, parse_params

_BLANK = rb"(?:[ \t]|\n(?=[ \t]))*"
_TOKEN = rb"(?:\*|(?!\*)[A-Za-z0-9+._!%*'`~-]+)"
_MEDIA_TYPE = re.compile(
    _BLANK + rb"(" + _TOKEN + rb")" + _BLANK + rb"/" + _BLANK + rb"(" + _TOKEN + rb")" + _BLANK + rb"(?:;[^,]*)?(,|\Z)"
)
_WHITE = b" \t\r\n"
_FIELD = b"content-type"


def body_part(content_type: bytes, body: bytes, wanted: bytes) -> bytes | None:
    """
    The body when it is of the type ``wanted``, else the first part of a multipart body that is; None without one.

    Args:
        content_type: The body of the header.
        body: The body of the message.
        wanted: In lower case, for example ``application/sdp``.
    """
    kind = media_type(content_type)
    if not kind or kind == wanted:
        return body if kind else None
    boundary = _boundary(content_type) if kind.startswith(b"multipart/") else None
    return None if boundary is None else _part(body, b"--" + boundary, wanted)


def media_type(content_type: bytes) -> bytes:
    """
    ``application/sdp`` of ``Application/SDP; x=1``; empty for what does not parse and for a wildcard.

    core/parser/parse_content.c, parse_content_type_hdr: no comma, and no fold with a CR in front of the parameters.
    """
    found = _MEDIA_TYPE.match(content_type)
    return b"" if found is None or found[3] or b"*" in {found[1], found[2]} else _named(found)


def _named(found: re.Match[bytes]) -> bytes:
    return (found[1] + b"/" + found[2]).lower()


def _boundary(content_type: bytes) -> bytes | None:
    semicolon = find_not_quoted(content_type, b";")
    params = None if semicolon < 0 else parse_params(content_type[semicolon + 1 :].lstrip(_WHITE))
    param = None if params is None else find_param(params, b"boundary")
    return None if param is None else param.body or None


def _part(body: bytes, boundary: bytes, wanted: bytes) -> bytes | None:
    at = _find_boundary(body, 0, boundary)
    while at >= 0:
        at += len(boundary)
        if at + 2 > len(body) or body.startswith(b"--", at):
            return None
        at = _next_line(body, at)
        while at < len(body) and body[at] not in b"\r\n":
            field = _field(body, at)
            if field is None:
                at = _next_line(body, at)
                continue
            name, at = field
            if name is None:
                return None
            if name == wanted:
                return _content(body, at, boundary)
            break
        if at >= len(body):
            return None
        at = _find_boundary(body, at, boundary)
    return None


def _field(body: bytes, at: int) -> tuple[bytes | None, int] | None:
    """
    The media type of a Content-Type that starts here, and the offset of the next line.

    Returns:
        None for another header; None instead of the type when Kamailio gives up the whole body.
    """
    if at + len(_FIELD) >= len(body):
        return None, at
    if body[at : at + len(_FIELD)].lower() != _FIELD:
        return None
    found = _COLON.match(body, at + len(_FIELD))
    if found is None:
        return None
    line = _FIELD_BODY.match(body, found.end())
    if line is None:
        return None, at
    kind = _MEDIA_TYPE.match(line[1])
    # A wildcard type with a subtype is none (core/parser/parse_content.c, decode_mime_type).
    if kind is None or (kind[1] == b"*" and kind[2] != b"*"):
        return None, line.end()
    return _named(kind), line.end()


_COLON = re.compile(rb"[ \t]*:")
_FIELD_BODY = re.compile(rb"((?:[^\n]|\n(?=[ \t]))*?)\r?\n(?![ \t])")


def _content(body: bytes, at: int, boundary: bytes) -> bytes | None:
    """From behind the empty line to the line end in front of the next boundary (get_multipart_body)."""
    while at < len(body) and body[at] not in b"\r\n":
        at = _next_line(body, at)
    start = _next_line(body, at)
    end = _find_boundary(body, start, boundary)
    if end < 0:
        return None
    content = body[:end].removesuffix(b"\n").removesuffix(b"\r")
    return None if len(content) < start else content[start:]


def _find_boundary(body: bytes, at: int, boundary: bytes) -> int:
    """The offset of the next line that starts with it and has something behind it, ``at`` included; -1 for none."""
    while at + len(boundary) < len(body):
        if body.startswith(boundary, at):
            return at
        at = _next_line(body, at)
    return -1


def _next_line(body: bytes, at: int) -> int:
    newline = body.find(b"\n", at)
    return len(body) if newline < 0 else newline + 1
