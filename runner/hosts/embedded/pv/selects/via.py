"""Selects of a Via: ``via[2].host``, ``v.branch`` (core/select_core.c, select_via and those behind it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.pv.select import ROOT, Selection
from runner.sip.scan import wrap
from runner.sip.via import Via, vias

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.embedded.pv.select import Reader

_LAST_NEEDING_NO_OTHERS = 2


def _via(selection: Selection) -> Via | None:
    """The Via of that number, 1 without one; a negative number is the last (parse_via.c, parse_via_header)."""
    number = selection.names[1] if len(selection.names) > 1 and isinstance(selection.names[1], int) else 1
    message = selection.access.context.message
    found = vias(message)
    is_whole = message.broken_at is None and message.body_start is not None
    if not is_whole and not 0 < number <= _LAST_NEEDING_NO_OTHERS:
        return None
    if number < 0:
        # Kamailio counts down: a number that is low enough wraps around and is then too high.
        return found[-1] if found and wrap(number - len(found)) < 0 else None
    return found[number - 1] if 0 < number <= len(found) else None


def _part(part: Callable[[Via], bytes | None]) -> Reader:
    def read(selection: Selection) -> bytes | None:
        via = _via(selection)
        return None if via is None else part(via)

    return read


def _known(name: bytes) -> Reader:
    """A parameter that Kamailio keeps a shortcut to."""

    def read(via: Via) -> bytes | None:
        param = via.param(name)
        return None if param is None else param.value

    return _part(read)


def _named(selection: Selection) -> bytes | None:
    """The first parameter of the name that stands last."""
    via, wanted = _via(selection), selection.names[-1]
    if via is None or isinstance(wanted, int):
        return None
    return next((param.value for param in via.params if param.name.lower() == wanted.lower()), None)


_node = ROOT.add("via v", _part(lambda via: via.text), takes=int, is_optional=True)
_node.add("name", _part(lambda via: via.name))
_node.add("version", _part(lambda via: via.version))
_node.add("transport", _part(lambda via: via.transport))
_node.add("host", _part(lambda via: via.host or None))
_node.add("port", _part(lambda via: via.port or None))
_node.add("comment", _part(lambda via: via.comment))
for _name in ("branch", "received", "rport", "i", "alias"):
    _node.add(_name, _known(_name.encode()))
_node.add("params", _named, takes=bytes)
