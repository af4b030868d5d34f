"""P-Charging-Vector (RFC 7315): ``$pcv`` (siputils: chargingvector.c)."""

from __future__ import annotations

import re

from runner.hosts.embedded.value import NULL, Value

from .registry import Access, one_of, register
from .request import text_or_null

_PARAMS = {"value": b"icid-value=", "genaddr": b"icid-generated-at=", "orig": b"orig-ioi=", "term": b"term-ioi="}
_END = re.compile(rb"[ ;,\r\n\0]")


_STATUS_NONE, _STATUS_PARSED, _STATUS_WITHOUT_ID = 0, 1, 2
_LONGEST = 256  # PCV_BUF_SIZE


def _read_6(access: Access) -> Value:
    """The same in 6.0: the first header counts, and all of it without an icid-value, too."""
    message = access.context.message
    headers = message.headers if message.broken_at is None else ()
    found = [header for header in headers if header.name[:1] == b"P" and header.name.lower() == b"p-charging-vector"]
    vector = found[0].body[:_LONGEST] if found else b""
    has_id = _PARAMS["value"] in vector
    if access.name == "status":
        return Value.integer(_STATUS_PARSED if has_id else _STATUS_WITHOUT_ID if found else _STATUS_NONE)
    if access.name == "all":
        return text_or_null(vector)
    _, _, rest = vector.partition(_PARAMS[access.name])
    return text_or_null(_END.split(rest, maxsplit=1)[0]) if has_id else NULL


def _vector(access: Access) -> bytes | None:
    """The first header with a value, when it has an icid-value; one written with a small p is not found."""
    message = access.context.message
    if message.broken_at is not None:
        return None
    bodies = (
        header.body
        for header in message.headers
        if header.name[:1] == b"P" and header.name.lower() == b"p-charging-vector" and header.body
    )
    body = next(bodies, None)
    return body if body is not None and _PARAMS["value"] in body else None


def _read(access: Access) -> Value:
    """chargingvector.c, pv_get_charging_vector: a parameter is found by its text alone, quotes are part of it."""
    if access.context.environment.is_6:
        return _read_6(access)
    vector = _vector(access)
    if vector is None:
        return NULL
    if access.name == "all":
        return Value(vector)
    _, _, rest = vector.partition(_PARAMS[access.name])
    return text_or_null(_END.split(rest, maxsplit=1)[0])


register(
    "pcv",
    "P-Charging-Vector: all, value (icid-value), genaddr, orig, term, status.",
    "siputils: chargingvector.c, pv_get_charging_vector",
    _read,
    parse_name=one_of("all", "status", *_PARAMS),
    later_names=("status",),
)
