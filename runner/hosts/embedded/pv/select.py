"""Selects: ``$sel(from.uri.user)``, ``$sel(via[1].host)`` (core/select.c, core/select_core.h)."""

from __future__ import annotations

import re

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.nameaddr import ToBody, parse_route_body, parse_to_body
from runner.sip.uri import parse_uri
from runner.sip.via import Via, split_outside_quotes, vias

from . import identity
from .expression import wrap
from .next_hop import next_hop_uri
from .registry import Access, register
from .select_address import Path, Select, address_select, uri_select

_PART = re.compile(rb'([A-Za-z][A-Za-z0-9_]*)(?:\[\\?"([^"]*)"\]|\[(-?[0-9]*)\])?')
_COMMA = b","[0]

_ALIASES = {
    "f": "from",
    "t": "to",
    "m": "contact",
    "v": "via",
    "request_uri": "ruri",
    "rr": "record_route",
    "remote_party_id": "rpid",
    "message": "msg",
    "code": "status",
}
_HEADERS = {
    "call_id": b"call-id",
    "expires": b"expires",
    "max_forwards": b"max-forwards",
    "event": b"event",
    "content_type": b"content-type",
    "content_length": b"content-length",
    "subject": b"subject",
    "organization": b"organization",
    "priority": b"priority",
    "session_expires": b"session-expires",
    "min_se": b"min-se",
    "user_agent": b"user-agent",
    "sip_if_match": b"sip-if-match",
    "date": b"date",
    "identity": b"identity",
    "identity_info": b"identity-info",
}
_ADDRESSES = {"from": b"from", "to": b"to", "refer_to": b"refer-to", "rpid": b"remote-party-id"}
_LISTS = {"contact": b"contact", "record_route": b"record-route"}
_CONTACT_PARAMS = {name: name for name in ("q", "expires", "methods", "received")} | {"instance": "+sip.instance"}
_CREDENTIALS = {"proxy_authorization": b"proxy-authorization", "authorization": b"authorization"}
_CREDENTIAL_PARTS = {"username", "realm", "nonce", "uri", "cnonce", "nc", "response", "opaque", "algorithm", "qop"}


def parse_path(text: bytes) -> Path:
    """core/select.c, w_parse_select: names with dots between them, each with a ``[number]`` or ``["text"]``."""
    at = 1 if text[:1] == b"@" else 0
    path: list[str | int] = []
    while match := _PART.match(text, at):
        path.append(match[1].decode())
        if match[2] is not None:
            path.append(match[2].decode("latin-1"))
        elif match[3] is not None:
            path.append(wrap(int(match[3] or b"0")) if match[3] != b"-" else 0)
        at = match.end()
        if text[at : at + 1] == b"[":
            raise CannotEvaluate("a bracket does not close")
        if text[at : at + 1] != b".":
            break
        at += 1
    if not path:
        raise CannotEvaluate(f"no select {text!r}")
    return tuple(path)


def parse_name(text: bytes) -> Select:
    """The select of that path; CannotEvaluate when there is none."""
    path = parse_path(text)
    head = _ALIASES.get(str(path[0]), str(path[0]))
    rest = path[1:]
    made = _make(head, rest)
    if made is None:
        raise CannotEvaluate(f"unknown select {text!r}")
    return made


def _make(head: str, rest: Path) -> Select | None:
    if head in _HEADERS:
        return _header(_HEADERS[head]) if not rest else None
    if head in _ADDRESSES:
        return _address(_ADDRESSES[head], rest)
    if head in _LISTS:
        return _list(_LISTS[head], rest)
    if head in _CREDENTIALS:
        return _credential(rest)
    match head:
        case "ruri":
            return uri_select(lambda access: access.context.request_uri if _is_request(access) else None, rest)
        case "dst_uri":
            return uri_select(lambda access: access.context.dst_uri, rest)
        case "next_hop":
            if rest == ("src_ip",):
                return _source_ip
            return uri_select(_next_hop, rest) if rest else _next_hop
        case "via":
            return _via(rest)
        case "cseq":
            return _cseq(rest)
        case "msg":
            return _message(rest)
        case "method" | "version" | "status" | "reason":
            return _line(head) if not rest else None
        case "src" | "dst" | "received":
            return _endpoint(head, rest)
        case "hf_value":
            return _any_header(rest)
        case "hf_value_exists":
            return _has_value(rest)
        case "sys" if rest == ("server_id",):
            return lambda access: b"%d" % access.context.environment.server_id
    return None


