"""Single bodies of headers that hold lists: ``$hfl``, ``$hflc`` (pv_core.c, pv_get_hfl)."""

from __future__ import annotations

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip import contacts
from runner.sip.nameaddr import parse_route_body
from runner.sip.via import split_outside_quotes, vias

from .headers import ANY, matching, parse_name, pick, wanted_key
from .registry import ALL, Access, register

_ROUTES = {b"route", b"record-route"}
_LISTS = {b"via", b"contact"} | _ROUTES
_COMMA = b","[0]


def _bodies(access: Access, key: bytes) -> list[bytes]:
    headers = matching(access, key)
    if key == b"via":
        return [via.text for via in vias(access.context.message)] if headers else []
    bodies: list[bytes] = []
    for header in headers:
        texts = [text.strip() for _, text in split_outside_quotes(header.body, _COMMA)]
        # core/parser/contact/contact.c, parse_contacts puts each address in front of those before.
        bodies += reversed(texts) if key == b"contact" else texts
    return bodies


def _read(access: Access) -> Value:
    key = wanted_key(access)
    if key is None:
        return Value.integer(0)
    if key not in _LISTS or access.index == ALL:
        return pick(access.context.message, matching(access, key), access.index)
    bodies = _bodies(access, key)
    if key == b"contact" and not all(map(contacts.uris, (header.body for header in matching(access, key)))):
        return NULL
    if key in _ROUTES and not all(map(parse_route_body, (header.body for header in matching(access, key)))):
        return NULL
    index = access.position
    if index < 0:
        # pv_core.c, pv_get_hfl counts from 1, so the last body is [-2] and [-1] is outside.
        index += len(bodies) + 1
    return Value(bodies[index]) if 0 <= index < len(bodies) else NULL


def _count(access: Access) -> Value:
    try:
        key = wanted_key(access)
    except CannotEvaluate:
        return Value.integer(0)
    if key is None or key == ANY:
        return Value.integer(0)
    return Value.integer(len(_bodies(access, key) if key in _LISTS else matching(access, key)))


register(
    "hfl",
    "One body of a header that may hold several: Via, Route, Record-Route, Contact; else as $hdr.",
    "pv: pv_core.c, pv_get_hfl",
    _read,
    parse_name=parse_name,
    takes_index=True,
)
register("hflc", "How many bodies such headers hold.", "pv: pv_core.c, pv_get_hflc", _count, parse_name=parse_name)
