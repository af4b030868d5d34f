"""Selects of an address or URI: what may stand behind ``from``, ``contact.uri``, ``ruri`` (core/select_core.h)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runner.sip.uri import Proto, Scheme, Uri, parse_uri
from runner.sip.via import split_outside_quotes

from .registry import Access

if TYPE_CHECKING:
    from runner.sip.nameaddr import ToBody

Path = tuple[str | int, ...]
Select = Callable[[Access], bytes | None]

_SEMICOLON = b";"[0]


def uri_select(source: Select, rest: Path) -> Select | None:
    """core/select_core.c, select_any_uri and what hangs on it."""
    if not rest:
        return lambda access: _checked(source(access))
    name = rest[0]
    if name == "params":
        return lambda access: _uri_param(parse_uri(source(access) or b""), rest[1:])
    if len(rest) > 1 or name not in {"type", "user", "rn_user", "pwd", "host", "port", "hostport", "transport"}:
        return None

    def select(access: Access) -> bytes | None:
        uri = parse_uri(source(access) or b"")
        return None if uri is None else _uri_part(uri, str(name))

    return select


def _checked(uri: bytes | None) -> bytes | None:
    return uri if uri is not None and parse_uri(uri) is not None else None


def _uri_part(uri: Uri, name: str) -> bytes | None:
    match name:
        case "type":
            return uri.scheme.value
        case "user" | "rn_user":
            return uri.user or None
        case "pwd":
            return uri.password
        case "host":
            # core/parser/parse_uri.c gives a tel URI an empty host, the others none.
            return uri.host if uri.host or uri.scheme is Scheme.TEL else None
        case "port":
            return uri.port
        case "hostport":
            default = b"5061" if uri.scheme is Scheme.SIPS else b"5060"
            return uri.host + b":" + (uri.port or default) if uri.host else None
        case _:
            proto = uri.proto or (Proto.TLS if uri.scheme is Scheme.SIPS else Proto.UDP)
            return proto.name.lower().encode()


def _uri_param(uri: Uri | None, rest: Path) -> bytes | None:
    if uri is None or uri.params is None:
        return None
    return uri.params if not rest else _param(b";" + uri.params, str(rest[0]).encode("latin-1"))


def _param(text: bytes, wanted: bytes) -> bytes | None:
    """The value of ``;wanted=value`` behind an address; empty for a parameter without one."""
    for _, piece in split_outside_quotes(text, _SEMICOLON)[1:]:
        name, _, value = piece.partition(b"=")
        if name.strip().lower() == wanted.lower():
            return value.strip().strip(b'"')
    return None


def address_select(
    found: Callable[[Access], tuple[bytes, ToBody] | None], rest: Path, *, empty_name: bytes | None
) -> Select | None:
    """What stands behind an address: uri, name, tag, params; None when there is no such select."""
    name = rest[0]
    if name == "uri":
        if len(rest) > 1:
            return uri_select(lambda access: _pick(found(access), "uri", None), rest[1:])
        return lambda access: _pick(found(access), "uri", None)
    if name == "name" and len(rest) == 1:
        return lambda access: _pick(found(access), "name", empty_name)
    if name == "tag" and len(rest) == 1:
        return lambda access: _pick(found(access), "tag", None)
    if name == "params" and len(rest) == 2:  # noqa: PLR2004 - params and the one wanted
        return lambda access: _address_param(found(access), str(rest[1]).encode("latin-1"))
    return None


def _pick(found: tuple[bytes, ToBody] | None, what: str, empty: bytes | None) -> bytes | None:
    if found is None:
        return None
    one = found[1]
    match what:
        case "uri":
            return one.uri
        case "name":
            return one.display or empty
        case _:
            return one.tag


def _address_param(found: tuple[bytes, ToBody] | None, wanted: bytes) -> bytes | None:
    if found is None:
        return None
    body, one = found
    return _param(body[one.uri_start + len(one.uri) :], wanted)
