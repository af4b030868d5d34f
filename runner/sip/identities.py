"""
The addresses of P-Asserted-Identity and P-Preferred-Identity (RFC 3325) as Kamailio 5.6.3 reads them.

Must not know messages: the body of one header in, a tuple or None out.
"""

from __future__ import annotations

import re
from dataclasses import replace

from .nameaddr import ToBody, parse_to_body

_WHITE = b" \t\r\n"

MAX_IDENTITIES = 10
"""core/parser/parse_ppi_pai.c, NUM_PAI_BODIES: what follows the tenth address of a header is ignored."""


def parse_identities(body: bytes) -> tuple[ToBody, ...] | None:
    """
    The addresses of one header, in order; at least one.

    Follows core/parser/parse_ppi_pai.c (parse_pai_ppi_body).

    Returns:
        None when one of the first ten does not parse or there is nothing behind a comma.
    """
    found: list[ToBody] = []
    at = 0
    while True:
        one = parse_to_body(body, at, is_list=True)
        one = _unfinished(body, at) if one is None else _up_to_end(body, one)
        if one is None:
            return None
        found.append(one)
        if body[one.end : one.end + 1] != b"," or len(found) == MAX_IDENTITIES:
            return tuple(found)
        next_at = _behind_comma(body, one.end + 1)
        if next_at is None:
            return None
        at = next_at


def _up_to_end(body: bytes, one: ToBody) -> ToBody:
    """White space at the end of the body belongs to a URI without brackets in front of it: no line end was seen."""
    is_last = not body[one.uri_start + len(one.uri) :].strip(_WHITE)
    return replace(one, uri=body[one.uri_start :]) if is_last else one


_WORD_AND_FOLD = re.compile(
    rb'[ \t]*([^ \t\r\n<>"\\;,\0]+(?:[ \t]*(?:\r\n?|\n)(?=[ \t]))+[^<>"\\;,\r\n\0]*)'
    rb'(<[ \t]*(?:([^ \t\r\n<>"\\;,\0][^ \t\r\n<>"\\\0]*)[ \t]*)?)?\Z'
)


def _unfinished(body: bytes, at: int) -> ToBody | None:
    """
    A name that the body ends in, taken for a URI when it has a fold behind its first word.

    No line end was seen behind the body, so the state that the fold saved counts: that of a URI's end. The URI goes up
    to the last word with white space behind it.
    """
    found = _WORD_AND_FOLD.match(body, at)
    if found is None:
        return None
    text, bracket, open_uri = found.groups()
    display = b"" if bracket is None else text.rstrip(_WHITE)
    if open_uri is not None:
        return ToBody(display, b"", found.start(3), (), None, len(body))
    uri = text[: max(text.rfind(b" "), text.rfind(b"\t"))].rstrip(_WHITE)
    return ToBody(display, uri, found.start(1), (), None, len(body))


def _behind_comma(body: bytes, at: int) -> int | None:
    """Where the next address begins: behind blanks and one fold."""
    at += len(body[at:]) - len(body[at:].lstrip(b" \t"))
    if at >= len(body):
        return None
    for line_end in (b"\n", b"\r\n"):
        if body.startswith(line_end, at) and at + len(line_end) < len(body):
            at += len(line_end)
            return at + 1 if body[at : at + 1] in {b" ", b"\t"} else None
    return at
