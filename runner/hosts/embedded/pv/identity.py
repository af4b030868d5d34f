"""Who the caller is, asserted, preferred, diverted: ``$ai``, ``$pu``, ``$di``; credentials, ``$au`` (pv_core.c)."""

from __future__ import annotations

from runner.hosts.embedded.context import MAX_URI_SIZE, Identity
from runner.hosts.embedded.value import NOWHERE, NULL, CannotEvaluate, Value
from runner.sip.digest import Credentials, parse_credentials
from runner.sip.identities import parse_identities
from runner.sip.nameaddr import parse_to_body
from runner.sip.uri import rest_of_bad_uri

from .registry import ALL, Access, Reader, register
from .request import text_or_null

_ASSERTED, _PREFERRED, _DIVERSION = b"p-asserted-identity", b"p-preferred-identity", b"diversion"
_MAX_PREFERRED_HEADERS = 2
"""core/parser/parse_ppi_pai.c, parse_ppi_header looks at one more header, where parse_pai_header loops."""


def identities(access: Access, key: bytes) -> list[Identity] | None:
    """
    Every address of these headers, one after the other; None when there is none or one does not parse.

    What stood in front of the header that does not parse is kept, and the next read takes it for the whole. In 6.0 also
    those of Diversion (core/parser/parse_diversion.c, parse_diversion_header), and for ``$hfl`` and ``$hflc``.
    """
    context = access.context
    known = context.identities.get(key)
    if known is not None:
        return known
    found: list[Identity] = []
    is_whole = context.message.broken_at is None
    for header in context.message.all_headers(key)[: _MAX_PREFERRED_HEADERS if key == _PREFERRED else None]:
        parsed = parse_identities(header.body)
        found += [Identity(one, header.body_start) for one in parsed or ()]
        # Kamailio looks for the next header at once, and meets the one that cannot be parsed.
        is_whole = is_whole and parsed is not None
        if not is_whole:
            break
    if found:
        context.identities[key] = found
    return found if found and is_whole else None


def _at(access: Access, key: bytes) -> Identity | None:
    """pv_core.c, pv_get_pai: a negative index is the first, ``[*]`` fails."""
    found = identities(access, key)
    if found is None:
        return None
    if access.index == ALL:
        raise CannotEvaluate("all values at once are not given")
    index = max(access.position, 0)
    return found[index] if index < len(found) else None


def _uri(access: Access, found: Identity) -> Value:
    """Null where its length is below zero: Kamailio then follows no rule (docs/deviations.md)."""
    address = found.address
    if not address.uri:
        return NULL
    return Value.piece(access.context.message.data, found.body_start + address.uri_start, len(address.uri))


def _asserted(access: Access) -> Value:
    found = _at(access, _ASSERTED)
    return NULL if found is None else _uri(access, found)


def _preferred(part: str) -> Reader:
    def read(access: Access) -> Value:
        found = _at(access, _PREFERRED)
        if found is None:
            return NULL
        if part == "uri":
            return _uri(access, found)
        if part == "display":
            return text_or_null(found.address.display)
        uri = access.context.uri(found.address.uri)
        if uri is not None:
            return text_or_null(uri.user if part == "user" else uri.host)
        # pv_core.c, pv_get_ppi_attr: what parse_uri had found when it gave up is taken for parsed the next time.
        was_tried, found.was_tried = found.was_tried, True
        user, host = rest_of_bad_uri(found.address.uri)
        return text_or_null(user if part == "user" else host) if was_tried else NULL

    return read


def _first_diversion(access: Access) -> Identity | None:
    """5.6 parses the first header alone, with its line end; 6.0 all of them, each by itself."""
    if access.context.environment.is_6:
        every = identities(access, _DIVERSION)
        return None if every is None else every[0]
    header = access.context.header(_DIVERSION)
    address = None if header is None else parse_to_body(header.body, is_list=True)
    return None if header is None or address is None else Identity(address, header.body_start)


def _diversion(part: str) -> Reader:
    def read(access: Access) -> Value:
        found = _first_diversion(access)
        if found is None:
            return NULL
        if part == "uri":
            return _uri(access, found)
        # core/parser/parse_diversion.c, get_diversion_param: the first of that name, in lower case.
        param = next((param for param in found.address.params if param.name == part.encode()), None)
        if param is None:
            return NULL
        return NOWHERE if param.value is None else Value(param.value, behind=b";"[0])

    return read


def credentials(access: Access) -> Credentials | None:
    """Those of Proxy-Authorization, else Authorization; None for ACK, CANCEL, none, and what does not parse."""
    context = access.context
    line = context.message.first_line
    if line.is_request and line.method.upper() in {b"ACK", b"CANCEL"}:
        return None
    proxy, own = context.header(b"proxy-authorization"), context.header(b"authorization")
    header = proxy or own
    # Both are looked for, so a header that cannot be parsed behind one of them is in the way.
    if header is None or (context.message.broken_at is not None and (proxy is None or own is None)):
        return None
    return parse_credentials(header.body)


def _credential(part: str) -> Reader:
    """pv_core.c, pv_get_authattr: what is missing is empty and stands nowhere, but for the URI."""

    def read(access: Access) -> Value:
        found = credentials(access)
        if found is None:
            return NULL
        match part:
            case "user":
                text = found.user
            case "domain":
                text = found.domain
            case "uri":
                return text_or_null(found.params.get(b"uri"))
            case _:
                text = found.params.get(part.encode())
        return NOWHERE if text is None else Value(text, behind=b'"'[0])

    return read


def _account(*, with_domain: bool) -> Reader:
    """pv_core.c, pv_get_acc_username: authenticated credentials, which this host has none of, else the From."""

    def read(access: Access) -> Value:
        found = access.context.party(b"from")
        uri = None if found is None else access.context.uri(found.uri)
        if uri is None:
            return NULL
        if not with_domain:
            return Value(uri.user) if uri.user else NOWHERE
        account = uri.user + b"@" + uri.host
        return Value(account) if len(account) <= MAX_URI_SIZE else NULL

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
    ("aU", "username"),
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
