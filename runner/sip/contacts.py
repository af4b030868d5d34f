"""
Contact addresses, and those that siputils' ``encode_contact`` has packed into the user of another URI.

Must not know messages: bytes in, bytes and offsets out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .via import split_outside_quotes

_SEPARATOR = b"*"
"""siputils' contact_flds_separator where nobody sets it (siputils/utils.h, DEFAULT_SEPARATOR)."""

_PARTS = 6  # prefix, user, password, host, port, protocol


class CannotDecodeError(Exception):
    """The URI was not made by encode_contact; ``code`` is what decode_contact then returns."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def decoded(uri: bytes) -> bytes:
    """
    The address inside ``sip:prefix*user*password*host*port*protocol@public``; what follows a ``;`` stays.

    Raises:
        CannotDecodeError: Codes of siputils/contact_ops.c, decode2format less 20, and of decode_uri.
    """
    scheme, colon, rest = uri.partition(b":")
    if not uri or not colon:
        raise CannotDecodeError(-22 if uri else -1)
    packed, at, public = rest.partition(b"@")
    if not at:
        raise CannotDecodeError(-23)
    parts = packed.split(_SEPARATOR)
    if len(parts) != _PARTS:
        raise CannotDecodeError(-24 if len(parts) > _PARTS else -26)
    _, user, password, host, port, protocol = parts
    if not host:
        raise CannotDecodeError(-2)
    if password and not user:
        raise CannotDecodeError(-3)
    found = re.search(rb"[;>]", public)
    tail = public[found.start() :] if found is not None else b""
    return b"".join(
        (
            scheme + b":",
            user,
            b":" + password if password else b"",
            b"@" if user else b"",
            host,
            b":" + port if port else b"",
            b";transport=" + protocol if protocol else b"",
            tail,
        )
    )


@dataclass(frozen=True, slots=True)
class ContactUri:
    """A URI in a Contact body, with its offset there."""

    uri: bytes
    offset: int


_BRACKETED = re.compile(rb'\s*(?:"(?:[^"\\]|\\.)*"|[^<":;])*<\s*([^<>]*?)\s*>', re.DOTALL)
_BARE = re.compile(rb"\s*([^;<>\"]*?:[^;]*?)\s*(?:;|\Z)", re.DOTALL)


def uris(body: bytes) -> list[ContactUri] | None:
    """The URIs of a Contact body, none for ``*``; None when it does not parse (core/parser/contact/contact.c)."""
    if body.startswith(b"*"):
        return []
    found = []
    for offset, text in split_outside_quotes(body, b","[0]):
        address = _BRACKETED.match(text) or _BARE.match(text)
        if address is None or not address[1]:
            return None
        found.append(ContactUri(address[1], offset + address.start(1)))
    return found
