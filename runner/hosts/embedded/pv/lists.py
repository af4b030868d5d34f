"""Single bodies of headers that hold lists: ``$hfl``, ``$hflc`` (pv_core.c, pv_get_hfl)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.contacts import parse_contacts
from runner.sip.nameaddr import parse_route_body
from runner.sip.via import vias

from .headers import ANY, matching, parse_name, pick, wanted_key
from .registry import ALL, Access, register

if TYPE_CHECKING:
    from runner.sip.message import Header

_ROUTES = {b"route", b"record-route"}
_LISTS = {b"via", b"contact"} | _ROUTES
_WHITE = b" \t\r\n"

_Place = tuple[int, int]
"""Offsets of a body in the message: where it begins and where it ends."""


def _read(access: Access) -> Value:
    key = wanted_key(access)
    if key is None:
        return Value.integer(0)
    message = access.context.message
    headers = matching(access, key)
    if key not in _LISTS or access.index == ALL:
        return pick(message, headers, access.index)
    index = access.position
    if key == b"via":
        texts = [via.text for via in vias(message)] if headers else []
        at = _from_the_end(index, len(texts))
        return Value(texts[at]) if 0 <= at < len(texts) else NULL
    found = _contacts(headers) if key == b"contact" else _routes(headers, len(message.data) if index < 0 else index)
    if found is None:
        return NULL
    at = _from_the_end(index, sum(map(len, found)))
    if at == 0:
        # The first body is that of the first header, which has none when it is "*".
        found = found[:1]
    places = [place for of_header in found for place in of_header]
    if not 0 <= at < len(places):
        return NULL
    start, end = places[at]
    return Value.piece(message.data, start, len(message.data[start:end].rstrip(_WHITE)))


def _from_the_end(index: int, count: int) -> int:
    """pv_get_hfl counts from 1 when it goes backwards: the last body is [-2], and [-1] is outside."""
    return index + count + 1 if index < 0 else index


def _contacts(headers: list[Header]) -> list[list[_Place]] | None:
    """The addresses of each header, the last one first; None when one header does not parse."""
    found = []
    for header in headers:
        contacts = parse_contacts(header.body)
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


def _count(access: Access) -> Value:
    try:
        key = wanted_key(access)
    except CannotEvaluate:
        return Value.integer(0)
    if key is None or key == ANY:
        return Value.integer(0)
    headers = matching(access, key)
    if key == b"via":
        return Value.integer(len(vias(access.context.message)) if headers else 0)
    if key not in _LISTS:
        return Value.integer(len(headers))
    found = _contacts(headers) if key == b"contact" else _routes(headers, len(access.context.message.data))
    return Value.integer(sum(map(len, found or ())))


register(
    "hfl",
    "One body of a header that may hold several: Via, Route, Record-Route, Contact; else as $hdr.",
    "pv: pv_core.c, pv_get_hfl",
    _read,
    parse_name=parse_name,
    takes_index=True,
)
register("hflc", "How many bodies such headers hold.", "pv: pv_core.c, pv_get_hflc", _count, parse_name=parse_name)
