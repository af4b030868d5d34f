"""Headers by name: ``$hdr``, ``$hdrc`` (pv_core.c, pv_get_hdr_helper)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.header_names import key_asked_for, leading_name

from .expression import Dynamic, dynamic_or
from .registry import ALL, Access, register
from .scriptvars import joined

if TYPE_CHECKING:
    from runner.sip.message import Header, SipMessage

ANY = b"*"


def parse_name(text: bytes) -> bytes | Dynamic:
    """pv_core.c, pv_parse_hdr_name: an expression, ``*``, or characters of a header name (blanks may follow)."""
    dynamic = dynamic_or(text)
    if dynamic is not None:
        return dynamic
    if text == ANY:
        return text
    name = leading_name(text)
    if not name:
        raise CannotEvaluate(f"bad header name {text!r}")
    rest = text[len(name) :].lstrip(b" \t")
    if rest and not rest.startswith(b":"):
        raise CannotEvaluate(f"bad header name {text!r}")
    return key_asked_for(text) or name


def wanted_key(access: Access) -> bytes | None:
    """
    The key of the header that is asked for; ``*`` for any. None when a dynamic name is no header name.

    Raises:
        CannotEvaluate: The dynamic name is null.
    """
    if not isinstance(access.name, Dynamic):
        return bytes(access.name)
    value = access.name.spec.read(access.context)
    if value.text is None:
        raise CannotEvaluate("the header name is null")
    return key_asked_for(value.text)


def matching(access: Access, key: bytes) -> list[Header]:
    """The headers with that key; none at all when one header of the message cannot be parsed."""
    message = access.context.message
    if message.broken_at is not None:
        return []
    return [header for header in message.headers if key in (ANY, header.key)]


def body_value(message: SipMessage, header: Header) -> Value:
    """The body of a header of the message."""
    return Value.piece(message.data, header.body_start, len(header.body))


def pick(message: SipMessage, headers: list[Header], index: int | str | None) -> Value:
    """One of the bodies, or all joined by a comma for ``[*]``; null outside and for ``[+]``."""
    if not headers or index == "+":
        return NULL
    if index == ALL:
        return Value(joined([header.body for header in headers], b",", is_6=message.is_6))
    at = index if isinstance(index, int) else 0
    if at < 0:
        at += len(headers)
    return body_value(message, headers[at]) if 0 <= at < len(headers) else NULL


def _read(access: Access) -> Value:
    message = access.context.message
    if access.index is None and type(access.name) is bytes and access.name != ANY:  # the first one, as nearly always
        header = message.header(access.name) if message.broken_at is None else None
        return NULL if header is None else body_value(message, header)
    key = wanted_key(access)
    if key is None:
        return NULL
    return pick(message, matching(access, key), access.index)


def _count(access: Access) -> Value:
    try:
        key = wanted_key(access)
    except CannotEvaluate:
        return Value.integer(0)
    if key is None or key == ANY:
        return Value.integer(0)
    return Value.integer(len(matching(access, key)))


register(
    "hdr",
    "Body of a header; the first, [i] the one at that place, [-1] the last, [*] all joined by a comma.",
    "pv: pv_core.c, pv_get_hdr",
    _read,
    parse_name=parse_name,
    takes_index=True,
)
register(
    "hdrc",
    "How many headers of that name there are.",
    "pv: pv_core.c, pv_get_hdrc",
    _count,
    parse_name=parse_name,
)
