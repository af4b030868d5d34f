"""Single headers with a variable of their own: ``$ci``, ``$cs``, ``$ct``, ``$ua``, the body (pv_core.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.value import NOWHERE, NULL, CannotEvaluate, Value
from runner.sip.nameaddr import parse_to_body
from runner.sip.scan import INT_MAX, LONG_MAX, str2int, str2sint

from .headers import body_value
from .registry import Access, Reader, one_of, register
from .request import text_or_null

if TYPE_CHECKING:
    from runner.sip import sdp
    from runner.sip.message import Header


def _body_of(key: bytes, *, empty_is_null: bool = False) -> Reader:
    def read(access: Access) -> Value:
        header = access.context.header(key)
        if header is None:
            return NULL
        return body_value(access.context.message, header) if header.body or not empty_is_null else NULL

    return read


def _uri_of(key: bytes) -> Reader:
    def read(access: Access) -> Value:
        header = access.context.header(key)
        found = None if header is None else parse_to_body(header.body)
        if header is None or found is None:
            return NULL
        return Value.piece(access.context.message.data, header.body_start + found.uri_start, len(found.uri))

    return read


def _null(_: Access) -> Value:
    return NULL


def _contact_uri(access: Access) -> Value:
    """pv_core.c, pv_get_contact_uri: the first one's."""
    headers = _readable_contacts(access)
    found = access.context.contacts(headers[0].body) if headers else None
    start = headers[0].body_start if headers else 0
    return Value.piece(access.context.message.data, start + found[0].uri_start, len(found[0].uri)) if found else NULL


def _contact_star(access: Access) -> Value:
    """pv_core.c, pv_get_contact_star."""
    headers = _readable_contacts(access)
    return Value.integer(int(access.context.contacts(headers[0].body) == ())) if headers else NULL


def _readable_contacts(access: Access) -> list[Header]:
    """
    The Contact headers; none where one of them, or a header of another type, does not parse.

    Raises:
        CannotEvaluate: There is no Contact: 6.0.1 crashes, and inside Kamailio the variable is not read.
    """
    message = access.context.message
    if message.broken_at is not None:
        return []
    headers = message.all_headers(b"contact")
    if not headers:
        raise CannotEvaluate("there is no Contact")
    return list(headers) if all(access.context.contacts(header.body) is not None for header in headers) else []


def _cseq_number(access: Access) -> Value:
    header, number = access.context.header(b"cseq"), access.context.message.cseq[0]
    return Value.piece(access.context.message.data, header.body_start, len(number)) if header and number else NULL


def _content_length(access: Access) -> Value:
    header = access.context.header(b"content-length")
    if header is None:
        return NULL
    body = body_value(access.context.message, header)
    return Value.integer_text(header.body, access.context.message.content_length or 0, body.behind)


def _body(access: Access) -> Value:
    body = access.context.message.body
    return NULL if body is None or access.context.message.broken_at is not None else Value(body)


def _body_size(access: Access) -> Value:
    return Value.integer(len(_body(access).text or b""))


def _buffer(access: Access) -> Value:
    return Value(access.context.message.data)


def _length(access: Access) -> Value:
    return Value.integer(len(access.context.message.data))


def _expires(access: Access) -> Value:
    """pv_core.c, pv_get_expires: over the expires of every Contact, the Expires header where one has none."""
    message = access.context.message
    if message.broken_at is not None:
        return NULL
    header = message.header(b"expires")
    text = None if header is None else header.body.strip(_WHITE)
    if text == b"":
        return NULL
    default = None if text is None else _seconds(text)
    found: list[int] = []
    for header in message.all_headers(b"contact"):
        contacts = access.context.contacts(header.body)
        if contacts is None:
            return NULL
        for contact in contacts:
            own = contact.param(b"expires")
            seconds = default if own is None or not own.body else str2int(own.body)
            if own is not None and own.body and seconds is None:
                return NULL
            found += [] if seconds is None else [seconds]
    if not found:
        if default is None:
            return NULL
        found = [default]
    seconds = min(found) if access.name == "min" else max(found)
    return Value.integer(seconds)


_WHITE = b" \t\r\n"
_MAX_EXPIRES_LENGTH = 10


def _seconds(body: bytes) -> int:
    """core/parser/parse_expires.c, expires_parser: the digits in front, 0 for none or for too long a text."""
    digits = body[: len(body) - len(body.lstrip(b"0123456789"))]
    return int(digits or b"0") % (1 << 32) if len(body) <= _MAX_EXPIRES_LENGTH else 0


_ONE_MORE = -1


def _sdp(access: Access) -> Value:
    """sdpops: sdpops_mod.c, pv_get_sdp: the last of several descriptions; without one the body stands nowhere."""
    found = access.context.read_sdp()
    if found is None:
        return NULL
    if access.name in _SDP_PARTS:
        return _sdp_part(found, access.name)
    if access.name in {"body", "raw"}:
        return Value(found[-1].text) if found else NOWHERE
    version = found[-1].version if found else None
    number = _version_number(access, version)
    return Value.integer_text(version, number) if version and number is not None else NULL


