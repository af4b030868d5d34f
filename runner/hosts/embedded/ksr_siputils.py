"""
What module siputils does with the R-URI and the addresses of Contact.

Facts: modules/siputils/checks.c, contact_ops.c and sipops.c, the same in 5.6.3 and 6.0.1 but for what is since 6.0.
"""

from __future__ import annotations

import base64
import re
import time
from calendar import timegm
from typing import TYPE_CHECKING, NamedTuple

from runner.errors import CallRefused
from runner.sip.basex import decoded, padded
from runner.sip.nameaddr import parse_route_body
from runner.sip.params import find_param, parse_params

from . import modf
from .context import MAX_URI_SIZE
from .ksr_function import FALSE, TRUE, Function, with_bytes
from .routing import own_sockets
from .value import CannotEvaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.sip.contacts import Contact
    from runner.sip.message import Header
    from runner.sip.params import Param
    from runner.sip.uri import Uri

    from .context import Context

_SHORTEST_URI = 4
_SEPARATOR = b"*"
_CONTACT_DOES_NOT_PARSE, _TOO_LONG, _OUTDATED = -4, -2, -4
_BAD_CONTACT = -1
_NO_SCHEME, _SHORT_SCHEME = -25, -26
_NO_SCHEME_IN_BRACKETS, _SHORT_SCHEME_IN_BRACKETS = -22, -23
_NO_URI = -30 - 479  # core/error.h, E_BAD_URI
_DATE = re.compile(
    rb"(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat), ([0-2][0-9]|3[01]) "
    rb"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([0-9]{4}) "
    rb"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]) [Gg][Mm][Tt]"
)


class _Place(NamedTuple):
    """
    A parameter in a text.

    Attributes:
        param: What it is.
        start: Offset of the semicolon in front of it.
        end: Offset behind its value, in front of a closing quote; behind its name without a value.
    """

    param: Param
    start: int
    end: int


def _rewrite(context: Context, uri: bytes) -> None:
    context.new_uri = uri


def _parsed(context: Context, uri: bytes) -> Uri:
    parsed = context.uri(uri)
    if parsed is None:
        raise CannotEvaluate("the URI does not parse")
    return parsed


def _listed(text: bytes) -> tuple[Param, ...]:
    found = parse_params(text)
    if found is None:
        raise CannotEvaluate("the parameters of the URI do not parse")
    return found


def _own_params(uri: Uri) -> bytes:
    return uri.sip_params or uri.params or b""


def _has_param_with_value(context: Context, name: bytes, value: bytes = b"") -> int:
    """ki_uri_param_value: the last parameter of that name, as it is written."""
    found = _listed(_parsed(context, context.request_uri).params or b"")
    body = next((param.body for param in reversed(found) if param.name == name), None)
    return TRUE if body == value else FALSE


def _request_uri(context: Context) -> bytes:
    """Many take the R-URI of the message where the one that was written is empty."""
    return context.new_uri or context.message.first_line.uri


def _has_param(context: Context, name: bytes) -> int:
    params = _own_params(_parsed(context, _request_uri(context)))
    return TRUE if params and find_param(_listed(params), name) is not None else FALSE


def _add_param(context: Context, text: bytes) -> int:
    """ki_add_uri_param: a URI with headers becomes a SIP URI, and a semicolon is lost."""
    if not text:
        return TRUE
    uri = _parsed(context, context.request_uri)
    new = context.request_uri + b";" + text
    if uri.headers:
        if uri.user:
            raise CallRefused(
                "Kamailio would write over the user of an R-URI with headers, and bytes of its memory behind it"
            )
        port = b":" + uri.port if uri.port else b""
        new = b"".join((b"sip:", uri.host, port, uri.params or b"", b";", text, b"?", uri.headers))
    if len(new) > MAX_URI_SIZE:
        raise CannotEvaluate("the R-URI would be too long")
    _rewrite(context, new)
    return TRUE


def _place(uri: bytes, params: bytes, parsed: Uri, name: bytes) -> _Place | None:
    """Where the last parameter of that name is in a URI with these parameters."""
    at = len(uri) - len(params) - (0 if parsed.headers is None else len(parsed.headers) + 1)
    start, found = at - 1, None
    for param in _listed(params):
        name_start = params.index(param.name, start + 1 - at)
        end = name_start + len(param.name)
        if param.body:
            end = param.end if params[: param.end].endswith(param.body) else param.end - 1
        if param.name.lower() == name.lower():
            # An empty name stands on the semicolon that ends it, which is then the one that is found.
            is_on_semicolon = params[name_start : name_start + 1] == b";"
            found = _Place(param, at + name_start if is_on_semicolon else start, at + end)
        start = at + params.find(b";", param.end)
    return found


