"""
``Core.ModF``: the module functions a host without a SIP server can honestly offer, by name.

Must not know scripts: a Context in, the function's own value out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace

from runner import sip
from runner.sip import contacts, multipart, sdp
from runner.sip.body_part import media_type
from runner.sip.edits import Edits
from runner.sip.nameaddr import parse_nameaddr, parse_route_body
from runner.sip.via import vias

from . import loose_route, outgoing, record_route, transaction
from .context import Branch, Context
from .routing import append_branch, find_socket, is_own_and_not_the_sender
from .value import CannotEvaluate

_TRUE, _FALSE = 1, -1
_CONTACT_DOES_NOT_PARSE = -4
_GRUU_WITHOUT_VALUE = 2
_FURTHER_VIA = 2
_BUFFER_SIZE = 65535  # core/config.h, BUF_SIZE
_STOP = 0  # the route ends: the rebuilt message is not safe to go on with (core/msg_translator.c)
ModuleFunction = Callable[[Context], int | None]
"""None: with this message, the function does what only a SIP server can do."""


def _truth(is_true: bool) -> int:  # noqa: FBT001 - the one thing it converts
    return _TRUE if is_true else _FALSE


def apply_changes(context: Context) -> int:
    """textopsx, msg_apply_changes: rebuild the message, so reads see the edits."""
    if context.is_record_routed and context.message.first_line.is_request:
        return _FALSE
    data = outgoing.updated(context)
    return _FALSE if data is None else rebuild(context, data)


def rebuild(context: Context, data: bytes) -> int:
    """core/msg_translator.c, sip_msg_update_buffer: go on with another message; 0 where that is not safe."""
    if len(data) >= _BUFFER_SIZE:
        return _FALSE
    message = sip.parse_rebuilt(data, is_6=context.message.is_6)
    context.message = message
    context.new_uri = None
    context.edits = Edits()
    context.reply_headers = []
    context.reply_body = b""
    context.identities = {}
    context.sessions = None
    is_cut = message.broken_at is not None and bool(message.lacks)
    return _STOP if is_cut or not message.headers else _TRUE


def _reset_destination(context: Context) -> int:
    context.dst_uri = None
    return _TRUE


def _remove_body(context: Context) -> int:
    """textopsx, remove_body: true even with nothing to remove."""
    body, start = _body(context), context.message.body_start
    if body and start is not None:
        context.edits.replace(start, len(body))
    return _TRUE


def _has_to_tag(context: Context) -> int:
    found = context.party(b"to")
    return _truth(found is not None and bool(found.tag))


def _has_body(context: Context) -> int:
    """textops, has_body: what Content-Length says; without that header, no body."""
    return _truth(bool(context.message.content_length))


def _append_branch(context: Context) -> int:
    """corex: corex_lib.c, corex_append_branch: the R-URI (a reply's status) takes $du, path, socket, flags along."""
    socket = context.force_socket
    sent_by = socket.text.encode() if socket else None
    branch = Branch(context.request_uri, context.dst_uri, context.path, None, sent_by, context.branch_flags)
    context.force_socket = context.dst_uri = context.path = None
    context.branch_flags = 0
    return _appended(context, branch)


def _appended(context: Context, branch: Branch) -> int:
    try:
        append_branch(context, branch)
    except CannotEvaluate:
        return _FALSE
    return _TRUE


def _append_static_branch(context: Context) -> int:
    """pv: pv_branch.c, sbranch_append."""
    branch = context.process.static_branch
    return _appended(context, replace(branch)) if branch.uri else _FALSE


def _use_static_branch(context: Context) -> int:
    """pv: pv_branch.c, sbranch_set_ruri: its path is never used, as the source tests it the wrong way round."""
    branch = context.process.static_branch
    if not branch.uri:
        return _FALSE
    context.new_uri = branch.uri
    context.dst_uri = branch.dst_uri
    context.path = None
    if branch.send_socket:
        context.force_socket = find_socket(context, branch.send_socket)
    context.request_q = branch.q
    context.branch_flags |= branch.flags
    return _TRUE


def _is_first_hop(context: Context) -> int:
    """siputils: sipops.c, is_first_hop: a request with one Via; a reply that the own Record-Route let through."""
    message = context.message
    if message.first_line.is_request:
        return _truth(len(vias(message)) < _FURTHER_VIA)
    header = context.header(b"record-route")
    if message.broken_at is not None or header is None:
        return _truth(message.broken_at is None)
    routes = parse_route_body(header.body)
    return _truth(routes is not None and is_own_and_not_the_sender(context, routes[0].uri))


def _date() -> bytes:
    return time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime()).encode()


