"""Selects of a header with an address: From, To, Refer-To, Remote-Party-ID, Contact, Record-Route (select_core.c)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from runner.hosts.embedded.context import Context
from runner.hosts.embedded.pv.select import ROOT, Node, Reader, Selection
from runner.sip.nameaddr import ToParam, parse_nameaddr, parse_route_body, parse_to_body
from runner.sip.params import Param, parse_params

from .uri import URI, value

_WHITE = b" \t\r\n"


class _Address(NamedTuple):
    """
    What is taken from the first header of a type.

    Attributes:
        uri: None for the ``*`` of a Contact.
        name: The display name; None without one.
        params: In Kamailio's order.
    """

    uri: bytes | None
    name: bytes | None = None
    params: tuple[ToParam, ...] = ()

    def param(self, wanted: bytes) -> bytes | None:
        """The value of the first parameter of that name, which is in lower case; None for a bare name."""
        return next((param.value for param in self.params if param.name.lower() == wanted), None)


Parser = Callable[[Context, bytes], _Address | None]
"""Reads the body of a header as the context's version does; None where it does not parse."""


def _party(_: Context, body: bytes) -> _Address | None:
    found = parse_to_body(body)
    return None if found is None else _Address(found.uri, found.display or None, found.params)


def _tag(selection: Selection, key: bytes) -> bytes | None:
    found = selection.access.context.party(key)
    return None if found is None else found.tag


def _route(_: Context, body: bytes) -> _Address | None:
    """The first address; its parameters in reverse order (core/parser/parse_rr.c, parse_param.c)."""
    found = parse_route_body(body)
    address = None if found is None else parse_nameaddr(body[found[0].start :])
    if found is None or address is None:
        return None
    behind = body[found[0].start + address.length :].lstrip(_WHITE)
    params = parse_params(behind[1:].lstrip(_WHITE)) if behind[:1] == b";" else None
    return _Address(address.uri, address.name, _reversed(params or ()))


def _reversed(params: tuple[Param, ...]) -> tuple[ToParam, ...]:
    return tuple(ToParam(param.name, value(param)) for param in reversed(params))


def _contact(context: Context, body: bytes) -> _Address | None:
    """The first address as Kamailio lists them, and its parameters in reverse order (core/parser/contact/contact.c)."""
    found = context.contacts(body)
    if not found:
        return None if found is None else _Address(None)
    return _Address(found[0].uri, found[0].name, _reversed(found[0].params))


def _reader(key: bytes, parse: Parser, part: Callable[[_Address, Selection], bytes | None]) -> Reader:
    def read(selection: Selection) -> bytes | None:
        header = selection.access.context.header(key)
        found = None if header is None else parse(selection.access.context, header.body)
        return None if found is None else part(found, selection)

    return read


def _named(address: _Address, selection: Selection) -> bytes | None:
    """The parameter that is named last."""
    wanted = selection.names[-1]
    return address.param(wanted.lower()) if isinstance(wanted, bytes) else None


def _add(names: str, key: bytes, parse: Parser) -> Node:
    """The header, and what all of them have."""

    def body(selection: Selection) -> bytes | None:
        header = selection.access.context.header(key)
        return None if header is None or parse(selection.access.context, header.body) is None else header.body

    node = ROOT.add(names, body)
    node.add("uri", _reader(key, parse, lambda found, _: found.uri)).nest(URI)
    node.add("name", _reader(key, parse, lambda found, _: found.name))
    node.add("params", _reader(key, parse, _named), takes=bytes)
    return node


def _spec(name: bytes) -> Reader:
    """A parameter of a Contact that Kamailio knows by name."""
    return _reader(b"contact", _contact, lambda found, _: found.param(name))


for _names, _key in (
    ("from f", b"from"),
    ("to t", b"to"),
    ("refer_to", b"refer-to"),
    ("remote_party_id rpid", b"remote-party-id"),
):
    _add(_names, _key, _party).add("tag", partial(_tag, key=_key))
_add("record_route rr", b"record-route", _route)
_node = _add("contact m", b"contact", _contact)
for _key in (b"q", b"expires", b"methods", b"received"):
    _node.add(_key.decode(), _spec(_key))
_node.add("instance", _spec(b"+sip.instance"))