def _version_number(access: Access, version: bytes | None) -> int | None:
    """core/ut.h, str2sint: nothing and a sign alone are 0; None for a version beyond 31 bits, or 63 in 6.0."""
    return None if version is None else str2sint(version, _most(access))


def _most(access: Access) -> int:
    return LONG_MAX if access.context.environment.is_6 else INT_MAX


def _write_sdp(access: Access, value: Value) -> None:
    """sdpops: sdpops_mod.c, sdp_set_sess_version: what a read found; -1 is one more, where that has no less digits."""
    found, message = access.context.sessions, access.context.message
    session = found[-1] if found else None
    old = None if session is None else _version_number(access, session.version)
    number = value.number if access.name == "sess_version" else None
    if number is None or session is None or session.version is None or old is None or message.body_start is None:
        raise CannotEvaluate("only the version of an SDP body can be written, as a number")
    new = b"%d" % (old + 1 if number == _ONE_MORE else number)
    if number == _ONE_MORE and (old == _most(access) or len(new) < len(session.version)):
        raise CannotEvaluate("there is no number for the next version")
    access.context.edits.replace(message.body_start + session.version_start, len(session.version), new)


_SDP_PARTS = frozenset(
    ("c:ip", "c:af", "o:ip", "m0:raw", "m0:b:AS", "m0:b:RR", "m0:b:RS", "m0:rtp:port", "m0:rtcp:port")
)
_FAMILIES = {4: 2, 6: 10}
_MAX_PORT = 65535


def _sdp_part(found: tuple[sdp.Session, ...], part: str) -> Value:
    """sdpops: sdpops_mod.c, pv_get_sdp of 6.0: of the last description and its last stream."""
    if not found:
        return NULL
    session, stream = found[-1], found[-1].streams[-1]
    match part:
        case "c:ip":
            return text_or_null(stream.address or session.address)
        case "c:af":
            family = stream.family or session.family
            return NULL if family is None else Value.integer(_FAMILIES[family])
        case "o:ip":
            return text_or_null(session.origin)
        case "m0:raw":
            return text_or_null(stream.text)
        case "m0:rtp:port":
            return text_or_null(stream.port)
        case "m0:rtcp:port":
            port = stream.port
            is_next = port.isdigit() and len(port) <= len(str(_MAX_PORT)) and int(port) < _MAX_PORT
            return text_or_null(stream.rtcp_port or (b"%d" % (int(port) + 1) if is_next else b""))
        case _:
            return text_or_null(stream.bandwidth(part.removeprefix("m0:b:").encode()))


register("ci", "Call-ID.", "pv: pv_core.c, pv_get_callid", _body_of(b"call-id"))
register("cs", "Number of the CSeq; text.", "pv: pv_core.c, pv_get_cseq", _cseq_number)
register("csb", "Body of the CSeq.", "pv: pv_core.c, pv_get_cseq_body", _body_of(b"cseq"))
register("ct", "Body of the first Contact.", "pv: pv_core.c, pv_get_contact", _body_of(b"contact", empty_is_null=True))
register("ctu", "URI of the first Contact.", "pv: pv_core.c, pv_get_contact_uri", _contact_uri, since="6.0")
register("cts", "1 for Contact: *, else 0.", "pv: pv_core.c, pv_get_contact_star", _contact_star, since="6.0")
register("cT", "Content-Type.", "pv: pv_core.c, pv_get_content_type", _body_of(b"content-type"))
register("cl", "Content-Length.", "pv: pv_core.c, pv_get_content_length", _content_length)
register("ua", "User-Agent.", "pv: pv_core.c, pv_get_useragent", _body_of(b"user-agent"))
register("rt", "URI of the Refer-To.", "pv: pv_core.c, pv_get_refer_to", _uri_of(b"refer-to"))
register("re", "URI of the Remote-Party-ID.", "pv: pv_core.c, pv_get_rpid", _uri_of(b"remote-party-id"))
register("rb", "Body of the message; null without one.", "pv: pv_core.c, pv_get_msg_body", _body)
register("bs", "Length of the body.", "pv: pv_core.c, pv_get_body_size", _body_size)
register("mb", "The message as received.", "pv: pv_core.c, pv_get_msg_buf", _buffer)
register("ml", "Length of the message.", "pv: pv_core.c, pv_get_msg_len", _length)
register(
    "expires",
    "Least (min) or most (max) seconds of the Contacts.",
    "pv: pv_core.c, pv_get_expires",
    _expires,
    parse_name=one_of("min", "max"),
)
register(
    "sdpitval",
    "Iterator of SDP lines; none is open, null.",
    "sdpops: sdpops_mod.c",
    _null,
    parse_name=bytes,
    since="6.0",
)
register(
    "sdp",
    "SDP: body, sess_version; in 6.0 raw, c:ip, c:af, o:ip, and m0:raw, m0:rtp:port and others of the last stream.",
    "sdpops: sdpops_mod.c, pv_get_sdp",
    _sdp,
    _write_sdp,
    parse_name=one_of("body", "sess_version", "raw", *_SDP_PARTS),
    later_names=("raw", *_SDP_PARTS),
)