def _append_time(context: Context) -> int:
    """textops, append_time: a Date header for the reply."""
    context.reply_headers.append(_date())
    return _TRUE


def _append_time_to_request(context: Context) -> int:
    """textops, append_time_to_request: a Date header behind the first header."""
    if not context.message.headers:
        return _FALSE
    context.edits.insert(context.message.headers[0].end, _date())
    return _TRUE


def _body(context: Context) -> bytes:
    """core/parser/parse_body.h, get_body: empty for none, and where a header cannot be parsed."""
    message = context.message
    return message.body or b"" if message.broken_at is None else b""


def _is_audio_on_hold(context: Context) -> int:
    """textops: what puts the first audio stream on hold: 1 its address (RFC 2543), 2 its direction (RFC 3264)."""
    return sdp.audio_hold(context.read_sdp() or ()) or _FALSE


def _address_family(context: Context) -> int:
    """sdpops, sdp_get_address_family: 4 or 6 of the last session."""
    found = context.read_sdp()
    return (found[-1].family if found else None) or _FALSE


def _set_body_multipart(context: Context) -> int:
    """textops, set_body_multipart without arguments: the body becomes the only part of a multipart/mixed one."""
    message = context.message
    header = context.header(b"content-type")
    kind = b"text/plain" if header is None or not header.body else header.body
    if media_type(kind) == b"multipart/mixed":
        return _TRUE
    if not message.body or message.body_start is None or message.broken_at is not None:
        return _FALSE
    body = multipart.as_only_part(kind, message.body)
    edits, end = context.edits, message.headers[-1].end
    edits.edits = [edit for edit in edits.edits if edit.offset < message.body_start]
    if header is not None:
        edits.replace(header.start, header.end - header.start)
    edits.insert(end, b'Content-Type: multipart/mixed;boundary="%s"\r\n' % multipart.BOUNDARY)
    if context.header(b"content-length") is None:
        edits.insert(end, b"Content-Length: %d\r\n" % len(body))
    edits.insert(end, b"Mime-Version: 1.0\r\n")
    edits.replace(message.body_start, len(message.body), body)
    context.is_multipart = True
    return _TRUE


def _decode_contact(context: Context) -> int:
    """siputils: contact_ops.c, decode_contact: the R-URI; in a reply the status stands in its place."""
    line = context.message.first_line
    try:
        context.new_uri = contacts.decoded(context.new_uri or (line.status if line.is_reply else line.uri))
    except contacts.CannotDecodeError as error:
        return error.code
    return _TRUE


def _decode_contact_header(context: Context) -> int:
    """siputils: contact_ops.c, decode_contact_header: the first Contact header, its last address first."""
    header = context.header(b"contact")
    if header is None:
        return _FALSE
    found = context.contacts(header.body)
    if found is None:
        return _CONTACT_DOES_NOT_PARSE
    try:
        for contact in found:
            text = contacts.decoded(contact.uri)
            context.edits.replace(header.body_start + contact.uri_start, len(contact.uri), text)
    except contacts.CannotDecodeError as error:
        return error.code
    return _TRUE


def _remote_party(context: Context) -> bytes:
    """What siputils reads when rpid_avp is not set: $avp(s:rpid); empty for none."""
    found = [value.text for key, value in context.avps if key == b"rpid"]
    return found[0] or b"" if found else b""


def _append_remote_party(context: Context) -> int:
    """siputils: rpid.c, append_rpid_hf."""
    message, party_id = context.message, _remote_party(context)
    if not party_id or message.broken_at is not None or not message.headers:
        return _FALSE
    text = b"Remote-Party-ID: " + party_id + b";party=calling;id-type=subscriber;screen=yes\r\n"
    context.edits.insert(message.headers[-1].end, text)
    return _TRUE


_E164 = re.compile(rb"\+[0-9]{2,15}")


def _is_remote_party_a_number(context: Context) -> int:
    """siputils: rpid.c, is_rpid_user_e164."""
    party_id = _remote_party(context)
    address = parse_nameaddr(party_id) if party_id else None
    uri = None if address is None else context.uri(address.uri)
    return _truth(uri is not None and _E164.fullmatch(uri.user) is not None)


