"""What pseudo-variables need of a URI and of a From or To body, read once per text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_SCHEMES = {b"sip": 1, b"sips": 2, b"tel": 3, b"tels": 4, b"urn": 5}
"""core/parser/msg_parser.h, enum _uri_type."""

_TRANSPORTS = {b"udp": 1, b"tcp": 2, b"tls": 3, b"sctp": 4, b"ws": 5, b"wss": 6}
_MAX_PORT = 65535
_NOT_IN_HOST = frozenset(b"@ <>\t\r\n")
_BACKSLASH, _QUOTE = 0x5C, 0x22
_MIN_URI = 5  # core/parser/parse_uri.c: shorter is "uri too short"


@dataclass(frozen=True, slots=True)
class Parts:
    """
    The parts of a URI; empty text where there is none, None where "absent" and "empty" differ.

    ``proto`` is Kamailio's number of the transport, 0 without the parameter. ``user_params`` are those inside
    the user of a sip URI with ``user=phone``.
    """

    scheme: bytes
    user: bytes = b""
    password: bytes | None = None
    host: bytes = b""
    port: bytes | None = None
    params: bytes | None = None
    headers: bytes | None = None
    transport: bytes | None = None
    proto: int = 0
    user_params: bytes | None = None

    @property
    def type(self) -> int:
        """Kamailio's number of the scheme; ``$rz`` as an integer."""
        return _SCHEMES[self.kind]

    @property
    def kind(self) -> bytes:
        """``$rz``: the scheme, but tel for a sip URI with ``user=phone`` (parse_uri.c, phone2tel)."""
        if self.scheme in {b"sip", b"sips"} and self.params is not None:
            for param in self.params.lower().split(b";"):
                if param == b"user=phone":
                    return b"tel" if self.scheme == b"sip" else b"tels"
        return self.scheme

    @property
    def is_tel(self) -> bool:
        """True for tel and tels, whose parameters belong to the number."""
        return self.scheme in {b"tel", b"tels"}


@lru_cache(maxsize=4096)
def parts(text: bytes) -> Parts | None:
    """The parts of a URI as core/parser/parse_uri.c splits it; None when it does not parse."""
    scheme, colon, rest = text.partition(b":")
    scheme = scheme.lower()
    if not colon or scheme not in _SCHEMES or len(text) < _MIN_URI:
        return None
    if scheme == b"urn":
        user, _, host = rest.partition(b":")
        return Parts(scheme, user=user, host=host)
    rest, question, headers = _split_headers(rest)
    if scheme in {b"tel", b"tels"}:
        number, semicolon, params = rest.partition(b";")
        return Parts(scheme, user=number, params=params if semicolon else None, headers=headers if question else None)
    named, password, rest = _split_user(rest)
    hostport, semicolon, params = rest.partition(b";")
    host, port = _split_port(hostport)
    if not host or set(host) & _NOT_IN_HOST or (port is not None and (not port.isdigit() or int(port) > _MAX_PORT)):
        return None
    transport = _transport(params)
    proto = _TRANSPORTS.get(transport.lower(), 0) if transport is not None else 0
    user_params = None
    if named and b"user=phone" in params.lower().split(b";"):
        # parse_uri.c, phone2tel: what follows the number in the user part are its parameters.
        named, sign, rest = named.partition(b";")
        user_params = rest if sign else None
    return Parts(
        scheme,
        named or b"",
        password,
        host,
        port or None,
        params if semicolon else None,
        headers if question else None,
        transport,
        proto,
        user_params,
    )


def _split_headers(rest: bytes) -> tuple[bytes, bytes, bytes]:
    """A ``?`` in front of the ``@`` belongs to the user."""
    at = rest.find(b"@")
    found = rest.find(b"?", max(at, 0))
    return (rest, b"", b"") if found < 0 else (rest[:found], b"?", rest[found + 1 :])


def _split_user(rest: bytes) -> tuple[bytes | None, bytes | None, bytes]:
    userinfo, sign, host = rest.partition(b"@")
    if not sign:
        return None, None, rest
    user, colon, password = userinfo.partition(b":")
    return user, password if colon else None, host


def _split_port(hostport: bytes) -> tuple[bytes, bytes | None]:
    if hostport.startswith(b"["):
        end = hostport.find(b"]")
        if end < 0:
            return b"", None
        host, rest = hostport[: end + 1], hostport[end + 1 :]
        if rest and not rest.startswith(b":"):
            return b"", None
        return host, rest[1:] if rest else None
    host, colon, port = hostport.partition(b":")
    return host, port if colon else None


def _transport(params: bytes) -> bytes | None:
    """The value of the last transport parameter, as parse_uri.c keeps it."""
    found = None
    for param in params.split(b";"):
        name, equals, value = param.partition(b"=")
        if name.lower() == b"transport" and equals and value:
            found = value
    return found


@dataclass(frozen=True, slots=True)
class Party:
    """
    A From or To body.

    Attributes:
        display: Display name with its quotes; empty for none.
        uri: Without angle brackets.
        uri_start: Offset of the URI in the body.
        tag: Value of the tag parameter; empty for none.
    """

    display: bytes
    uri: bytes
    uri_start: int
    tag: bytes


@lru_cache(maxsize=4096)
def party(body: bytes) -> Party | None:
    """Read a From or To body (core/parser/parse_addr_spec.c, parse_addr_spec); None when it does not parse."""
    at = 0
    display = b""
    if body.startswith(b'"'):
        at = _end_of_quoted(body)
        if at < 0 or b"\n" in body[:at]:
            return None
        display = body[:at]
    opening = body.find(b"<", at)
    semicolon = body.find(b";", at)
    if opening >= 0 and (semicolon < 0 or opening < semicolon or display):
        closing = body.find(b">", opening)
        if closing < 0 or b"<" in body[opening + 1 : closing]:
            return None
        display = display or body[:opening].strip()
        rest = body[closing + 1 :].strip()
        if rest and not rest.startswith(b";"):
            return None
        return Party(display, body[opening + 1 : closing], opening + 1, _tag(rest))
    if display:
        return None
    uri, _, params = body.partition(b";")
    stripped = uri.strip()
    if not stripped or b" " in stripped:
        return None
    return Party(b"", stripped, uri.index(stripped), _tag(b";" + params))


def _end_of_quoted(body: bytes) -> int:
    at = 1
    while at < len(body):
        if body[at] == _BACKSLASH:
            at += 2
            continue
        if body[at] == _QUOTE:
            return at + 1
        at += 1
    return -1


def _tag(params: bytes) -> bytes:
    for param in params.split(b";"):
        name, _, value = param.partition(b"=")
        if name.strip().lower() == b"tag":
            return value.strip()
    return b""
