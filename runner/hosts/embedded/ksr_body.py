"""
What module textops does with the body and the parts of a multipart one.

Facts: modules/textops/textops.c, the same in 5.6.3 and 6.0.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.errors import CallRefused
from runner.sip import multipart
from runner.sip.body_part import media_type
from runner.sip.header_names import header_key
from runner.sip.scan import end_of
from runner.sip.sdp import part_boundary

from .ksr_function import FALSE, TRUE, Function, of_host, with_bytes
from .ksr_textops import body_of, check_writable, write
from .value import CannotEvaluate

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context
    from .host import MessageHost
    from .ksr_function import Answer

_CRLF = b"\r\n"
_FIELD = b"content-type"
_LOOKED_AT = len(b"Content-Type: ")  # find_hdr_line_start looks for the end of a name in so many bytes
_NAME = re.compile(rb"([0-9A-Za-z._+~-]+)[ \t]*:")
_BLANKS = re.compile(rb"[ \t]*")
_LINE_ENDS = re.compile(rb"[\r\n]*")
_HEX = re.compile(rb"(?:[ \t]*[0-9A-Fa-f]{2})+[ \t]*")

# core/parser/parse_content.c, type_tree and subtype_tree: all others are one.
_TYPES = frozenset({b"text", b"message", b"application", b"multipart"})
_SUBTYPES = frozenset(
    b"plain pidf+xml sdp cpim cpim-pidf+xml cpl+xml rlmi+xml related lpidf+xml watcherinfo+xml xpidf+xml "
    b"xml+msrtc.pidf external-body mixed isup".split()
)


def _mime(kind: bytes) -> tuple[bytes, bytes]:
    """A type and subtype as Kamailio knows them; empty for one that it does not know."""
    main, _, sub = kind.partition(b"/")
    return main if main in _TYPES else b"", sub if sub in _SUBTYPES else b""


def _has_type(context: Context, wanted: bytes) -> int:
    """ki_has_body_type: a body without a type is SDP."""
    message = context.message
    if not message.content_length:
        return FALSE
    if not wanted:
        return TRUE
    kind, header = media_type(wanted), message.header(b"content-type")
    if header is None and message.broken_at is not None:
        return FALSE
    own = b"application/sdp" if header is None else media_type(header.body)
    return TRUE if kind and own and _mime(kind) == _mime(own) else FALSE


def _field(body: bytes, at: int) -> tuple[int, int] | None:
    """find_hdr_line_start: where the next line with a Content-Type begins, and where its value does."""
    while at + _LOOKED_AT <= len(body):
        found = _NAME.match(body, at, at + _LOOKED_AT)
        if found is not None and header_key(found[1]) == _FIELD:
            value = end_of(_BLANKS, body, found.end())
            return (at, value) if value < len(body) else None
        following = _next_line(body, at)
        if following is None:
            return None
        at = following
    return None


def _next_line(body: bytes, at: int) -> int | None:
    """Behind the next CRLF; None without one, and where a CR without LF comes first."""
    end = body.find(b"\r", at, len(body) - 1)
    return None if end < 0 or body[end + 1 : end + 2] != b"\n" else end + len(_CRLF)


def _line_with(body: bytes, at: int, start: bytes) -> int | None:
    """find_line_start: the next line that begins so, ``at`` included."""
    while at + len(start) <= len(body):
        if body.startswith(start, at):
            return at
        following = _next_line(body, at)
        if following is None:
            return None
        at = following
    return None


def _part(body: bytes, kind: bytes) -> tuple[int, int] | None:
    """The first part with that Content-Type, compared as text: where that line begins, and the line behind it."""
    at = 0
    while (found := _field(body, at)) is not None:
        start, value = found
        if len(body) - value <= len(kind) + len(_CRLF):
            return None
        end = value + len(kind)
        if body[value:end].lower() == kind.lower():
            return (start, end + len(_CRLF)) if body.startswith(_CRLF, end) else None
        at = value
    return None


def _content_type(context: Context) -> bytes:
    header = context.header(b"content-type")
    if header is None:
        raise CallRefused("Kamailio does not survive this without a Content-Type")
    return header.body


def _filter(context: Context, kind: bytes) -> int:
    """ki_filter_body: what is in front of the part goes before it is known whether the part ends."""
    region = body_of(context)
    header = context.header(b"content-type")
    line = None if header is None else multipart.boundary_line(header.body)
    if header is None or line is None or media_type(header.body) != b"multipart/mixed":
        return FALSE
    body = region.data
    found = _part(body, kind)
    if found is None:
        return FALSE
    start = end_of(_LINE_ENDS, body, found[1])
    context.edits.replace(region.start, start)
    end = _line_with(body, start, line)
    if end is None:
        return FALSE
    end -= len(_CRLF)
    context.edits.replace(region.start + end, len(body) - end)
    return TRUE


def _whole_part(body: bytes, kind: bytes, line: bytes) -> tuple[int, int, int, int] | None:
    """The part's Content-Type line, the line behind it, the boundary behind the part, and what follows that."""
    found = _part(body, kind)
    end = None if found is None else _line_with(body, found[1], line)
    if found is None or end is None:
        return None
    behind = body.find(b"\r", end + len(line))
    if behind >= 0 and body[behind + 1 : behind + 2] != b"\n":
        return None
    following = len(body) if behind < 0 else behind + len(_CRLF)
    return None if following == end + len(line) else (*found, end, following)


