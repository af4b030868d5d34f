"""
SIP, SIPS, TEL and URN URIs as Kamailio 5.6.3 reads them, which is not quite RFC 3261.

Must not know messages or pseudo-variables: bytes in, a Uri or None out.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise

MAX_PORT = 65535
MAX_PORT_DIGITS = 5


class Scheme(enum.Enum):
    """The kind of a URI; ``tels:`` is never recognised as text, only made (core/parser/parse_uri.c)."""

    SIP = b"sip"
    SIPS = b"sips"
    TEL = b"tel"
    TELS = b"tels"
    URN = b"urn"


class Proto(enum.IntEnum):
    """Transport protocols, numbered as core/ip_addr.h does: ``{urialias.encode}`` shows the number."""

    NONE = 0
    UDP = 1
    TCP = 2
    TLS = 3
    SCTP = 4
    WS = 5
    WSS = 6


@dataclass(frozen=True, slots=True)
class UriParam:
    """
    A parameter that Kamailio knows by name.

    Attributes:
        text: Name and value as written, ``ttl=1``; empty when absent.
        value: Behind the ``=``; empty when absent. A later bare ``lr`` keeps an earlier value.
    """

    text: bytes = b""
    value: bytes = b""


_ABSENT = UriParam()


@dataclass(frozen=True, slots=True)
class Uri:
    """
    A parsed URI. User and host are empty when they are missing, the other parts None.

    Attributes:
        scheme: As parsed, but TEL for a SIP URI with ``user=phone`` (Kamailio's ``phone2tel``); in 6.0 TELS for SIPS.
        written: The scheme as it stands in the text.
        user: Of a TEL URI the number; of ``urn:a:b`` the ``a``.
        host: With the brackets of an IPv6 address; empty for TEL.
        port_number: 0 without a port.
        params: Behind the first ``;``. With ``user=phone`` those inside the user part.
        sip_params: The parameters of the SIP URI itself; None for TEL and URN.
        headers: Behind the ``?``.
        proto: Of ``transport=``; NONE when absent or unknown.
        known: See ``param``.
    """

    scheme: Scheme
    written: Scheme
    user: bytes = b""
    password: bytes | None = None
    host: bytes = b""
    port: bytes | None = None
    port_number: int = 0
    params: bytes | None = None
    sip_params: bytes | None = None
    headers: bytes | None = None
    proto: Proto = Proto.NONE
    known: dict[bytes, UriParam] = field(default_factory=dict, hash=False)

    @property
    def is_phone(self) -> bool:
        """True for a SIP URI that counts as TEL (URI_SIP_USER_PHONE)."""
        return self.scheme is not self.written

    def param(self, name: bytes) -> UriParam:
        """One of ``transport ttl user method maddr lr r2 gr``; empty when the URI has not got it."""
        return self.known.get(name, _ABSENT)

    @property
    def transport(self) -> bytes:
        """The value of ``transport=``; empty when absent."""
        return self.param(b"transport").value


# What nearly every URI looks like: nothing of what the states of the authority are about.
_PLAIN = re.compile(rb"(sips?):([^@:;?\[\]]+)@([0-9A-Za-z][0-9A-Za-z.-]*)(?::([0-9]{1,4}))?(;[^@?]*)?")


@lru_cache(maxsize=4096)
def parse_uri(text: bytes) -> Uri | None:
    """Parse a URI; None where core/parser/parse_uri.c, parse_uri answers E_BAD_URI."""
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        name, user, host, port, tail = plain.groups()
        scheme = Scheme.SIP if name == b"sip" else Scheme.SIPS
        uri = Uri(scheme, scheme, user, None, host, port, int(port or b"0"))
        if tail is None:
            return uri
        completed = _parse_tail(uri, tail)
        return None if completed is None else _finish(completed)
    found = _split_scheme(text)
    if found is None:
        return None
    scheme, start = found
    parts = _parse_authority(text, start, scheme)
    if parts is None:
        return None
    uri, rest = parts
    completed = _parse_tail(uri, rest)
    return None if completed is None else _finish(completed)


@lru_cache(maxsize=4096)
def parse_uri_6(text: bytes) -> Uri | None:
    """As ``parse_uri``, the way Kamailio 6.0 does: the host of a URN is all that names it (RFC 8141)."""
    found = _split_scheme(text)
    if found is None or found[0] is not Scheme.URN:
        uri = parse_uri(text)
        return replace(uri, scheme=Scheme.TELS) if uri is not None and _is_secure_phone(uri) else uri
    name = _URN_NAME.match(text, found[1])
    if name is None:
        return None
    split = Uri(Scheme.URN, Scheme.URN, host=name.group()), text[name.end() :]
    late = _LATE_USER.match(split[1], 1)
    if late is not None:
        host = _URN_HOST.match(text, name.end() + late.end())
        if host is None:
            return None
        user = text[found[1] : name.end() + late.end(1)]
        split = replace(split[0], user=user, password=late.group(2), host=host.group()), text[host.end() :]
    if split[1][:1] not in {b"", b";", b"?"}:
        return None
    completed = _parse_tail(*split)
    return None if completed is None else _finish(completed)


def _is_secure_phone(uri: Uri) -> bool:
    return uri.is_phone and uri.written is Scheme.SIPS


_SCHEMES = {b"sip:": Scheme.SIP, b"sips": Scheme.SIPS, b"tel:": Scheme.TEL, b"urn:": Scheme.URN}
_MIN_LENGTH = 5


def _split_scheme(text: bytes) -> tuple[Scheme, int] | None:
    if len(text) < _MIN_LENGTH:
        return None
    # Kamailio lowers the four bytes by setting one bit in each, colon included.
    scheme = _SCHEMES.get(bytes(octet | 0x20 for octet in text[:4]))
    if scheme is None:
        return None
    if scheme is not Scheme.SIPS:
        return scheme, 4
    return (scheme, 5) if text[4:5] == b":" and len(text) > _MIN_LENGTH else None


# The first byte is never looked at, unless it is one of "[]:": "sip:@@h" has the user "@".
_USER_END = re.compile(rb"[@:;?\[\]]")
# What follows "user:": digits are a port or a password, anything else is a password.
_PASSWORD = re.compile(rb"([0-9]*)([^@;?\[\]:]*)")
# A ";" or "?" may still be inside the user part: if an "@" follows with at most one ":" before it, and neither
# ";" nor "?" behind that colon.
_LATE_USER = re.compile(rb"([^@:]*)(?::([^@:;?]*))?@")
_HOST = re.compile(rb"[0-9A-Za-z][0-9A-Za-z.-]*")
_HOST6 = re.compile(rb"\[[^\]\[&@;?]*\]")
_DIGITS = re.compile(rb"[0-9]*")
_URN_HOST = re.compile(rb"[0-9A-Za-z][0-9A-Za-z.:-]*|\[[^\]\[&@;?]*\]:*")
# The first byte is not looked at, the second begins a host.
_URN_NAME = re.compile(rb"\[[^\]\[&@;?]*\]:*|[^\[\]:](?:%b)" % _URN_HOST.pattern, re.DOTALL)
_TAIL = re.compile(rb"(?::[0-9]*)?[;?]")

_Split = tuple[Uri, bytes]
"""What is known up to the parameters, and the rest: empty, or from its ``;`` or ``?`` on."""


def _parse_authority(text: bytes, start: int, scheme: Scheme) -> _Split | None:
    if text[start : start + 1] == b"[":
        split = _parse_host(text, start, Uri(scheme, scheme))
        return split and _try_late_user(text, start, split)
    stop = _USER_END.search(text, start + 1)
    if text[start] in b"]:" or (stop is not None and stop.group() in b"[]"):
        return None
    if stop is None:
        return Uri(scheme, scheme, host=text[start:]), b""
    head, at = text[start : stop.start()], stop.start()
    match stop.group():
        case b"@":
            return _parse_host(text, at + 1, Uri(scheme, scheme, user=head))
        case b":":
            return _parse_after_colon(text, at + 1, Uri(scheme, scheme, user=head))
        case _:
            return _try_late_user(text, start, (Uri(scheme, scheme, host=head), text[at:]))


def _parse_after_colon(text: bytes, start: int, uri: Uri) -> _Split | None:
    """Behind ``user:`` or ``host:``: a password and a host, or a port; for a URN its second part."""
    found = _PASSWORD.match(text, start)
    # A number too large is an error also where the digits only begin a password.
    number = None if found is None else _fold_port(0, found.group(1))
    if found is None or number is None:
        return None
    rest = text[found.end() :]
    if rest[:1] == b"@":
        return _parse_host(text, found.end() + 1, replace(uri, password=found.group()))
    if found.group(2):
        is_urn = uri.scheme is Scheme.URN and not rest
        return (replace(uri, host=found.group()), b"") if is_urn else None
    port = replace(uri, user=b"", host=uri.user, port=found.group(1), port_number=number)
    return (port, rest) if rest[:1] in {b"", b";", b"?"} else None


def _parse_host(text: bytes, start: int, uri: Uri, carried_port: int = 0) -> _Split | None:
    """
    The host, and a port. ``carried_port``: digits of a port that turned out to be part of the user part still count
    in front of the real one.
    """
    is_bracketed = text[start : start + 1] == b"["
    found = (_HOST6 if is_bracketed else _HOST).match(text, start)
    if found is None:
        return None
    uri = replace(uri, host=found.group())
    at = found.end()
    end = text[at : at + 1]
    if end != b":":
        return (uri, text[at:]) if not end or end in b";?" else None
    digits = _DIGITS.match(text, at + 1)
    port = digits.group() if digits is not None else b""
    at += 1 + len(port)
    number = _fold_port(carried_port, port)
    if number is None or (at < len(text) and text[at] not in b";?"):
        return None
    return replace(uri, port=port, port_number=number), text[at:]


def _fold_port(carried: int, port: bytes) -> int | None:
    number = carried
    for digit in port:
        number = number * 10 + digit - b"0"[0]
        if number > MAX_PORT:
            return None
    return number


def _try_late_user(text: bytes, start: int, split: _Split) -> _Split | None:
    """Take all from ``start`` to an ``@`` as the user part after all, where Kamailio does."""
    uri, rest = split
    found = _LATE_USER.match(rest, 1)
    if found is None:
        return split
    rest_start = len(text) - len(rest)
    user = text[start : rest_start + found.end(1)]
    fresh = Uri(uri.scheme, uri.scheme, user=user, password=found.group(2))
    return _parse_host(text, rest_start + found.end(), fresh, uri.port_number)


def _parse_tail(uri: Uri, rest: bytes) -> Uri | None:
    """Parameters and headers: ``rest`` begins with its ``;`` or ``?``."""
    if not rest:
        return uri
    if rest[:1] == b"?":
        return _with_headers(uri, rest[1:])
    params, question, headers = rest[1:].partition(b"?")
    if b"@" in params:
        return None
    segments = params.split(b";")
    # The states of "maddr" are missing in the list of those a URI may end in: a bug, answered as E_BAD_URI.
    if not question and segments[-1] and b"maddr=".startswith(segments[-1].lower()) and len(segments[-1]) > 1:
        return None
    known: dict[bytes, UriParam] = {}
    proto = Proto.NONE
    for segment, following in pairwise([*segments, None]):
        is_end = following is None and not question
        _note_param(known, segment or b"", is_end=is_end)
        proto = _proto_of(segment or b"", proto)
    is_sip = uri.scheme in _SIP_SCHEMES
    uri = replace(uri, params=params, sip_params=params if is_sip else None, known=known, proto=proto)
    return _with_headers(uri, headers) if question else uri


def _with_headers(uri: Uri, headers: bytes) -> Uri | None:
    return None if b";" in headers or b"@" in headers else replace(uri, headers=headers)


_WITH_VALUE = frozenset({b"transport", b"ttl", b"user", b"method", b"maddr", b"lr", b"r2", b"gr"})
_WITHOUT_VALUE = frozenset({b"lr", b"r2", b"gr"})
_PROTOS = {b"udp": Proto.UDP, b"tcp": Proto.TCP, b"tls": Proto.TLS, b"sctp": Proto.SCTP, b"ws": Proto.WS}


def _note_param(known: dict[bytes, UriParam], segment: bytes, *, is_end: bool) -> None:
    raw_name, equals, value = segment.partition(b"=")
    name = raw_name.lower()
    if name not in _WITH_VALUE:
        return
    if equals and value and value[:1] != b":":
        known[name] = UriParam(segment, value)
    elif name in _WITHOUT_VALUE and (not equals or (is_end and not value)):
        known[name] = UriParam(segment, known.get(name, _ABSENT).value)


def _proto_of(segment: bytes, current: Proto) -> Proto:
    name, _, value = segment.partition(b"=")
    return _PROTOS.get(value.lower(), current) if name.lower() == b"transport" else current


_SIP_SCHEMES = (Scheme.SIP, Scheme.SIPS)


def _finish(uri: Uri) -> Uri | None:
    """The last part of parse_uri: ``user=phone``, TEL numbers, and two checks for all."""
    is_behind_at = bool(uri.user) or uri.host[:1] == b"@"
    uri = _with_number(uri)
    if len(uri.port or b"") > MAX_PORT_DIGITS:
        return None
    return None if uri.host and not uri.user and is_behind_at else uri


def _with_number(uri: Uri) -> Uri:
    if uri.scheme in _SIP_SCHEMES:
        if uri.param(b"user").value == b"phone":
            user, semicolon, params = uri.user.partition(b";")
            uri = replace(uri, scheme=Scheme.TEL, user=user, params=params if semicolon else None)
    elif uri.scheme is Scheme.TEL:
        uri = replace(uri, user=uri.host, host=b"")
    return uri


def rest_of_bad_uri(text: bytes) -> tuple[bytes, bytes]:
    """User and host that parse_uri.c had found when it gave up a URI; empty for none. Only for what does not parse."""
    found = _split_scheme(text)
    if found is None or text[found[1]] in b"]:":
        return b"", b""
    scheme, start = found
    parts = _parse_authority(text, start, scheme)
    completed = None if parts is None else _parse_tail(*parts)
    if completed is not None:
        # Refused at the very end.
        uri = _with_number(completed)
        return uri.user, uri.host
    if text[start : start + 1] == b"[":
        return _rest_from_host(text, start, b"", start)
    stop = _USER_END.search(text, start + 1)
    if stop is None or stop.group() in b"[]":
        return b"", b""
    head, at = text[start : stop.start()], stop.end()
    match stop.group():
        case b"@":
            return _rest_from_host(text, at, head, None)
        case b":":
            return _rest_from_colon(text, at, head)
    return _rest_from_tail(text, at, (b"", head), start)


def _rest_from_colon(text: bytes, at: int, head: bytes) -> tuple[bytes, bytes]:
    password = _PASSWORD.match(text, at)
    if password is None or _fold_port(0, password.group(1)) is None:
        return head, b""
    end = text[password.end() : password.end() + 1]
    if end == b"@":
        return _rest_from_host(text, password.end() + 1, head, None)
    # Digits alone are a port, and what stood in front of them is the host.
    return (b"", head) if not password.group(2) and end in {b"", b";", b"?"} else (head, b"")


def _rest_from_host(text: bytes, at: int, user: bytes, user_start: int | None) -> tuple[bytes, bytes]:
    """``user_start``: where a user would begin, if there is one after all; None when it is known."""
    found = (_HOST6 if text[at : at + 1] == b"[" else _HOST).match(text, at)
    if found is None or text[found.end() : found.end() + 1] not in {b"", b":", b";", b"?"}:
        return user, b""
    rest = user, found.group()
    tail = _TAIL.match(text, found.end())
    return rest if tail is None or user_start is None else _rest_from_tail(text, tail.end(), rest, user_start)


def _rest_from_tail(text: bytes, at: int, rest: tuple[bytes, bytes], user_start: int) -> tuple[bytes, bytes]:
    late = _LATE_USER.match(text, at)
    return rest if late is None else _rest_from_host(text, late.end(), text[user_start : late.end(1)], None)
