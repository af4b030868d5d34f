"""
Which header a name stands for: Kamailio compares header *types*, so ``f`` and ``From`` are one header.

Must not know a message: names only.
"""

from __future__ import annotations

# core/parser/parse_hname2.c, _ksr_hname_chars_list: the characters a header name may have.
NAME_CHARACTERS = frozenset(b"0123456789AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPpQqRrSsTtUuVvWwXxYyZz-._+~")

# core/parser/parse_hname2.c, _ksr_hdr_map: the names that have a type of their own, in lower case.
_TYPED = (
    b"accept accept-contact accept-language allow allow-events authorization call-id call-info contact "
    b"content-disposition content-encoding content-length content-type cseq date diversion event expires from "
    b"identity identity-info max-forwards min-expires min-se organization path priority privacy proxy-authenticate "
    b"proxy-authorization proxy-require p-preferred-identity p-asserted-identity reason record-route refer-to "
    b"referred-by reject-contact remote-party-id request-disposition require retry-after route server "
    b"session-expires sip-if-match subject subscription-state supported to unsupported user-agent via "
    b"www-authenticate"
).split()

COMPACT = {
    b"a": b"accept-contact",
    b"b": b"referred-by",
    b"c": b"content-type",
    b"d": b"request-disposition",
    b"e": b"content-encoding",
    b"f": b"from",
    b"i": b"call-id",
    b"j": b"reject-contact",
    b"k": b"supported",
    b"l": b"content-length",
    b"m": b"contact",
    b"o": b"event",
    b"r": b"refer-to",
    b"s": b"subject",
    b"t": b"to",
    b"u": b"allow-events",
    b"v": b"via",
    b"x": b"session-expires",
    b"y": b"identity",
}
"""Compact form to long name, as Kamailio 5.6 knows them (RFC 3261 7.3.3 and its successors)."""

_TYPES = {name: name for name in _TYPED} | COMPACT


def header_type(name: bytes) -> bytes | None:
    """The lower-case long name when Kamailio has a type for this header, None for any other name."""
    return _TYPES.get(name.lower())


def header_key(name: bytes) -> bytes:
    """What two names of the same header have in common: the type, or the name in lower case."""
    lower = name.lower()
    return _TYPES.get(lower, lower)


def key_asked_for(text: bytes) -> bytes | None:
    """
    The key of the headers that a script means by a text; None for no header at all.

    Of a known name only its leading characters count, an unknown one is taken whole, without blanks behind it
    (core/strutils.c, cmp_hdrname_str).
    """
    trimmed = text.rstrip(b" \t\r\n")
    name = leading_name(trimmed)
    if not name:
        return None
    return header_type(name) or trimmed.lower()


def leading_name(text: bytes) -> bytes:
    """The characters at the start of ``text`` that may stand in a header name (parse_hname2_str); may be empty."""
    for at, byte in enumerate(text):
        if byte not in NAME_CHARACTERS:
            return text[:at]
    return text
