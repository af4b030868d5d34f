"""Selects of digest credentials: ``authorization["realm"].username.user`` (core/select_core.c, select_auth)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.hosts.embedded.pv.expression import Spec, parse_at
from runner.hosts.embedded.pv.select import ROOT, Level, Names, Selection, parse_name, run
from runner.hosts.embedded.value import CannotEvaluate
from runner.sip.digest import Credentials, parse_credentials
from runner.sip.header_names import header_key

if TYPE_CHECKING:
    from runner.hosts.embedded.pv.select import Reader
    from runner.sip.message import Header

_WHITE = b" \t\r\n"
_DIGEST = re.compile(rb"[ \t\r\n]*digest[ \t\r\n,]", re.IGNORECASE)


def _parse_realm(names: Names) -> bytes | Spec | tuple[Level, ...]:
    """A pseudo-variable, else an avp, where it starts with ``$``; a select with ``@``; else the realm itself."""
    realm = names[1]
    if isinstance(realm, int):
        raise CannotEvaluate("a realm is a text")
    trimmed = realm.strip(_WHITE)
    if trimmed[:1] == b"@":
        return parse_name(trimmed)
    if trimmed[:1] != b"$":
        return realm
    try:
        return parse_at(trimmed)[0]
    except CannotEvaluate:
        return parse_at(b"$avp(" + trimmed[1:] + b")")[0]


def _realm(selection: Selection) -> bytes | None:
    """None where a variable or select gives nothing (core/sr_module.c, get_str_fparam)."""
    match selection.parsed:
        case Spec():
            try:
                return selection.parsed.read(selection.access.context).text
            except CannotEvaluate:
                return None
        case tuple():
            return run(selection.parsed, selection.access)
    return bytes(selection.parsed)


def _found(selection: Selection) -> tuple[Header, Credentials] | None:
    """
    The first credentials of that realm, in any case of letters (core/parser/digest/digest.c, find_credentials).

    None for none, also where credentials in front of them do not parse; those of another scheme are passed over.
    """
    wanted = _realm(selection)
    if wanted is None or isinstance(selection.names[0], int):
        return None
    for header in selection.access.context.message.all_headers(header_key(selection.names[0].replace(b"_", b"-"))):
        found = parse_credentials(header.body)
        if found is None and _DIGEST.match(header.body):
            return None
        if found is not None and found.params.get(b"realm", b"").lower() == wanted.lower():
            return header, found
    return None


def _header(selection: Selection) -> bytes | None:
    found = _found(selection)
    return None if found is None else found[0].body


def _param(name: bytes) -> Reader:
    def read(selection: Selection) -> bytes | None:
        found = _found(selection)
        return None if found is None else found[1].params.get(name)

    return read


def _user(selection: Selection) -> bytes | None:
    found = _found(selection)
    return None if found is None else found[1].user


def _domain(selection: Selection) -> bytes | None:
    found = _found(selection)
    return None if found is None else found[1].domain


_node = ROOT.add("authorization proxy_authorization", _header, _parse_realm, takes=bytes)
for _name in ("realm", "nonce", "uri", "cnonce", "nc", "response", "opaque", "algorithm", "qop"):
    _node.add(_name, _param(_name.encode()), _parse_realm)
_whole = _node.add("username", _param(b"username"), _parse_realm)
_whole.add("user", _user, _parse_realm)
_whole.add("domain", _domain, _parse_realm)
