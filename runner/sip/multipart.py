"""
Multipart bodies as Kamailio makes and mends them.

Must not know messages: a Content-Type and a body in, a body out. ``body_part`` and ``sdp`` read the parts.
"""

from __future__ import annotations

from itertools import pairwise

from .params import find_param, parse_params

_CRLF = b"\r\n"
_FEWEST = 2  # boundaries

BOUNDARY = b"unique-boundary-1"
"""Between the parts that ``as_only_part`` makes (textops.c, ki_set_multibody)."""


def as_only_part(content_type: bytes, body: bytes) -> bytes:
    """The body as a multipart body of one part."""
    return b"--" + BOUNDARY + _CRLF + part(content_type, body, BOUNDARY)


def part(content_type: bytes, body: bytes, boundary: bytes, disposition: bytes = b"") -> bytes:
    """One part, without the boundary in front of it, and with the one behind it (textops.c, generate_boundary)."""
    fields = b"Content-Type: " + content_type + _CRLF
    if disposition:
        fields += b"Content-Disposition: " + disposition + _CRLF
    end = b"" if body.endswith(_CRLF * 2) else _CRLF
    return fields + _CRLF + body + end + b"--" + boundary + _CRLF


def boundary_line(content_type: bytes) -> bytes | None:
    """
    The last parameter ``boundary`` without its quotes, behind two dashes (core/msg_translator.c, get_boundary).

    Empty when the parameters name none; None when there are no parameters, or they do not parse.
    """
    semicolon = content_type.find(b";")
    params = None if semicolon < 0 else parse_params(content_type[semicolon:])
    if params is None:
        return None
    param = find_param(params, b"boundary")
    return b"" if param is None else b"--" + param.body


def mended(content_type: bytes, body: bytes) -> bytes | None:
    """
    The body from its first boundary to its last, which gets its dashes; boundaries between them end with CRLF.

    Follows core/msg_translator.c (check_boundaries).

    Args:
        content_type: The body of the header that names the boundary.
        body: With all edits.

    Returns:
        None where it is left as it is: no boundary is named, or there are fewer than two.
    """
    line = boundary_line(content_type)
    if not line:
        return None
    found = _places(body, line)
    if len(found) < _FEWEST:
        return None
    out: list[bytes] = []
    for here, following in pairwise(found):
        end = _line_end(body, here)
        is_whole = body[here:end] == line + _CRLF
        out += (line + _CRLF, body[here + len(line) + len(_CRLF) if is_whole else end : following])
    # A slip of Kamailio's: where the first one has dashes, all from there on comes once more.
    first = found[0]
    final = line + b"--" + _CRLF
    out.append(body[first:] if body[first : _line_end(body, first)] == final else final)
    return b"".join(out)


def _places(body: bytes, line: bytes) -> list[int]:
    """Where lines begin with the boundary, or what is behind a boundary does; a CR without LF ends the search."""
    found = []
    at = 0
    while at + len(line) <= len(body):
        if body.startswith(line, at):
            found.append(at)
            at += len(line)
            continue
        end = body.find(b"\r", at, len(body) - 1)
        if end < 0 or body[end + 1 : end + 2] != b"\n":
            break
        at = end + len(_CRLF)
    return found


def _line_end(body: bytes, at: int) -> int:
    """The offset behind the line; the end of the body without a CR, ``at`` for a CR without LF."""
    end = body.find(b"\r", at)
    if end < 0:
        return len(body)
    return end + len(_CRLF) if body[end + 1 : end + 2] == b"\n" else at
