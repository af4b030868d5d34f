"""
``Core.ModF``: the module functions a host without a SIP server can honestly offer, by name.

Must not know scripts: a Context in, the function's own value out.
"""

from __future__ import annotations

from collections.abc import Callable

from runner.hosts import outgoing, sip
from runner.hosts.edits import Edits
from runner.hosts.pv.context import Context
from runner.hosts.pv.uris import party

_TRUE, _FALSE = 1, -1
ModuleFunction = Callable[[Context], int]


def _truth(is_true: bool) -> int:  # noqa: FBT001 - the one thing it converts
    return _TRUE if is_true else _FALSE


def apply_changes(context: Context) -> int:
    """textopsx, msg_apply_changes: rebuild the message, so reads see the edits."""
    try:
        message = sip.parse(outgoing.edited(context))
    except sip.SipParseError:
        return _FALSE
    context.message = message
    context.new_uri = None
    context.edits = Edits()
    return _TRUE


def _reset_destination(context: Context) -> int:
    context.dst_uri = None
    return _TRUE


def _remove_body(context: Context) -> int:
    """textops, remove_body."""
    message = context.message
    if message.body_start is None:
        return _FALSE
    if message.body:
        context.edits.replace(message.body_start, len(message.body))
    return _TRUE


def _has_to_tag(context: Context) -> int:
    header = context.header(b"to")
    found = None if header is None else party(header.body)
    return _truth(found is not None and bool(found.tag))


FUNCTIONS: dict[str, ModuleFunction] = {
    "msg_apply_changes": apply_changes,
    "resetdsturi": _reset_destination,
    "isdsturiset": lambda context: _truth(context.dst_uri is not None),
    "remove_body": _remove_body,
    "has_body": lambda context: _truth(bool(context.message.body)),
    "has_totag": _has_to_tag,
    "is_request": lambda context: _truth(context.message.first_line.is_request),
    "is_reply": lambda context: _truth(not context.message.first_line.is_request),
}
"""Every function offered. Any other name is -127, as Kamailio answers for a name it does not know."""
