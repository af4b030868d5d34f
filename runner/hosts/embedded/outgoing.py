"""
What leaves: the forwarded message and the reply, as Kamailio builds them (core/msg_translator.c).

Must not know scripts or variables: a Context in, bytes out.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from runner.sip.edits import Edits
from runner.sip.message import parse
from runner.sip.multipart import mended
from runner.sip.nameaddr import parse_to_body
from runner.sip.via import Via, first_via, vias

from .context import RELEASES, Context, Socket, bracketed

if TYPE_CHECKING:
    from runner.sip.message import Header, SipMessage

_CRLF = b"\r\n"
IDENTIFYING = (b"from", b"to", b"call-id", b"cseq")
"""The headers that identify a request (core/parser/msg_parser.c, check_transaction_quadruple)."""

_DEFAULT_PORT = 5060
_FIRST_HOPS = 70  # RFC 3261, 8.1.1.6

_FIRST_WITH_RECORD_ROUTE, _FIRST_WITHOUT = 180, 300
_SERVER = {version: b"Server: kamailio (%b (x86_64/linux))" % number for version, number in RELEASES.items()}


def edited(context: Context) -> bytes | None:
    """
    The message with the script's edits and nothing of a proxy's own: no Via, no Route. None when it cannot be built.

    It leaves by the socket that would be chosen.
    """
    edits = _with_content_length(context, _with_boundaries(context))
    return None if edits is None else _apply(context, _by_socket(context, edits))


def updated(context: Context) -> bytes | None:
    """
    The same where no socket is known yet (``$mbu``, ``msg_apply_changes``).

    The new Content-Length joins the script's edits, so that each time it is put in once more.
    """
    mended_edits = _with_boundaries(context)
    context.is_multipart = context.is_multipart and mended_edits is context.edits
    edits = _with_content_length(context, mended_edits)
    if edits is None:
        return None
    context.edits = edits
    return _apply(context, edits.leaving_by(b"", b""))


def _by_socket(context: Context, edits: Edits) -> Edits:
    """rr: record.c, record_route: leaving by another socket than the one it was received on makes two Record-Routes."""
    socket = context.force_socket
    if socket is None or socket == context.socket:
        return edits
    proto = socket.address.proto
    advertised = socket.advertised
    address = (bracketed(advertised.ip).encode(), b"%d" % advertised.port) if advertised else _set_by_script(context)
    param = b"" if proto == "udp" else b";transport=" + proto.encode()
    return edits.leaving_by(
        _hostport(socket, *address) + param, None if proto == context.socket.address.proto else proto.encode()
    )


def _set_by_script(context: Context) -> tuple[bytes, bytes]:
    return context.advertised_address, context.advertised_port


def _hostport(socket: Socket, address: bytes = b"", port: bytes = b"") -> bytes:
    """
    Where a message is sent from; port 5060 is left out unless it is advertised (msg_translator.c, via_builder).

    Args:
        socket: By which it leaves.
        address: In place of what the socket says; empty for that.
        port: The same.
    """
    own = socket.advertised or socket.address
    if address and ":" in socket.address.ip and not address.startswith(b"["):
        address = bracketed(address.decode("latin-1")).encode("latin-1")
    is_left_out = not port and socket.advertised is None and own.port == _DEFAULT_PORT
    return (address or bracketed(own.ip).encode()) + (b"" if is_left_out else b":" + (port or b"%d" % own.port))


def forwarded(context: Context, *, branch: bytes) -> bytes | None:
    """
    The message as it is sent on; None when it cannot be.

    A request gets a Via with that branch, and its own Via is completed; a reply loses its topmost Via.
    """
    line = context.message.first_line
    if line.is_request:
        return _forwarded_request(context, branch) or None
    return _forwarded_reply(context) or None if line.is_reply else None


def with_hop_counted(data: bytes) -> bytes | None:
    """
    A request with its Max-Forwards one lower, or with a new one; None when no hop is left (RFC 3261, 16.3 and 16.6).

    Kamailio leaves this to a module, which sends no more than 70 on (modules/maxfwd/maxfwd.c, max_limit).

    Raises:
        SipParseError: The script's edits left no SIP message.
    """
    message = parse(data)
    header = message.header(b"max-forwards")
    if header is None or not header.body.isdigit():
        start = end = message.headers_end
        if header is not None:
            start, end = header.start, header.end
        return data[:start] + b"Max-Forwards: %d\r\n" % _FIRST_HOPS + data[end:]
    digits = header.body.lstrip(b"0")
    if not digits:
        return None
    hops = min(int(digits), _FIRST_HOPS + 1) if len(digits) <= len(str(_FIRST_HOPS)) + 1 else _FIRST_HOPS + 1
    return data[: header.body_start] + b"%d" % (hops - 1) + data[header.body_start + len(header.body) :]


def _forwarded_request(context: Context, branch: bytes) -> bytes | None:
    via, top = first_via(context.message), context.message.header(b"via")
    # core/forward.c, forward_request: the branch is made from these headers, so they must be there and be read.
    found = {key: context.message.header(key) for key in IDENTIFYING}
    sender = found[b"from"]
    if via is None or via.host_end is None or top is None:
        return None
    if None in found.values() or sender is None or parse_to_body(sender.body) is None:
        return None
    edits = deepcopy(_by_socket(context, _with_boundaries(context)))
    socket = context.force_socket or context.socket
    line = f"Via: SIP/2.0/{socket.address.proto.upper()} ".encode()
    line += _hostport(socket, *_set_by_script(context)) + b";branch=" + branch + _own_params(context) + _CRLF
    route = b"" if not context.path else b"Route: " + context.path + _CRLF
    first_route = context.message.header(b"route")
    if route and first_route is not None:
        edits.insert(first_route.start, route)
        route = b""
    edits.insert(top.start, line + route)
    _complete_via(context, via, edits)
    return _apply_with_length(context, edits)


def _own_params(context: Context) -> bytes:
    """core/msg_translator.c, create_via_hf."""
    server_id = context.environment.server_id if context.adds_server_id else 0
    return (b";rport" if context.adds_rport else b"") + (b";srvid=%d" % server_id if server_id else b"")


def _with_boundaries(context: Context) -> Edits:
    """
    The edits of a request whose body ``set_body_multipart`` made, mended (core/msg_translator.c, check_boundaries).

    The first Content-Type names the boundary: right behind that function it is the old one.
    """
    message, start = context.message, context.message.body_start
    header = message.header(b"content-type")
    # It is put in by a function that refuses a message with a header that does not parse (replace_body).
    is_left = header is None or start is None or message.broken_at is not None or not message.first_line.is_request
    if not context.is_multipart or is_left or header is None or start is None:
        return context.edits
    in_front, in_body = (
        Edits([edit for edit in context.edits.edits if (edit.offset >= start) is is_in_body])
        for is_in_body in (False, True)
    )
    body = mended(header.body, in_body.apply(message.data)[start:])
    if body is None:
        return context.edits
    in_front.replace(start, len(message.data) - start, body)
    return in_front


def _complete_via(context: Context, via: Via, edits: Edits) -> None:
    """RFC 3581 and core/msg_translator.c, received_test, received_builder, rport_builder."""
    rport, received = via.param(b"rport"), via.param(b"received")
    filled = b";rport=%d" % context.source.port
    # Where there is none to be replaced, it stands in front of received.
    text = filled if context.forces_rport and rport is None else b""
    is_received = _needs_received(context, via)
    if is_received:
        text += b";received=" + context.source.ip.encode()
    if is_received and received is not None:
        edits.replace(received.start - 1, received.length + 1, text)
    elif text and via.host_end is not None:
        edits.insert(via.host_end, text)
    if rport is not None:
        edits.replace(rport.start - 1, rport.length + 1, filled)


def _needs_received(context: Context, via: Via) -> bool:
    """core/msg_translator.c, received_test and check_via_address: only IPv6 has brackets and capitals."""
    ip = context.source.ip.encode()
    same = {ip, b"[%b]" % ip} if b":" in ip else {ip}
    is_same = (via.host.lower() if b":" in ip else via.host) in same
    return via.param(b"received") is not None or via.param(b"rport") is not None or not is_same


def _forwarded_reply(context: Context) -> bytes | None:
    """core/forward.c, do_forward_reply: without the first Via body, and to where the second says."""
    header, found = context.message.header(b"via"), vias(context.message)
    if header is None or len(found) < 2:  # noqa: PLR2004 - ours, and the one before
        return None
    edits = deepcopy(context.edits.leaving_by(b"", b""))
    if found[0].end == header.end:
        edits.replace(header.start, header.end - header.start)
    else:
        edits.replace(header.body_start, found[0].end - header.body_start)
    return _apply_with_length(context, edits)


def _apply(context: Context, edits: Edits) -> bytes:
    """The edits and the new R-URI; what lies in front of the R-URI's end is not edited."""
    line = context.message.first_line
    data = context.message.data
    edited_data = edits.apply(data, _end_of_headers(context.message))
    if context.new_uri is None or not line.uri_start:
        return edited_data
    end = line.uri_start + len(line.uri)
    return data[: line.uri_start] + context.new_uri + edited_data[end:]