def _remove_param(context: Context, name: bytes) -> int:
    uri = _request_uri(context)
    if len(uri) >= MAX_URI_SIZE:
        raise CannotEvaluate("the R-URI is too long")
    parsed = _parsed(context, uri)
    found = _place(uri, _own_params(parsed), parsed, name)
    if found is not None:
        _rewrite(context, uri[: found.start] + uri[found.end :])
    return TRUE


class _Address(NamedTuple):
    """One address of a Contact with parameters."""

    contact: Contact
    offset: int
    """Of the URI in the message."""
    place: _Place | None
    """Of the parameter that was asked for."""


def _contacts(context: Context) -> list[tuple[Header, tuple[Contact, ...]]]:
    """Every Contact with its addresses; none at all when a header or one of these does not parse."""
    headers = context.message.all_headers(b"contact") if context.message.broken_at is None else []
    lists = [(header, found) for header in headers if (found := context.contacts(header.body)) is not None]
    return lists if len(lists) == len(headers) else []


def _addresses(context: Context, name: bytes) -> Iterator[_Address]:
    """
    Those of every Contact whose URI has parameters.

    Raises:
        CannotEvaluate: A URI does not parse.
    """
    for header, contacts in _contacts(context):
        for contact in contacts:
            if len(contact.uri) < _SHORTEST_URI:
                continue
            uri = _parsed(context, contact.uri)
            params = _own_params(uri)
            if params and parse_params(params) is not None:
                place = _place(contact.uri, params, uri, name)
                yield _Address(contact, header.body_start + contact.uri_start, place)


def _remove_contact_param(context: Context, name: bytes) -> int:
    for _, offset, place in _addresses(context, name):
        if place is not None:
            context.edits.replace(offset + place.start, place.end - place.start)
    return TRUE


def _has_contact_param(context: Context, name: bytes) -> int:
    """ki_contact_param_check: true also without a Contact."""
    if not _contacts(context):
        return TRUE
    return TRUE if any(place is not None for _, _, place in _addresses(context, name)) else FALSE


def _decoded(value: bytes) -> bytes:
    """
    What stands in a parameter that ``contact_param_encode`` made.

    Raises:
        CannotEvaluate: It is not Base64 for URLs, or too long.
    """
    uri = decoded(padded(value))
    if uri is None:
        raise CannotEvaluate("the parameter is not Base64 for URLs")
    if len(value) % 4 and len(value) + 4 >= MAX_URI_SIZE - 1:
        raise CannotEvaluate("the parameter is too long")
    if len(uri) >= MAX_URI_SIZE - 1:
        raise CannotEvaluate("the parameter is too long")
    return uri


def _decode_contact_param(context: Context, name: bytes) -> int:
    for contact, offset, place in _addresses(context, name):
        if place is not None and place.param.body:
            context.edits.replace(offset, len(contact.uri), _decoded(place.param.body))
    return TRUE


def _decode_param(context: Context, name: bytes) -> int:
    params = _own_params(_parsed(context, _request_uri(context)))
    found = find_param(_listed(params), name) if params else None
    if found is not None and found.body:
        _rewrite(context, _decoded(found.body))
    return TRUE


def _first_contacts(context: Context) -> tuple[Header, tuple[Contact, ...] | None] | None:
    """The first Contact and its addresses, None when these do not parse; None without a Contact."""
    header = context.header(b"contact")
    return None if header is None else (header, context.contacts(header.body))


def _encode_contact_param(context: Context, name: bytes, uri: bytes) -> int:
    found = _first_contacts(context)
    if found is None:
        return TRUE
    header, contacts = found
    if contacts is None:
        return _CONTACT_DOES_NOT_PARSE
    for contact in contacts:
        if len(contact.uri) <= _SHORTEST_URI:
            continue
        encoded = base64.urlsafe_b64encode(contact.uri)
        if len(encoded) >= MAX_URI_SIZE - 1:
            return FALSE
        is_enclosed = header.body[contact.uri_start - 1 : contact.uri_start] == b"<" and contact.uri_start > 0
        new = uri + b";" + name + b"=" + encoded.rstrip(b"=")
        new = new if is_enclosed else b"<" + new + b">"
        if len(new) >= MAX_URI_SIZE:
            return _TOO_LONG
        context.edits.replace(header.body_start + contact.uri_start, len(contact.uri), new)
    return TRUE