def _remove_part(context: Context, kind: bytes) -> int:
    region = body_of(context)
    line = multipart.boundary_line(_content_type(context))
    found = None if line is None else _whole_part(region.data, kind, line)
    if found is None:
        return FALSE
    start, _, _, behind = found
    context.edits.replace(region.start + start, behind - start)
    context.is_multipart = True
    return TRUE


def _gets_part(*, is_raw: bool) -> Callable[..., Answer]:
    """ki_get_body_part_helper: raw, from the Content-Type line to the boundary behind the part, with that."""

    def get(host: MessageHost, kind: bytes, name: bytes) -> int:
        check_writable(host, name)
        body = body_of(host.context).data
        line = multipart.boundary_line(_content_type(host.context))
        if line is None:
            write(host, name, body)
            return TRUE
        found = _whole_part(body, kind, line)
        if found is None:
            return FALSE
        start, content, end, behind = found
        write(host, name, body[start:behind] if is_raw else body[content:end])
        return TRUE

    return get


def _append_part(context: Context, text: bytes, kind: bytes, disposition: bytes = b"") -> int:
    """ki_append_multibody_cd."""
    if not text or not kind:
        return FALSE
    region = body_of(context)
    boundary = part_boundary(_content_type(context))
    if not boundary or boundary.startswith(b"-"):
        return FALSE
    part = multipart.part(kind, text, boundary, disposition)
    context.edits.insert(region.start + len(region.data), part)
    context.is_multipart = True
    return TRUE


def _append_hex_part(context: Context, text: bytes, kind: bytes, disposition: bytes = b"") -> int:
    if _HEX.fullmatch(text) is None:
        raise CannotEvaluate("the text is not hexadecimal")
    return _append_part(context, bytes.fromhex(text.decode("ascii")), kind, disposition)


def _set_body(context: Context, body: bytes, kind: bytes) -> int:
    """ki_set_body: edits of the old body are gone; what lies behind its Content-Length stays."""
    message, start = context.message, context.message.body_start
    if not body or not kind or start is None or message.broken_at is not None:
        return FALSE
    edits, end = context.edits, message.headers_end
    edits.edits = [edit for edit in edits.edits if edit.offset <= end]
    length, header = message.content_length, message.header(b"content-type")
    if length:
        if start + length > len(message.data):
            return FALSE
        edits.replace(start, length)
    if header is None or header.body != kind:
        if header is not None:
            edits.replace(header.start, header.end - header.start)
        edits.insert(end, b"Content-Type: " + kind + _CRLF + _length_of(body, length))
    else:
        edits.insert(end, _length_of(body, length))
    edits.insert(start, body)
    return TRUE


def _length_of(body: bytes, length: int | None) -> bytes:
    """The header for a message without one."""
    return b"Content-Length: %d\r\n" % len(body) if length is None else b""


def _set_reply_body(context: Context, body: bytes, kind: bytes) -> int:
    """ki_set_rpl_body: a second one only gets its type into the reply."""
    if not body or not kind:
        return FALSE
    context.reply_headers.append(b"Content-Type: " + kind + _CRLF)
    if context.reply_body:
        return FALSE
    context.reply_body = body
    return TRUE


FUNCTIONS: dict[str, Function] = {
    "textops.append_body_part": Function("ss", with_bytes(_append_part)),
    "textops.append_body_part_cd": Function("sss", with_bytes(_append_part)),
    "textops.append_body_part_hex": Function("ss", with_bytes(_append_hex_part)),
    "textops.append_body_part_hex_cd": Function("sss", with_bytes(_append_hex_part)),
    "textops.filter_body": Function("s", with_bytes(_filter)),
    "textops.get_body_part": Function("ss", of_host(_gets_part(is_raw=False))),
    "textops.get_body_part_raw": Function("ss", of_host(_gets_part(is_raw=True))),
    "textops.has_body_type": Function("s", with_bytes(_has_type)),
    "textops.remove_body_part": Function("s", with_bytes(_remove_part)),
    "textops.set_body": Function("ss", with_bytes(_set_body)),
    "textops.set_reply_body": Function("ss", with_bytes(_set_reply_body)),
}
"""Of textops, what works on the body."""