def _end_of_headers(message: SipMessage) -> int:
    """Edits behind it are those of the body; where the headers do not end, none is (core/data_lump.c, del_lump)."""
    return len(message.data) if message.broken_at is not None else message.headers_end


def _apply_with_length(context: Context, edits: Edits) -> bytes | None:
    complete = _with_content_length(context, edits)
    return None if complete is None else _apply(context, complete)


def _with_content_length(context: Context, edits: Edits) -> Edits | None:
    """
    Content-Length changes with the body; a reply that goes on by TCP or TLS always gets the right one.

    core/msg_translator.c, adjust_clen. None when a header is in the way, or such a reply has no body.
    """
    message, body = context.message, context.message.body
    in_body = Edits([edit for edit in edits.edits if edit.offset > _end_of_headers(message)])
    delta = len(in_body.apply(message.data)) - len(message.data)
    is_stream = _is_reply_by_stream(message)
    if not is_stream and not delta:
        return edits
    header = message.header(b"content-length")
    if message.broken_at is not None or (body is None and is_stream):
        return None
    length = len(body or b"") + delta
    is_right = is_stream and message.content_length == length
    if is_right or (header is None and not is_stream):
        return edits
    changed = deepcopy(edits)
    if header is None:
        changed.insert(message.headers_end, b"Content-Length: %d\r\n" % length)
    else:
        # One below zero, where more is deleted than the body, is printed without its sign (core/ut.h, int2str).
        changed.replace(header.body_start, len(header.body), b"%d" % (length % (1 << 64)))
    return changed


