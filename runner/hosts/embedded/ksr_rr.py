"""
KEMI's functions of module rr that take something; those that take nothing are the functions of ``ModF``.

Facts: modules/rr/rr_mod.c and loose.c, the same in 5.6.3 and 6.0.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.posix import Regex

from . import loose_route, record_route
from .ksr_function import FALSE, TRUE, Function, with_bytes
from .routing import is_upstream, routed_place

if TYPE_CHECKING:
    from .context import Context

_UNKNOWN_DIRECTION = -6  # E_CFG


def _record_route_preset(context: Context, first: bytes, second: bytes) -> int:
    done = record_route.record_route_preset(context, first, *([second] if second else []))
    if done == TRUE:
        context.route_params = b""
    return done


def _loose_route_mode(context: Context, mode: int) -> int:
    return loose_route.loose_route(context, is_loose_only=mode != 0)


def _check_route_param(context: Context, pattern: bytes) -> int:
    """loose.c, check_route_param: with the semicolon in front, where that stands in the topmost Route."""
    regex = Regex(pattern, ignores_case=True, is_multiline=True)
    place, route = routed_place(context), context.header(b"route")
    if place is None or place[0] == place[1] or route is None:
        return FALSE
    data, (start, end) = context.message.data, place
    semicolon = data.rfind(b";", route.body_start, start)
    if start > route.body_start:
        start = max(semicolon, route.body_start)
    text = data[start:end].partition(b"\0")[0]
    return FALSE if regex.match(text, 0, is_line_start=True) is None else TRUE


def _is_direction(context: Context, name: bytes) -> int:
    match name.lower():
        case b"upstream":
            return TRUE if is_upstream(context) else FALSE
        case b"downstream":
            return FALSE if is_upstream(context) else TRUE
        case _:
            return _UNKNOWN_DIRECTION


FUNCTIONS: dict[str, Function] = {
    "rr.record_route_params": Function("s", with_bytes(record_route.record_route)),
    "rr.record_route_preset_one": Function("s", with_bytes(record_route.record_route_preset)),
    "rr.record_route_preset": Function("ss", with_bytes(_record_route_preset)),
    "rr.record_route_advertised_address": Function("s", with_bytes(record_route.record_route_advertised)),
    "rr.add_rr_param": Function("s", with_bytes(record_route.add_rr_param)),
    "rr.loose_route_mode": Function("i", with_bytes(_loose_route_mode)),
    "rr.check_route_param": Function("s", with_bytes(_check_route_param)),
    "rr.is_direction": Function("s", with_bytes(_is_direction)),
}
"""Every function offered."""