def _is_request(access: Access) -> bool:
    return access.context.message.first_line.is_request


def _next_hop(access: Access) -> bytes | None:
    return next_hop_uri(access.context) if _is_request(access) else None


def _source_ip(access: Access) -> bytes | None:
    """The own address a next hop would see; a name is not looked up."""
    uri = parse_uri(_next_hop(access) or b"")
    if uri is None or not re.fullmatch(rb"[0-9.]+", uri.host):
        return None
    return access.context.socket.address.ip.encode()


def _header(key: bytes) -> Select:
    def select(access: Access) -> bytes | None:
        header = access.context.header(key)
        return None if header is None else header.body

    return select


def _address(key: bytes, rest: Path) -> Select | None:
    def found(access: Access) -> tuple[bytes, ToBody] | None:
        header = access.context.header(key)
        one = None if header is None else parse_to_body(header.body)
        return None if header is None or one is None else (header.body, one)

    if not rest:
        if key == b"from":
            return lambda access: None if found(access) is None else _header(key)(access)
        return _header(key)
    return address_select(found, rest, empty_name=None)


def _list(key: bytes, rest: Path) -> Select | None:
    def found(access: Access) -> tuple[bytes, ToBody] | None:
        header = access.context.header(key)
        if header is None:
            return None
        bodies = split_outside_quotes(header.body, _COMMA)
        # core/parser/contact/contact.c, parse_contacts puts each address in front of those before.
        body = bodies[-1 if key == b"contact" else 0][1].strip()
        one = parse_to_body(body)
        is_none = body == b"*" if key == b"contact" else parse_route_body(header.body) is None
        return None if one is None or is_none else (body, one)

    if not rest:
        return _header(key)
    if key == b"contact" and len(rest) == 1 and rest[0] in _CONTACT_PARAMS:
        return address_select(found, ("params", _CONTACT_PARAMS[str(rest[0])]), empty_name=None)
    if rest[0] == "tag":
        return None
    return address_select(found, rest, empty_name=b"")


def _credential(rest: Path) -> Select | None:
    if not rest:
        return None
    if len(rest) == 1:
        return lambda _: None
    if rest[1] not in _CREDENTIAL_PARTS:
        return None

    def select(access: Access) -> bytes | None:
        found = identity.credentials(access)
        if found is None or found.params.get(b"realm") != str(rest[0]).encode():
            return None
        return found.params.get(str(rest[1]).encode())

    return select


def _via(rest: Path) -> Select | None:
    at = 1
    if rest and isinstance(rest[0], int):
        at, rest = rest[0], rest[1:]
    name = rest[0] if rest else "body"
    if name == "params":
        if len(rest) != 2:  # noqa: PLR2004 - params and the one wanted
            return None
        name = f"param {rest[1]}"
    elif len(rest) > 1 or name not in {
        "body",
        "name",
        "version",
        "transport",
        "host",
        "port",
        "comment",
        "branch",
        "received",
        "rport",
        "i",
        "alias",
    }:
        return None

    def select(access: Access) -> bytes | None:
        message = access.context.message
        # core/parser/parse_via.c, parse_via_header: the first two are known; any negative number is the last.
        if at not in {1, 2} and (message.broken_at is not None or message.body_start is None):
            return None
        found = vias(message)
        if not at or at > len(found) or not found:
            return None
        return _via_part(found[at - 1] if at > 0 else found[-1], str(name))

    return select