def _is_reply_by_stream(message: SipMessage) -> bool:
    found = vias(message)[1:2] if message.first_line.is_reply else []
    return bool(found) and found[0].transport.lower() in {b"tcp", b"tls"}


def reply(context: Context, code: int, reason: bytes, *, to_tag: bytes = b"") -> bytes | None:
    """
    The reply to a request, or to a reply; None when its headers cannot be parsed, or it is an ACK.

    Args:
        context: The message, with ``reply_headers`` and ``reply_body``.
        code: Three digits.
        reason: Of the status line.
        to_tag: Put in when the To has no tag; empty for none.
    """
    message = context.message
    via, top = first_via(message), message.header(b"via")
    line = message.first_line
    if message.broken_at is not None or via is None or line.method.upper() == b"ACK":
        return None
    party = context.party(b"to")  # of several it is the first that counts
    has_tag = not to_tag or (party is not None and bool(party.tag))
    # The status line of a reply to a reply begins with what is third in its first line, as the version of a request is.
    out = [line.reason if line.is_reply else line.version, b" " + _digits(code) + b" ", reason, _CRLF]
    for header in message.headers:
        raw = message.data[header.start : header.end]
        match header.type:
            case b"via":
                text = message.data[header.start : header.body_start + len(header.body)]
                out += (_reply_via(context, via, text, header.start) if header is top else text, _CRLF)
            case b"record-route" if _FIRST_WITH_RECORD_ROUTE <= code < _FIRST_WITHOUT:
                out.append(raw)
            case b"to":
                out.append(raw if has_tag else _with_tag(header, raw, to_tag))
            case b"from" | b"call-id" | b"cseq":
                out.append(raw)
    out += context.reply_headers
    out += (_SERVER[context.environment.kamailio], _CRLF, b"Content-Length: %d" % len(context.reply_body))
    out += (_CRLF, _CRLF, context.reply_body)
    return b"".join(out)


def _digits(code: int) -> bytes:
    """The last three, of the number as an unsigned one."""
    return b"%03d" % ((code & 0xFFFFFFFF) % 1000)


def _reply_via(context: Context, via: Via, text: bytes, offset: int) -> bytes:
    """
    core/msg_translator.c, build_res_buf_from_sip_req: rport filled in place; received, and an rport that was not there,
    at the end of the line, in 6.0 behind rport, else behind branch.
    """
    rport = via.param(b"rport")
    filled = b";rport=%d" % context.source.port
    end = len(text)
    if rport is not None:
        start = rport.start - offset
        before = text[: start - 1] + filled
        text, end = before + text[start + rport.length :], len(before)
    elif (branch := via.param(b"branch")) is not None:
        end = branch.start - offset + branch.length
    added = filled if context.forces_rport and rport is None else b""
    if _needs_received(context, via):
        added += b";received=" + context.source.ip.encode()
    if not context.environment.is_6:
        end = len(text)
    return text[:end] + added + text[end:]


def _with_tag(header: Header, raw: bytes, to_tag: bytes) -> bytes:
    end = header.body_start + len(header.body) - header.start
    return raw[:end] + b";tag=" + to_tag + raw[end:]
