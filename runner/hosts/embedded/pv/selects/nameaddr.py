"""Selects of a text that is an address or ends in parameters: ``msg.header.NAME.nameaddr.uri``, ``.params.NAME``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.pv.select import Node
from runner.sip.nameaddr import find_not_quoted

from .uri import URI, find, value

if TYPE_CHECKING:
    from runner.hosts.embedded.pv.select import Selection


def _name(selection: Selection) -> bytes:
    """All in front of the ``<``, with quotes; empty without one (select_nameaddr_name)."""
    opening = find_not_quoted(selection.text, b"<")
    return b"" if opening < 0 else selection.text[:opening].rstrip(b" \t")


def _uri(selection: Selection) -> bytes | None:
    """Between the angle brackets; without them all up to the first semicolon (select_nameaddr_uri)."""
    opening = find_not_quoted(selection.text, b"<")
    if opening < 0:
        return selection.text.partition(b";")[0]
    closing = find_not_quoted(selection.text, b">", opening + 1)
    return None if closing < 0 else selection.text[opening + 1 : closing]


def _params(selection: Selection) -> bytes | None:
    """
    All the parameters, or the one that is named (select_nameaddr_params).

    Without parameters Kamailio answers with what it looked at last: the text, or what is behind the ``>``.
    """
    behind = selection.text
    opening = find_not_quoted(behind, b"<")
    if opening >= 0:
        closing = find_not_quoted(behind, b">", opening + 1)
        if closing < 0:
            return None
        behind = behind[closing + 1 :]
    semicolon = find_not_quoted(behind, b";")
    if semicolon < 0:
        return behind
    behind = behind[semicolon + 1 :]
    return behind if len(selection.names) == 1 else value(find(behind, selection.names[1]))


NAMEADDR = Node(title="<name-addr>")
NAMEADDR.add("name", _name)
NAMEADDR.add("uri", _uri).nest(URI)
NAMEADDR.add("params", _params, takes=bytes, is_optional=True)

PARAMS = Node(title="<params>")
PARAMS.add("params", lambda selection: value(find(selection.text, selection.names[1])), takes=bytes)
