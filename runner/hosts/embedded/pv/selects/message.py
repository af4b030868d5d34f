"""Selects of the message, its first line, its headers and its body (core/select_core.c, select_msg and others)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.hosts.embedded.pv.select import ANY, ROOT, Names, Selection
from runner.hosts.embedded.value import CannotEvaluate
from runner.sip.body_part import body_part
from runner.sip.header_names import header_type, leading_name
from runner.sip.params import parse_params
from runner.sip.scan import wrap

from .nameaddr import NAMEADDR, PARAMS
from .uri import URI

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.embedded.context import Context
    from runner.hosts.embedded.pv.select import Name, Reader
    from runner.sip.message import FirstLine

_WHITE = b" \t\r\n"
_MESSAGE_NUMBER = 1  # as $mi


def _of(part: Callable[[Context], bytes | None]) -> Reader:
    return lambda selection: part(selection.access.context)


def _request(part: Callable[[FirstLine], bytes | None]) -> Reader:
    def read(selection: Selection) -> bytes | None:
        line = selection.access.context.message.first_line
        return part(line) if line.is_request else None

    return read


def _reply(part: Callable[[FirstLine], bytes | None]) -> Reader:
    def read(selection: Selection) -> bytes | None:
        line = selection.access.context.message.first_line
        return part(line) if line.is_reply else None

    return read


def _whole(*, is_request: bool) -> Reader:
    def read(selection: Selection) -> bytes | None:
        message = selection.access.context.message
        line = message.first_line
        return message.data if (line.is_request if is_request else line.is_reply) else None

    return read


def _type(line: FirstLine) -> bytes:
    return b"1" if line.is_request else b"2" if line.is_reply else b"0"


def _version(line: FirstLine) -> bytes | None:
    return line.version if line.is_request or line.is_reply else None


def _first_line(context: Context) -> bytes:
    line = context.message.first_line
    return context.message.data[line.start : line.end].rstrip(_WHITE)


def _head(context: Context) -> bytes | None:
    """From the first header to the body, the empty line included; null where no body can be found."""
    message = context.message
    if message.broken_at is not None or message.body_start is None:
        return None
    return message.data[message.first_line.end : message.body_start]


def _body(context: Context) -> bytes | None:
    return None if context.message.broken_at is not None else context.message.body


def _description(context: Context) -> bytes | None:
    """The body that is ``application/sdp``, or the first part of a multipart body that is (get_body_part)."""
    header, body = context.header(b"content-type"), _body(context)
    return None if header is None or body is None else body_part(header.body, body, b"application/sdp")


_MOST_LINE_NAME = 2


def _parse_line_name(names: Names) -> bytes:
    letter = names[-1]
    if isinstance(letter, int) or not 1 <= len(letter) <= _MOST_LINE_NAME or letter[1:] not in {b"", b"="}:
        raise CannotEvaluate("expected the letter of an SDP line, as m or m=")
    return letter[:1]


def _description_line(selection: Selection) -> bytes | None:
    """The value of the first line of that letter; null where it is empty or has no end (select_sdp_line)."""
    text = _description(selection.access.context)
    found = re.search(rb"(?:\A|(?<=\n))%b(?:=([^\n]+)\n)?" % re.escape(selection.parsed), text or b"")
    value = b"" if found is None or found[1] is None else found[1].removesuffix(b"\r")
    return value or None


def header_to_find(name: Name) -> bytes:
    """
    The key of a header that is named with underscores for hyphens, but for the first character.

    Raises:
        CannotEvaluate: It cannot be the name of a header.
    """
    if isinstance(name, int):
        raise CannotEvaluate("a header has a name")
    hyphenated = name[:1] + name[1:].replace(b"_", b"-")
    leading = leading_name(hyphenated)
    if not leading or hyphenated[len(leading) :].strip(b" \t"):
        raise CannotEvaluate(f"{name!r} is no name of a header")
    return header_type(leading) or hyphenated.lower()


def _header(selection: Selection) -> bytes | None:
    """
    The header of that name and number (select_anyheader).

    A number below 1 is the last, and so is what a ``nameaddr`` without a number works on: its name stands where the
    number is looked for.
    """
    message = selection.access.context.message
    if message.broken_at is not None or message.body_start is None:
        return None
    found = message.all_headers(selection.parsed)
    number = 1
    if len(selection.names) == 4:  # noqa: PLR2004 - the message, "header", its name, its number
        number = selection.names[3] if isinstance(selection.names[3], int) else -1
    # Kamailio counts down: a number that is low enough wraps around and is then too high.
    if not found or wrap(number - len(found)) > 0:
        return None
    return found[number - 1 if number > 0 else -1].body.strip(_WHITE)


def _expires(context: Context) -> bytes | None:
    """The number, or the whole text when it is longer than ten bytes or no number (core/parser/parse_expires.c)."""
    header = context.header(b"expires")
    text = b"" if header is None else header.body.strip(_WHITE)
    digits = _DIGITS.match(text) if len(text) <= _MOST_DIGITS else None
    return digits.group() if digits is not None else text or None


_MOST_DIGITS = 10
_DIGITS = re.compile(rb"[0-9]+(?=[ \t\r\n])")


def _event(context: Context) -> bytes | None:
    """The name of the event; null when there is nothing or the parameters do not parse (core/parser/parse_event.c)."""
    header = context.header(b"event")
    found = None if header is None or not header.body.strip(_WHITE) else _EVENT.match(header.body)
    if found is None:
        return None
    params = found["params"]
    return None if params and parse_params(params) is None else found["name"]


_EVENT = re.compile(rb"[ \t\r\n]*(?P<name>[^ \t\r\n;]*)(?:[ \t\r\n]*;[ \t\r\n]*(?P<params>.*))?", re.DOTALL)


def _plain(key: bytes) -> Reader:
    def read(selection: Selection) -> bytes | None:
        header = selection.access.context.header(key)
        return None if header is None else header.body

    return read


_message = ROOT.add("msg message", _of(lambda context: context.message.data))
_message.add("first_line", _of(_first_line))
_message.add("flags", _of(lambda context: b"%d" % (context.flags & 0xFFFFFFFF)))
_message.add("len", _of(lambda context: b"%d" % len(context.message.data)))
_message.add("id", lambda _: b"%d" % _MESSAGE_NUMBER).add("hex", lambda _: b"%08x" % _MESSAGE_NUMBER)
_message.add("type", _of(lambda context: _type(context.message.first_line)))
_header_node = _message.add("header h", _of(_head)).add(
    ANY, _header, lambda names: header_to_find(names[2]), takes=int, is_optional=True
)
_header_node.nest(NAMEADDR, "nameaddr")
_header_node.nest(PARAMS)
_sdp = _message.add("body content", _of(_body)).add("sdp", _of(_description))
_sdp.add("line", _description_line, _parse_line_name, takes=bytes)

_whole_request = _message.add("request req", _whole(is_request=True))
_whole_request.add("method", _request(lambda line: line.method))
_whole_request.add("uri", _request(lambda line: line.uri)).nest(URI)
_whole_request.add("version", _request(lambda line: line.version))
_whole_reply = _message.add("response res", _whole(is_request=False))
_whole_reply.add("version", _reply(lambda line: line.version))
_whole_reply.add("status code", _reply(lambda line: line.status))
_whole_reply.add("reason", _reply(lambda line: line.reason))
ROOT.add("method", _request(lambda line: line.method))
ROOT.add("version", _of(lambda context: _version(context.message.first_line)))
ROOT.add("status code", _reply(lambda line: line.status))
ROOT.add("reason", _reply(lambda line: line.reason))

_cseq = ROOT.add("cseq", _plain(b"cseq"))
_cseq.add("num", _of(lambda context: context.message.cseq[0] or None))
_cseq.add("method", _of(lambda context: context.message.cseq[1] or None))
ROOT.add("event", _of(_event))
ROOT.add("expires", _of(_expires))
for _name in (
    "call_id",
    "max_forwards",
    "content_type",
    "content_length",
    "subject",
    "organization",
    "priority",
    "session_expires",
    "min_se",
    "user_agent",
    "sip_if_match",
    "date",
    "identity",
    "identity_info",
):
    ROOT.add(_name, _plain(_name.replace("_", "-").encode()))