def _is_gruu(context: Context) -> int:
    """siputils: sipops.c, w_is_gruu: 1 with a value, 2 without."""
    uri = context.uri(context.request_uri)
    found = None if uri is None else uri.param(b"gr")
    if found is None or not found.text:
        return _FALSE
    return _TRUE if found.value else _GRUU_WITHOUT_VALUE


def _sl_forward_reply(context: Context) -> int | None:
    """sl: false for a request, and for a reply with no Via to go back by (core/forward.c, do_forward_reply)."""
    is_for_nobody = len(vias(context.message)) < _FURTHER_VIA
    return _FALSE if context.message.first_line.is_request or is_for_nobody else None


def _forward_reply(context: Context) -> int | None:
    """corex: true whatever happens; a request with two Vias would go out as if it were a reply."""
    return _TRUE if len(vias(context.message)) < _FURTHER_VIA else None


def _options_reply(context: Context) -> int:
    """siputils: options.c, opt_reply: refuses anything but an OPTIONS without a user; the host sends the reply."""
    uri = context.uri(context.request_uri)
    if context.message.method != b"OPTIONS" or uri is None or uri.user:
        return _FALSE
    context.reply_headers.append(b"Accept: */*\r\nAccept-Encoding: \r\nAccept-Language: en\r\nSupported: \r\n")
    return _TRUE


def _reset_static_branch(context: Context) -> int:
    context.process.static_branch = Branch(q=0)
    return _TRUE


def _parse_headers(context: Context) -> int:
    """siputils, sip_parse_headers of 6.0: whether every header can be parsed."""
    return _truth(context.message.broken_at is None)


def _always(value: int) -> ModuleFunction:
    """A function with one answer where there is no transaction, no faked message and nothing to print to."""
    return lambda _: value


# These look at an event of the socket or at a log, neither of which this host has.
_TRUE_WITHOUT_A_SERVER = "pv_xavp_print pv_xavu_print pv_xavi_print sht_print resetdebug"
_FALSE_WITHOUT_A_SERVER = "is_faked_msg is_incoming"

FUNCTIONS: dict[str, ModuleFunction] = {
    "msg_apply_changes": apply_changes,
    "resetdsturi": _reset_destination,
    "isdsturiset": lambda context: _truth(context.dst_uri is not None),
    "remove_body": _remove_body,
    "has_body": _has_body,
    "append_branch": _append_branch,
    "record_route": record_route.record_route,
    "remove_record_route": record_route.remove_record_route,
    "loose_route": loose_route.loose_route,
    "loose_route_preloaded": loose_route.loose_route_preloaded,
    "rr_next_hop_route": lambda context: _truth(context.is_next_hop_a_route),
    "is_first_hop": _is_first_hop,
    "append_time": _append_time,
    "append_time_to_request": _append_time_to_request,
    "is_audio_on_hold": _is_audio_on_hold,
    "set_body_multipart": _set_body_multipart,
    "sdp_content": lambda context: _truth(context.read_sdp() is not None),
    "sdp_get_address_family": _address_family,
    "sdp_with_ice": lambda context: _truth(b"a=candidate" in _body(context)),
    "options_reply": _options_reply,
    "decode_contact": _decode_contact,
    "decode_contact_header": _decode_contact_header,
    "append_rpid_hf": _append_remote_party,
    "is_rpid_user_e164": _is_remote_party_a_number,
    "is_gruu": _is_gruu,
    "sl_forward_reply": _sl_forward_reply,
    "forward_reply": _forward_reply,
    "sbranch_set_ruri": _use_static_branch,
    "sbranch_append": _append_static_branch,
    "sbranch_reset": _reset_static_branch,
    "has_totag": _has_to_tag,
    "is_request": lambda context: _truth(context.message.first_line.is_request),
    "is_reply": lambda context: _truth(context.message.first_line.is_reply),
    **transaction.FUNCTIONS,
    **dict.fromkeys(_TRUE_WITHOUT_A_SERVER.split(), _always(_TRUE)),
    **dict.fromkeys(_FALSE_WITHOUT_A_SERVER.split(), _always(_FALSE)),
}
"""Every function offered. Any other name gives -127, as a name unknown to Kamailio does."""

SINCE_6: dict[str, ModuleFunction] = {
    "is_sip": _always(_TRUE),
    "is_http": _always(_FALSE),
    "sip_parse_headers": _parse_headers,
    "t_exists": _always(_FALSE),
}
"""What 6.0 has as well."""
