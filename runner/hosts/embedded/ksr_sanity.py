"""
KEMI's functions of module sanity: whether a message is fit to be worked on, and the reply to one that is not.

Facts: modules/sanity/sanity.c and sanity_mod.c with the defaults of their parameters, so that the reply goes out at
once; core/parser/digest/digest.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.sip.digest import is_digest, parse_credentials
from runner.sip.via import first_via

from .context import Fault
from .ksr_function import FALSE, TRUE, Function

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.sip.digest import Credentials

    from .host import MessageHost

    Check = Callable[[MessageHost, int], bool]

_WHITE = b" \t\r\n"
_UINT = re.compile(rb"[0-9]{0,10}")
_MOST_UINT = 4294967296  # str2valid_uint takes this one, too
_IDENTIFYING = (b"from", b"to", b"call-id", b"cseq")
_FROM, _TO, _CONTACT, _REQUEST = 2, 4, 8, 1
DEFAULT_CHECKS = 0b101111100111
DEFAULT_URI_CHECKS = _REQUEST | _FROM | _TO


def _sanity_check(host: MessageHost, checks: int, uri_checks: int) -> int:
    return TRUE if all(check(host, uri_checks) for bit, check in _CHECKS if checks & bit) else FALSE


def _refuse(host: MessageHost, code: int, reason: str) -> bool:
    """Answer, where that can be done; always False."""
    line = host.context.message.first_line
    if line.is_request and line.method.upper() != b"ACK" and not host.context.is_reply_forbidden:
        host.answer(code, reason)
    return False


def _forbid_reply(host: MessageHost) -> bool:
    host.context.is_reply_forbidden = True
    return False


def _cannot_be_reached(host: MessageHost, key: bytes) -> bool:
    """Whether a header may stand behind one that cannot be parsed."""
    return host.context.header(key) is None and host.context.message.broken_at is not None


def _is_uint(text: bytes) -> bool:
    """str2valid_uint."""
    return _UINT.fullmatch(text) is not None and int(text or b"0") <= _MOST_UINT


def _version(host: MessageHost, _: int) -> bool:
    """In a reply its reason stands in the place of the version."""
    line = host.context.message.first_line
    text = line.reason if line.is_reply else line.version
    slash, number = text.partition(b"/")[1:]
    if not text or number == b"2.0":
        return True
    return _refuse(host, 505, "Version Not Supported (R-URI)") if slash else False


def _request_uri(host: MessageHost, _: int) -> bool:
    return host.context.uri(host.context.request_uri) is not None or _refuse(host, 400, "Bad Request URI")


def _required_headers(host: MessageHost, _: int) -> bool:
    context = host.context
    if not all(context.header(key) for key in _IDENTIFYING):
        context.fault = Fault.HEADER_MISSING
        return _forbid_reply(host)
    if context.message.broken_at is not None:
        return _refuse(host, 400, "Bad Headers")
    return all(len(context.message.all_headers(key)) == 1 for key in _IDENTIFYING)


def _first_via(host: MessageHost, _: int) -> bool:
    via = first_via(host.context.message)
    return (via is not None and bool(via.host)) or _forbid_reply(host)


def _cseq_method(host: MessageHost, _: int) -> bool:
    message = host.context.message
    if host.context.header(b"cseq") is None:
        return _forbid_reply(host) if message.broken_at is not None else False
    line = message.first_line
    is_same = message.cseq[1] == (line.version if line.is_reply else line.method)
    return is_same or _refuse(host, 400, "CSeq method does not match request method")


def _cseq_number(host: MessageHost, _: int) -> bool:
    if host.context.header(b"cseq") is None:
        return _forbid_reply(host)
    return _is_uint(host.context.message.cseq[0]) or _refuse(host, 400, "CSeq number is illegal")


def _content_length(host: MessageHost, _: int) -> bool:
    message = host.context.message
    if _cannot_be_reached(host, b"content-length"):
        return _refuse(host, 400, "Content-Length Failure")
    length = message.content_length
    if length is None:
        return True
    if message.body is None or message.broken_at is not None:
        return _refuse(host, 400, "Content-Length Body Failure")
    return len(message.body) == length or _refuse(host, 400, "Content-Length mis-match")


def _expires(host: MessageHost, _: int) -> bool:
    if _cannot_be_reached(host, b"expires"):
        return _refuse(host, 400, "Bad Expires Header")
    header = host.context.header(b"expires")
    if header is None:
        return True
    text = header.body.strip(_WHITE)
    if not text:
        return _refuse(host, 400, "Bad Expires Header")
    # core/parser/parse_expires.c: of a short text what is in front of white space, where it is a number.
    words = text.split(None, 1)
    number = words[0] if len(text) <= len(b"4294967296") and words[0].isdigit() else text
    return _is_uint(number) or _refuse(host, 400, "Expires value is illegal")


def _proxy_require(host: MessageHost, _: int) -> bool:
    """No extension is known, as none is configured: the first one is named in the reply."""
    if _cannot_be_reached(host, b"proxy-require"):
        return _refuse(host, 400, "Bad Proxy Require Header")
    header = host.context.header(b"proxy-require")
    if header is None:
        return True
    names = header.body.strip(_WHITE)
    if not names:
        return _refuse(host, 400, "Bad Proxy Require Header")
    host.context.reply_headers.append(b"Unsupported: " + names.partition(b",")[0].rstrip(_WHITE) + b"\r\n")
    return _refuse(host, 420, "Bad Proxy Require Extension")


def _uris(host: MessageHost, checks: int) -> bool:
    if checks & _REQUEST and not _request_uri(host, 0):
        return False
    if checks & _FROM and not _party(host, b"from", "Invalid From Header"):
        return False
    if checks & _TO and not _party(host, b"to", "Ivalid To Header"):
        return False
    return not checks & _CONTACT or _contact(host)


def _party(host: MessageHost, key: bytes, reason: str) -> bool:
    context = host.context
    party = context.party(key)
    if party is not None and context.uri(party.uri) is not None:
        return True
    return _forbid_reply(host) if context.header(key) is None else _refuse(host, 400, reason)


def _contact(host: MessageHost) -> bool:
    context = host.context
    found = [context.contacts(header.body) for header in context.message.all_headers(b"contact")]
    if context.message.broken_at is not None or None in found:
        return _refuse(host, 400, "Bad Contact Header")
    first = found[0] if found else None
    return not first or context.uri(first[0].uri) is not None or _refuse(host, 400, "Bad Contact URI")


def _digest(host: MessageHost, _: int) -> bool:
    """Another scheme than Digest is not checked, and yet no success."""
    return _credentials(host) is True


def _authorization(host: MessageHost, _: int) -> bool:
    return _credentials(host) is not False


def _credentials(host: MessageHost) -> bool | None:
    """None: there is another scheme (check_digest_only)."""
    message = host.context.message
    if message.broken_at is not None:
        return _refuse(host, 400, "Bad Headers")
    for header in (*message.all_headers(b"authorization"), *message.all_headers(b"proxy-authorization")):
        if not is_digest(header.body):
            return None
        found = parse_credentials(header.body)
        if reason := "Bad Auth Header" if found is None else _why_bad(found):
            return _refuse(host, 400, reason)
    return True


def _why_bad(found: Credentials) -> str:
    """check_dig_cred, and which values may not be empty."""
    needed = {b"username", b"realm", b"nonce", b"uri", b"response"}
    if found.params.get(b"qop", b"").strip(_WHITE).lower() in {b"auth", b"auth-int"}:
        needed |= {b"cnonce", b"nc"}
    if needed - found.params.keys():
        return "Bad Auth Credentials"
    names = {b"username": "User", b"nonce": "Nonce", b"response": "Response"}
    return next((f"Auth Empty {what}" for name, what in names.items() if not found.params[name]), "")


def _tags(host: MessageHost, _: int) -> bool:
    parties = [(what, host.context.party(what.lower().encode())) for what in ("From", "To")]
    if any(party is None for _, party in parties):
        return _forbid_reply(host)
    for what, party in parties:
        count = sum(param.name.lower() == b"tag" for param in party.params) if party is not None else 0
        if party is not None and party.tag is not None and count > 1:
            return _refuse(host, 400, f"Many {what} Tag Params")
    return True


_CHECKS: tuple[tuple[int, Check], ...] = (
    (1 << 0, _version),
    (1 << 1, _request_uri),
    (1 << 2, _required_headers),
    (1 << 14, _first_via),
    (1 << 5, _cseq_method),
    (1 << 6, _cseq_number),
    (1 << 7, _content_length),
    (1 << 8, _expires),
    (1 << 9, _proxy_require),
    (1 << 10, _uris),
    (1 << 11, _digest),
    (1 << 13, _authorization),
    (1 << 12, _tags),
)
"""The bit of each check, in the order in which they are made; the two that have no code are left out."""

FUNCTIONS: dict[str, Function] = {
    "sanity.sanity_check": Function("ii", _sanity_check),
    "sanity.sanity_check_defaults": Function("", lambda host: _sanity_check(host, DEFAULT_CHECKS, DEFAULT_URI_CHECKS)),
    "sanity.sanity_reply": Function("", lambda _: TRUE),
}
"""Every function offered; a reply that was put off is none here."""
