"""
The addresses of P-Asserted-Identity and P-Preferred-Identity (RFC 3325) as Kamailio 5.6.3 reads them.

Must not know messages: the body of one header in, a tuple or None out.
"""

from __future__ import annotations

from dataclasses import replace

from .nameaddr import ToBody, parse_to_body

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
        if one is None:
            return None
        found.append(_up_to_end(body, one))
        if body[one.end : one.end + 1] != b"," or len(found) == MAX_IDENTITIES:
            return tuple(found)
        next_at = _behind_comma(body, one.end + 1)
        if next_at is None:
            return None
        at = next_at


def _up_to_end(body: bytes, one: ToBody) -> ToBody:
    """White space at the end of the body belongs to a URI without brackets in front of it: no line end was seen."""
    is_last = not body[one.uri_start + len(one.uri) :].strip(b" \t\r\n")
    return replace(one, uri=body[one.uri_start :]) if is_last else one


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
