"""
Contact addresses, and those that siputils' ``encode_contact`` has packed into the user of another URI.

Must not know messages: bytes in, bytes and offsets out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .nameaddr import skip_quoted
from .params import Param, find_param, parse_params_at
from .scan import end_of

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
class Contact:
    """
    One address of a Contact.

    Attributes:
        name: In front of the URI, as written, without white space behind; empty for none.
        uri: Without the angle brackets around it and without white space; not parsed, may be no URI at all.
        uri_start: Its offset in the body.
        params: Behind the URI, in order.
        start: Offset of the address in the body.
        end: Offset behind it and its parameters, white space included.
    """

    name: bytes
    uri: bytes
    uri_start: int
    params: tuple[Param, ...]
    start: int
    end: int

    def param(self, name: bytes) -> Param | None:
        """The last parameter of that name, without regard to case: ``q``, ``expires``, ``+sip.instance``."""
        return find_param(self.params, name)


_WHITE = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]*")
_NAME_STOP = re.compile(rb'[<:;"]')
# A backslash in quotes hides all up to the next of ``"<>\``, which it hides as well.
_QUOTED = rb'"(?:[^"\\]|\\[^"<>\\]*["<>\\])*"'
_URI = re.compile(rb'(?:[^,;"<>]|' + _QUOTED + rb'|<(?:[^"<>]|' + _QUOTED + rb")*>)*")


def parse_contacts(body: bytes) -> tuple[Contact, ...] | None:
    """
    Parse the body of a Contact header.

    Follows core/parser/contact/contact.c (parse_contacts, skip_name, skip_uri).

    Returns:
        The addresses, the last one first, as Kamailio lists them; empty for ``*`` and what begins with it; None when
        the body does not parse.
    """
    at, size = end_of(_BLANKS, body, 0), len(body)
    if body[at : at + 1] == b"*":
        return ()
    found: list[Contact] = []
    while at < size:
        start = at
        skipped = _skip_name(body, start, size)
        if skipped is None:
            return None
        uri_start, size = skipped
        address = _URI.match(body, uri_start, size)
        at = uri_start if address is None else address.end()
        if at < size and body[at] not in b",;":
            return None
        uri = _uri(body, uri_start, at)
        if uri is None:
            return None
        params: tuple[Param, ...] = ()
        if at < size and body[at : at + 1] == b";":
            parsed = parse_params_at(body, end_of(_BLANKS, body, at + 1, size), size)
            if parsed is None:
                return None
            params, at = parsed
        found.append(Contact(body[start:uri_start].rstrip(_WHITE), *uri, params, start, at))
        if at == size:
            return tuple(reversed(found))
        # A comma, or a ">" that ended the parameters.
        at = end_of(_BLANKS, body, at + 1, size)
    return None


_SHORTEST_URI, _MOST_COMMAS = 3, 256


def parse_contacts_6(body: bytes) -> tuple[Contact, ...] | None:
    """As ``parse_contacts``, the way Kamailio 6.0 does: in order, and no URI of less than three bytes but one ``*``."""
    found = parse_contacts(body)
    if not found:
        return found
    short = [contact.uri for contact in found if len(contact.uri) < _SHORTEST_URI]
    return found[::-1] if short in ([], [b"*"]) and len(found) <= _MOST_COMMAS + 1 else None


def _skip_name(body: bytes, start: int, size: int) -> tuple[int, int] | None:
    """
    Where the URI begins, and where the body then ends.

    In front of a URI without brackets a name ends at the last blank, and the body loses its last byte: Kamailio
    counts that blank twice.
    """
    at, blank = start, -1
    while stop := _NAME_STOP.search(body, at, size):
        blank = max(blank, body.rfind(b" ", at, stop.start()), body.rfind(b"\t", at, stop.start()))
        if stop.group() == b"<":
            return stop.start(), size
        if stop.group() != b'"':
            return (start, size) if blank < 0 else (blank, size - 1)
        at = skip_quoted(body, stop.end())
    return None


def _uri(body: bytes, start: int, end: int) -> tuple[bytes, int] | None:
    """The URI and its offset; None for no text."""
    text = body[start:end].rstrip(_WHITE)
    if text[:1] == b"<" and text[-1:] == b">":
        text, start = text[1:-1], start + 1
    uri = text.strip(_WHITE)
    return (uri, start + len(text) - len(text.lstrip(_WHITE))) if uri else None
