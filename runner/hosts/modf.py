"""
``Core.ModF``: the module functions a host without a SIP server can honestly offer, by name.

Must not know scripts: a Context in, the function's own value out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from runner.hosts import outgoing, sip
from runner.hosts.edits import Edits
from runner.hosts.pv.context import Branch, Context, bracketed
from runner.hosts.pv.request import method
from runner.hosts.pv.uris import parts, party
from runner.hosts.via import split_outside_quotes, vias

_TRUE, _FALSE = 1, -1
_STOP = 0  # the route ends: the rebuilt message is not safe to go on with (core/msg_translator.c)
ModuleFunction = Callable[[Context], int]


def _truth(is_true: bool) -> int:  # noqa: FBT001 - the one thing it converts
    return _TRUE if is_true else _FALSE


def apply_changes(context: Context) -> int:
    """textopsx, msg_apply_changes: rebuild the message, so reads see the edits."""
    if context.is_record_routed:
        return _FALSE
    try:
        message = _up_to_bad_to(sip.parse(outgoing.edited(context)))
    except sip.SipParseError:
        context.is_unusable = True
        return _STOP
    context.message = message
    context.new_uri = None
    context.edits = Edits()
    context.reply_headers = []
    is_cut = message.broken_at is not None and any(message.header(key) is None for key in outgoing.IDENTIFYING)
    return _STOP if is_cut else _TRUE


def _up_to_bad_to(message: sip.SipMessage) -> sip.SipMessage:
    """core/parser/msg_parser.c, get_hdr_field parses a To at once: one that fails ends the headers."""
    header = message.header(b"to")
    if header is None or party(header.body) is not None:
        return message
    return replace(message, headers=message.headers[: message.headers.index(header)], broken_at=header.start)


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


def _has_body(context: Context) -> int:
    """textops, has_body: what Content-Length says; without that header there is none."""
    header = context.header(b"content-length")
    return _truth(header is not None and int(header.body.split()[0]) > 0)


def _append_branch(context: Context) -> int:
    """core/dset.c, km_append_branch without a URI: the R-URI as it is now, with $du, path and socket."""
    socket = context.force_socket
    context.branches.append(
        Branch(context.request_uri, context.dst_uri, context.path, None, socket.text.encode() if socket else None)
    )
    return _TRUE


def _record_route(context: Context) -> int:
    """rr: record.c, record_route: once a message, in front of the first header, with ;lr and the From tag."""
    message = context.message
    if context.is_record_routed or not message.first_line.is_request or not message.headers:
        return _FALSE
    address = context.socket.advertised or context.socket.address
    found = message.header(b"from")
    sender = None if found is None else party(found.body)
    text = f"Record-Route: <sip:{bracketed(address.ip)}:{address.port};lr".encode()
    if sender is None:
        return _FALSE
    if sender.tag:
        text += b";ftag=" + sender.tag
    context.edits.insert(message.headers[0].start, text + b">\r\n")
    context.is_record_routed = True
    return _TRUE


def _remove_record_route(context: Context) -> int:
    for header in context.message.all_headers(b"record-route"):
        context.edits.replace(header.start, header.end - header.start)
    return _TRUE


def _loose_route(context: Context) -> int:
    """
    rr: loose.c, loose_route, for routes with ;lr (RFC 3261 16.4 and 16.12).

    A topmost Route that is one of the own sockets goes; the one behind it is the destination. A strict router as
    the next hop is not handled: -1, and nothing changes.
    """
    routes = [
        (header, offset, text)
        for header in context.message.all_headers(b"route")
        for offset, text in split_outside_quotes(header.body, b","[0])
    ]
    found = [party(text.strip()) for _, _, text in routes]
    if not routes or None in found[:2]:
        return _FALSE
    uris = [one.uri for one in found if one is not None]
    is_own = _is_own(context, uris[0])
    targets = uris[1:] if is_own else uris
    if targets and not _is_loose(targets[0]):
        return _FALSE
    if is_own:
        header = routes[0][0]
        if len(routes) > 1 and routes[1][0] is header:
            context.edits.replace(header.body_start, routes[1][1] + len(routes[1][2]) - len(routes[1][2].lstrip()))
        else:
            context.edits.replace(header.start, header.end - header.start)
    if targets:
        context.dst_uri = targets[0]
        context.is_next_hop_a_route = True
    return _TRUE


def _is_loose(uri: bytes) -> bool:
    found = parts(uri)
    names = [] if found is None or found.params is None else found.params.lower().split(b";")
    return any(name.partition(b"=")[0] == b"lr" for name in names)


def _is_own(context: Context, uri: bytes) -> bool:
    found = parts(uri)
    if found is None:
        return False
    port = int(found.port or b"5060")
    sockets = (*context.environment.sockets, context.socket)
    return any((found.host.decode("latin-1").strip("[]"), port) == (s.address.ip, s.address.port) for s in sockets)


def _is_first_hop(context: Context) -> int:
    """siputils: checks.c, is_first_hop: a request with one Via, or a reply whose Record-Route is empty."""
    return _truth(len(vias(context.message)) == 1 and context.header(b"record-route") is None)


def _append_time(context: Context) -> int:
    """textops, append_time_to_request: a Date header behind the first header."""
    if not context.message.headers:
        return _FALSE
    date = time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime())
    context.edits.insert(context.message.headers[0].end, date.encode())
    return _TRUE


def _options_reply(context: Context) -> int:
    """siputils: options.c, opt_reply: refuses anything but an OPTIONS without a user."""
    uri = parts(context.request_uri)
    if method(context) != b"OPTIONS" or uri is None or uri.user:
        return _FALSE
    context.reply_headers.append(b"Accept: */*\r\nAccept-Encoding: \r\nAccept-Language: en\r\nSupported: \r\n")
    return _TRUE


def _reset_static_branch(context: Context) -> int:
    context.process.static_branch = Branch(q=0)
    return _TRUE


def _always(value: int) -> ModuleFunction:
    """For what has one answer where there is no transaction, no faked message, nothing to print to."""
    return lambda _: value


FUNCTIONS: dict[str, ModuleFunction] = {
    "msg_apply_changes": apply_changes,
    "resetdsturi": _reset_destination,
    "isdsturiset": lambda context: _truth(context.dst_uri is not None),
    "remove_body": _remove_body,
    "has_body": _has_body,
    "append_branch": _append_branch,
    "record_route": _record_route,
    "remove_record_route": _remove_record_route,
    "loose_route": _loose_route,
    "rr_next_hop_route": lambda context: _truth(context.is_next_hop_a_route),
    "is_first_hop": _is_first_hop,
    "append_time_to_request": _append_time,
    "options_reply": _options_reply,
    "sbranch_reset": _reset_static_branch,
    "is_faked_msg": _always(_FALSE),
    "t_is_request_route": _always(_TRUE),
    "t_is_failure_route": _always(_FALSE),
    "t_is_branch_route": _always(_FALSE),
    "t_check_trans": _always(_FALSE),
    "t_lookup_request": _always(_FALSE),
    "has_totag": _has_to_tag,
    "is_request": lambda context: _truth(context.message.first_line.is_request),
    "is_reply": lambda context: _truth(not context.message.first_line.is_request),
}
"""Every function offered. Any other name is -127, as Kamailio answers for a name it does not know."""
