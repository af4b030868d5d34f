"""Who the caller is, asserted, preferred, diverted: ``$ai``, ``$pu``, ``$di``; credentials, ``$au`` (pv_core.c)."""

from __future__ import annotations

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.nameaddr import ToBody, parse_to_body
from runner.sip.uri import parse_uri
from runner.sip.via import split_outside_quotes

from .registry import ALL, Access, Reader, register
from .request import text_or_null

_COMMA, _SEMICOLON = b","[0], b";"[0]


def _parties(access: Access, key: bytes) -> list[ToBody] | None:
    """Every address of these headers, one after the other; None when there is none or one does not parse."""
    found: list[ToBody] = []
    if access.context.message.broken_at is not None:
        return None
    headers = access.context.message.all_headers(key)
    if key == b"p-preferred-identity":
        # core/parser/parse_ppi_pai.c, parse_ppi_header looks at one more header, where parse_pai_header loops.
        headers = headers[:2]
    for header in headers:
        for _, text in split_outside_quotes(header.body, _COMMA):
            one = parse_to_body(text.strip())
            if one is None:
                return None
            found.append(one)
    return found or None


def _at(access: Access, key: bytes) -> ToBody | None:
    """pv_core.c, pv_get_pai: a negative index is the first, ``[*]`` fails."""
    found = _parties(access, key)
    if found is None:
        return None
    if access.index == ALL:
        raise CannotEvaluate("all values at once are not given")
    index = max(access.position, 0)
    return found[index] if index < len(found) else None


def _asserted(access: Access) -> Value:
    found = _at(access, b"p-asserted-identity")
    return NULL if found is None else Value(found.uri)


def _preferred(part: str) -> Reader:
    def read(access: Access) -> Value:
        found = _at(access, b"p-preferred-identity")
        if found is None:
            return NULL
        if part == "uri":
            return Value(found.uri)
        if part == "display":
            return text_or_null(found.display)
        uri = parse_uri(found.uri)
        return NULL if uri is None else text_or_null(uri.user if part == "user" else uri.host)

    return read


def _diversion(part: str) -> Reader:
    def read(access: Access) -> Value:
        header = access.context.header(b"diversion")
        found = None if header is None else parse_to_body(header.body, is_list=True)
        if header is None or found is None:
            return NULL
        if part == "uri":
            return Value(found.uri)
        behind = header.body[found.uri_start + len(found.uri) :]
        for _, text in split_outside_quotes(behind, _SEMICOLON)[1:]:
            name, equals, value = text.partition(b"=")
            if equals and name.strip().lower() == part.encode():
                return Value(value.strip().strip(b'"'))
        return NULL

    return read


def credentials(access: Access) -> dict[bytes, bytes] | None:
    """Parameters of Proxy-Authorization, else Authorization, by lower-case name; None for ACK, CANCEL or none."""
    context = access.context
    if context.message.method in {b"ACK", b"CANCEL"}:
        return None
    header = context.header(b"proxy-authorization") or context.header(b"authorization")
    return None if header is None else digest_params(header.body)


def digest_params(body: bytes) -> dict[bytes, bytes] | None:
    """Parameters of one header, by lower-case name; None when it is not of the digest scheme or does not parse."""
    scheme, _, rest = body.partition(b" ")
    if scheme.lower() != b"digest":
        return None
    found = {}
    for _, text in split_outside_quotes(rest, _COMMA):
        name, equals, value = text.partition(b"=")
        value = value.strip()
        if not equals or value.count(b'"') == 1:
            return None
        if value.startswith(b'"') and value.endswith(b'"'):
            value = value[1:-1]
        found[name.strip().lower()] = value
    return found


def _credential(part: str) -> Reader:
    def read(access: Access) -> Value:
        found = credentials(access)
        if found is None:
            return NULL
        # core/parser/digest/param_parser.c, parse_username: a scheme in front is no part of the user.
        whole = found.get(b"username", b"")
        user, _, domain = whole.removeprefix(b"sip:").partition(b"@")
        match part:
            case "user":
                return Value(user)
            case "domain":
                return Value(domain)
            case "uri":
                return text_or_null(found.get(b"uri"))
            case "whole":
                return Value(whole)
        return Value(found.get(part.encode(), b""))

    return read


def _account(*, with_domain: bool) -> Reader:
    """pv_core.c, pv_get_acc_username: authenticated credentials, which this host has none of, else the From."""

    def read(access: Access) -> Value:
        found = access.context.party(b"from")
        uri = None if found is None else parse_uri(found.uri)
        if uri is None:
            return NULL
        return Value(uri.user + b"@" + uri.host if with_domain else uri.user)

    return read


register("ai", "URI of P-Asserted-Identity.", "pv: pv_core.c, pv_get_pai", _asserted, takes_index=True)
for _name, _part in (("pu", "uri"), ("pU", "user"), ("pd", "domain"), ("pn", "display")):
    register(
        _name, f"P-Preferred-Identity: {_part}.", "pv: pv_core.c, pv_get_ppi_attr", _preferred(_part), takes_index=True
    )
for _name, _part in (("di", "uri"), ("dir", "reason"), ("dip", "privacy"), ("dic", "counter")):
    register(_name, f"Diversion: {_part}.", "pv: pv_core.c, pv_get_diversion", _diversion(_part))
for _name, _part in (
    ("ar", "realm"),
    ("au", "user"),
    ("ad", "domain"),
    ("aU", "whole"),
    ("aa", "algorithm"),
    ("adn", "nonce"),
    ("adc", "cnonce"),
    ("adr", "response"),
    ("ado", "opaque"),
    ("adu", "uri"),
):
    register(_name, f"Digest credentials: {_part}.", "pv: pv_core.c, pv_get_authattr", _credential(_part))
register(
    "AU",
    "Account: user of the From without authenticated credentials.",
    "pv: pv_core.c, pv_get_acc_user",
    _account(with_domain=False),
)
register(
    "Au",
    "Account: user@host of the From without authenticated credentials.",
    "pv: pv_core.c, pv_get_acc_username",
    _account(with_domain=True),
)
