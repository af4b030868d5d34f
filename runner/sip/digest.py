"""
Digest credentials: the parameters of an Authorization or Proxy-Authorization body, as Kamailio 5.6.3 reads them.

Must not know messages: a body in, its parameters out. Follows core/parser/digest/digest_parser.c (parse_digest_cred)
and param_parser.c (parse_param_name), which are looser than RFC 7616, 3.4 in some places and stricter in others.
"""

from __future__ import annotations

from dataclasses import dataclass

_WHITE = b" \t\r\n"
_SCHEME = b"digest"
_SHORTEST_NAME = 4
_SHORTEST_NAME_WITH_DOMAIN = 3


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    Credentials that could be read.

    Attributes:
        params: The known ones by lower-case name, without quotes; of a name that is repeated, the last.
    """

    params: dict[bytes, bytes]

    @property
    def user(self) -> bytes | None:
        """``bob`` of ``sip:bob@example.com``; None without a username."""
        if b"username" not in self.params:
            return None
        user = self._split()[0]
        return user.partition(b":")[2] if b":" in user and self._has_parts() else user

    @property
    def domain(self) -> bytes | None:
        """``example.com`` of ``bob@example.com``; None without an ``@``."""
        _, at, domain = self._split()
        return domain if at else None

    def _split(self) -> tuple[bytes, bytes, bytes]:
        whole = self.params.get(b"username", b"")
        return whole.partition(b"@") if self._has_parts() else (whole, b"", b"")

    def _has_parts(self) -> bool:
        """digest_parser.c, parse_username: a text of two bytes is not taken apart."""
        return len(self.params.get(b"username", b"")) >= _SHORTEST_NAME_WITH_DOMAIN


def parse_credentials(body: bytes) -> Credentials | None:
    """The credentials in a header body; None for another scheme, and where one parameter cannot be read."""
    if not is_digest(body):
        return None
    text = body.lstrip(_WHITE)
    at = _skip_white(text, len(_SCHEME) + 1)
    params: dict[bytes, bytes] = {}
    while True:
        name, at = _parse_name(text, at)
        if at < 0:
            return None
        at = _skip_white(text, at + 1)
        value, at = _parse_value(text, at)
        if at < 0:
            return None
        if name:
            params[name] = value
        comma = text.find(b",", at)
        if comma < 0:
            return Credentials(params)
        at = _skip_white(text, comma + 1)


def is_digest(body: bytes) -> bool:
    """Whether the scheme is Digest, and not cut off behind its name."""
    text = body.lstrip(_WHITE)
    behind = text[len(_SCHEME) : len(_SCHEME) + 1]
    return text[: len(_SCHEME)].lower() == _SCHEME and bool(behind) and behind in b" \t\r\n,"


def _skip_white(text: bytes, at: int) -> int:
    while text[at : at + 1] and text[at] in _WHITE:
        at += 1
    return at


def _parse_value(text: bytes, at: int) -> tuple[bytes, int]:
    """A quoted value, in which a backslash hides nothing, or a token; and the offset behind it, -1 for neither."""
    if text[at : at + 1] == b'"':
        end = text.find(b'"', at + 1)
        return (text[at + 1 : end], end + 1) if end >= 0 else (b"", -1)
    end = at
    while text[end : end + 1] and text[end] not in b" \t\r\n,":
        end += 1
    return text[at:end], end if end > at else -1


def _parse_name(text: bytes, at: int) -> tuple[bytes, int]:
    """
    The known name there, empty for any other; and the offset of its ``=``, -1 for none.

    param_parser.c compares four bytes at a time and looks for the ``=`` of an unknown name behind what it has
    compared: one that begins with ``real`` or ``nonc`` can therefore take the ``=`` of the next parameter.
    """
    found, end = _known_name(text, at) if len(text) - at >= _SHORTEST_NAME else (b"", at)
    if found:
        equals = _skip_white(text, end)
        if text[equals : equals + 1] == b"=":
            return found, equals
    return b"", text.find(b"=", end)


_LONG_NAMES = {
    b"user": b"username",
    b"resp": b"response",
    b"cnon": b"cnonce",
    b"opaq": b"opaque",
    b"algo": b"algorithm",
}
_SHORT_NAMES = (b"uri", b"qop", b"nc")


def _known_name(text: bytes, at: int) -> tuple[bytes, int]:
    """The known name that the text begins with, empty for none; and how far was compared."""
    start = text[at : at + 4].lower()
    if start in _LONG_NAMES:
        return _rest_of(_LONG_NAMES[start], text, at, 4)
    if start == b"real":
        if text[at + 4 : at + 5].lower() == b"m":
            return b"realm", at + 5
        # No case of its switch ends here: it goes on as if it had read nonc, and from there resp.
        at += 4
        start = b"nonc"
    if start == b"nonc":
        if text[at + 4 : at + 5].lower() == b"e":
            return b"nonce", at + 5
        return _rest_of(b"response", text, at + 4, 4)
    for name in _SHORT_NAMES:
        if text[at : at + len(name)].lower() == name:
            return name, at + len(name)
    return b"", at


def _rest_of(name: bytes, text: bytes, at: int, compared: int) -> tuple[bytes, int]:
    """The rest of a long name, four bytes at once, then one by one."""
    at += compared
    rest = name[compared:]
    if len(rest) >= 4:  # noqa: PLR2004 - as many as are compared at once
        if text[at : at + 4].lower() != rest[:4]:
            return b"", at
        at, rest = at + 4, rest[4:]
    for position, byte in enumerate(rest):
        if text[at + position : at + position + 1].lower() != bytes((byte,)):
            return b"", at + position
    return name, at + len(rest)