def _via_part(via: Via, name: str) -> bytes | None:
    match name:
        case "body":
            return via.text
        case "name":
            return via.name
        case "version":
            return via.version
        case "transport":
            return via.transport
        case "host":
            return via.host or None
        case "port":
            return via.port or None
        case "comment":
            return via.comment
    if not name.startswith("param "):
        short = via.param(name.encode("latin-1"))
        return None if short is None else short.value
    wanted = name.removeprefix("param ").lower().encode("latin-1")
    return next((param.value for param in via.params if param.name.lower() == wanted), None)


def _cseq(rest: Path) -> Select | None:
    match rest:
        case ():
            return _header(b"cseq")
        case ("num",):
            return lambda access: access.context.message.cseq[0] or None
        case ("method",):
            return lambda access: access.context.message.cseq[1] or None
    return None


def _line(name: str) -> Select:
    def select(access: Access) -> bytes | None:
        line = access.context.message.first_line
        match name:
            case "method":
                return line.method if line.is_request else None
            case "status":
                return None if line.is_request else line.status
            case "reason":
                return None if line.is_request else line.reason
            case _:
                return line.version

    return select


def _message(rest: Path) -> Select | None:
    match rest:
        case ():
            return lambda access: access.context.message.data
        case ("first_line",):
            return lambda access: access.context.message.data[: access.context.message.first_line.end].rstrip(
                b" \t\r\n"
            )
        case ("len",):
            return lambda access: b"%d" % len(access.context.message.data)
        case ("flags",):
            return lambda access: b"%d" % access.context.flags
        case ("type",):
            return lambda access: b"request" if _is_request(access) else b"response"
        case ("header" | "h",):
            return _head
        case ("body" | "content",):
            return lambda access: None if access.context.message.broken_at is not None else access.context.message.body
        case ("request" | "req" | "response" | "res", name) if name in {"method", "version", "status", "reason"}:
            return _line(str(name))
    return None


def _head(access: Access) -> bytes | None:
    message = access.context.message
    return None if message.broken_at is not None else message.data[message.first_line.end : message.body_start]


def _endpoint(head: str, rest: Path) -> Select | None:
    if rest not in {("ip",), ("port",), ("ip_port",)}:
        return None

    def select(access: Access) -> bytes:
        address = access.context.source if head == "src" else access.context.socket.address
        match rest[0]:
            case "ip":
                return address.ip.encode()
            case "port":
                return b"%d" % address.port
            case _:
                return f"{address.ip}:{address.port}".encode()

    return select


def _any_header(rest: Path) -> Select | None:
    """textops: select_hf_value; an underscore in the name stands for a hyphen."""
    if not rest or not isinstance(rest[0], str):
        return None
    key = rest[0].lower().replace("_", "-").encode("latin-1")
    at = rest[1] if len(rest) > 1 and isinstance(rest[1], int) else 1

    def select(access: Access) -> bytes | None:
        values = [
            text.strip()
            for header in access.context.message.all_headers(key)
            for _, text in split_outside_quotes(header.body, _COMMA)
        ]
        index = at - 1 if at > 0 else at + len(values)
        return values[index] if at and 0 <= index < len(values) else None

    return select


def _has_value(rest: Path) -> Select | None:
    if len(rest) != 2:  # noqa: PLR2004 - the header and the value
        return None
    key = str(rest[0]).lower().replace("_", "-").encode("latin-1")

    def select(access: Access) -> bytes:
        wanted = str(rest[1]).encode("latin-1")
        return b"%d" % any(
            text.strip() == wanted
            for header in access.context.message.all_headers(key)
            for _, text in split_outside_quotes(header.body, _COMMA)
        )

    return select


def _read(access: Access) -> Value:
    text = access.name(access)
    return NULL if text is None else Value(text)


register(
    "sel",
    "A select, the older way to name a part of the message: sel(from.uri.user).",
    "pv: pv_select.c, pv_get_select",
    _read,
    parse_name=parse_name,
)