def _encode_contact(context: Context, prefix: bytes, address: bytes) -> int:
    """contact_ops.c, ki_encode_contact: those in front of the first that cannot be encoded stay encoded."""
    found = _first_contacts(context)
    if found is None:
        return FALSE
    header, contacts = found
    if contacts is None:
        return _CONTACT_DOES_NOT_PARSE
    if not address:
        raise CallRefused("without an address Kamailio puts a NUL into Contact")
    for contact in contacts:
        new = _encoded(context, contact.uri, prefix, address)
        if isinstance(new, int):
            return new
        context.edits.replace(header.body_start + contact.uri_start, len(contact.uri), new)
    return TRUE


def _encoded(context: Context, uri: bytes, prefix: bytes, address: bytes) -> bytes | int:
    """The URI that ``decode_contact`` decodes, or the code of encode2format; of the scheme three letters count."""
    if len(uri) <= 1:
        return _BAD_CONTACT
    colon, opening, end = uri.find(b":"), uri.find(b"<"), len(uri)
    if opening >= 0:
        if colon < 0:
            return _NO_SCHEME_IN_BRACKETS
        if colon - opening < len(b"<sip"):
            return _SHORT_SCHEME_IN_BRACKETS
        end = uri.find(b">", colon)
        if end < 0:
            raise CallRefused(
                "a bracket of a Contact does not close, and Kamailio looks for its end in all that follows"
            )
    if colon < 0:
        return _NO_SCHEME
    if colon < len(b"sip"):
        return _SHORT_SCHEME
    parsed = context.uri(uri[colon - 3 : end])
    if parsed is None:
        return _NO_URI
    transport = parsed.param(b"transport").value
    parts = (parsed.user, parsed.password or b"", parsed.host, parsed.port or b"", transport)
    packed = _SEPARATOR.join((prefix, *parts)) + b"@"
    return uri[: colon + 1] + packed + address + uri[end:]


def _is_first_hop(context: Context, mode: int) -> int:
    """sipops.c, is_first_hop_mode: 0 as is_first_hop, else the Record-Route may have a name, and be the sender's."""
    message = context.message
    if message.first_line.is_request or not mode or message.broken_at is not None:
        return modf.FUNCTIONS["is_first_hop"](context) or FALSE
    header = context.header(b"record-route")
    if header is None:
        return TRUE
    routes = parse_route_body(header.body)
    uri = context.uri(routes[0].uri) if routes else None
    return TRUE if uri is not None and own_sockets(context, uri) else FALSE


def _check_date(context: Context, seconds: int) -> int:
    """siputils.c, ki_hdr_date_check."""
    header = context.header(b"date")
    found = None if header is None else _DATE.match(header.body)
    if found is None:
        raise CannotEvaluate("the message has no Date that can be read")
    day, month, year, hour, minute, second = found.groups()
    number = b"JanFebMarAprMayJunJulAugSepOctNovDec".index(month) // 3 + 1
    sent = timegm((int(year), number, int(day), int(hour), int(minute), int(second)))
    return _OUTDATED if time.time() > sent + seconds else TRUE


FUNCTIONS: dict[str, Function] = {
    "siputils.add_uri_param": Function("s", with_bytes(_add_param)),
    "siputils.contact_param_check": Function("s", with_bytes(_has_contact_param), since_6=True),
    "siputils.contact_param_decode": Function("s", with_bytes(_decode_contact_param)),
    "siputils.contact_param_decode_ruri": Function("s", with_bytes(_decode_param)),
    "siputils.contact_param_encode": Function("ss", with_bytes(_encode_contact_param)),
    "siputils.contact_param_rm": Function("s", with_bytes(_remove_contact_param)),
    "siputils.encode_contact": Function("ss", with_bytes(_encode_contact)),
    "siputils.hdr_date_check": Function("i", with_bytes(_check_date)),
    "siputils.is_first_hop_mode": Function("i", with_bytes(_is_first_hop)),
    "siputils.is_user": Function("s", lambda *_: FALSE),  # nobody was authorized: module auth is not here
    "siputils.uri_param": Function("s", with_bytes(_has_param_with_value)),
    "siputils.uri_param_any": Function("s", with_bytes(_has_param)),
    "siputils.uri_param_rm": Function("s", with_bytes(_remove_param)),
    "siputils.uri_param_value": Function("ss", with_bytes(_has_param_with_value)),
}
"""Of siputils, what works on the R-URI and on Contact."""
