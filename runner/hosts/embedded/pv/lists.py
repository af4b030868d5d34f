"""Single bodies of headers that hold lists: ``$hfl``, ``$hflc`` (pv_core.c, pv_get_hfl)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.nameaddr import parse_route_body
from runner.sip.via import vias

from .headers import ANY, matching, parse_name, pick, wanted_key
from .identity import identities
from .registry import ALL, Access, register

if TYPE_CHECKING:
    from runner.sip.message import Header

_ROUTES = {b"route", b"record-route"}
_LISTS = {b"via", b"contact"} | _ROUTES
_LATER_LISTS = {b"diversion", b"p-asserted-identity", b"p-preferred-identity"}
"""Taken apart since 6.0."""
_WHITE = b" \t\r\n"

_Place = tuple[int, int]
"""Offsets of a body in the message: where it begins and where it ends."""


def _read(access: Access) -> Value:
    key = wanted_key(access)
    if key is None:
        return NULL if access.context.environment.is_6 else Value.integer(0)
    message = access.context.message
    headers = matching(access, key)
    if not _is_list(access, key) or access.index == ALL:
        return pick(message, headers, access.index)
    index = access.position
    if key == b"via":
        texts = [via.text for via in vias(message)] if headers else []
        at = _from_the_end(access, len(texts))
        return Value(texts[at]) if 0 <= at < len(texts) else NULL
    found = (
        _contacts(access, headers)
        if key == b"contact"
        else _routes(headers, len(message.data) if index < 0 else index)
        if key in _ROUTES
        else _identities(access, headers, key)
    )
    if found is None:
        return NULL
    at = _from_the_end(access, sum(map(len, found)))
    if at == 0 and key not in _LATER_LISTS:
        # The first body is that of the first header, which has none when it is "*".
        found = found[:1]
    places = [place for of_header in found for place in of_header]
    if not 0 <= at < len(places):
        return NULL
    start, end = places[at]
    return Value.piece(message.data, start, len(message.data[start:end].rstrip(_WHITE)))


def _is_list(access: Access, key: bytes) -> bool:
    return key in _LISTS or (key in _LATER_LISTS and access.context.environment.is_6)


def _from_the_end(access: Access, count: int) -> int:
    """pv_get_hfl of 5.6 counts from 1 when it goes backwards: the last body is [-2], and [-1] is outside."""
    index = access.position
    return index + count + (0 if access.context.environment.is_6 else 1) if index < 0 else index


def _contacts(access: Access, headers: list[Header]) -> list[list[_Place]] | None:
    """The addresses of each header, in 5.6 the last one first; None when one header does not parse."""
    found = []
    for header in headers:
        contacts = access.context.contacts(header.body)
        if contacts is None:
            return None
        found.append([(header.body_start + one.start, header.body_start + one.end) for one in contacts])
    return found


def _routes(headers: list[Header], index: int) -> list[list[_Place]] | None:
    """The addresses of the headers up to that index; later ones are not parsed. None when one does not parse."""
    found: list[list[_Place]] = []
    count = 0
    for header in headers:
        if count > index:
            break
        routes = parse_route_body(header.body)
        if routes is None:
            return None
        found.append([(header.body_start + one.start, header.body_start + one.end) for one in routes])
        count += len(routes)
    return found


def _identities(access: Access, headers: list[Header], key: bytes) -> list[list[_Place]] | None:
    """The addresses of all headers in one list, of Diversion with their parameters; None when one does not parse."""
    every = identities(access, key) if headers else None
    if every is None:
        return None
    bodies = {header.body_start: header.body for header in headers}
    places: list[_Place] = []
    at = behind = 0
    for one in every:
        if one.body_start != at:
            at, behind = one.body_start, 0
        body, address = bodies[at], one.address
        start = behind + len(body[behind:]) - len(body[behind:].lstrip(_WHITE))
        behind = address.end + 1
        end = address.uri_start + len(address.uri) if address.uri else address.end
        end += body[end : end + 1] == b">"
        if key == b"diversion":
            # core/parser/parse_diversion.c, parse_diversion_body: as if each had a value, no quotes and no blanks.
            end += sum(len(param.name) + len(param.value or b"") + 2 for param in address.params)
        places.append((at + start, at + end))
    return [places]


def _count(access: Access) -> Value:
    try:
        key = wanted_key(access)
    except CannotEvaluate:
        return Value.integer(0)
    if key is None or key == ANY:
        return Value.integer(0)
    message, headers = access.context.message, matching(access, key)
    if key == b"via":
        return Value.integer(len(vias(message)) if headers else 0)
    if not _is_list(access, key):
        return Value.integer(len(headers))
    if key == b"contact":
        found = _contacts(access, headers)
    else:
        found = _routes(headers, len(message.data)) if key in _ROUTES else _identities(access, headers, key)
    return Value.integer(sum(map(len, found or ())))


register(
    "hfl",
    "One body of a header that may hold several: Via, Route, Record-Route, Contact, identities in 6.0; else as $hdr.",
    "pv: pv_core.c, pv_get_hfl",
    _read,
    parse_name=parse_name,
    takes_index=True,
)
register("hflc", "How many bodies such headers hold.", "pv: pv_core.c, pv_get_hflc", _count, parse_name=parse_name)
