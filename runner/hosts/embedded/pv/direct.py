"""
The variables that scripts read and write most, each in one step: what ``expression`` finds in some ten.

Must not differ from it: tests/hosts/embedded/pv/test_direct.py compares the two on arbitrary messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.context import MAX_URI_SIZE, Fault
from runner.sip.uri import Scheme

from .request import rewrite, write_uri

_SIP, _NO_FAULT = Scheme.SIP, Fault.UNSPECIFIED  # a look at an Enum's member is a call of Python
_LONGEST = MAX_URI_SIZE - len("sip:@")

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.embedded.context import Context
    from runner.sip.uri import Uri


def _request_uri(context: Context) -> tuple[bytes, Uri] | None:
    line = context.message.first_line
    if line.status:
        return None
    text = line.uri if context.new_uri is None else context.new_uri
    uri = context.uri(text)
    return None if uri is None else (text, uri)


def _ru(context: Context) -> bytes | None:
    line = context.message.first_line
    text = line.uri if context.new_uri is None else context.new_uri
    return None if line.status or context.uri(text) is None else text


def _ru_user(context: Context) -> bytes | None:
    found = _request_uri(context)
    return None if found is None else found[1].user or None


def _ru_host(context: Context) -> bytes | None:
    found = _request_uri(context)
    return None if found is None else found[1].host or None


def _address(key: bytes) -> Callable[[Context], bytes | None]:
    def read(context: Context) -> bytes | None:
        header = context.message.header(key)
        party = None if header is None else context.party_in(key, header)
        if party is None or header is None:
            return None
        start = header.body_start + party.uri_start
        return context.message.data[start : start + len(party.uri)]

    return read


def _user(key: bytes) -> Callable[[Context], bytes | None]:
    def read(context: Context) -> bytes | None:
        party = context.party(key)
        uri = None if party is None else context.uri(party.uri)
        return None if uri is None else uri.user or None

    return read


def _host(key: bytes) -> Callable[[Context], bytes | None]:
    def read(context: Context) -> bytes | None:
        party = context.party(key)
        uri = None if party is None else context.uri(party.uri)
        return None if uri is None else uri.host or None

    return read


def _call_id(context: Context) -> bytes | None:
    header = context.message.header(b"call-id")
    return None if header is None else header.body


def _method(context: Context) -> bytes | None:
    message = context.message
    return message.first_line.method if message.first_line.is_request else message.method or None


def _source_ip(context: Context) -> bytes | None:
    return context.source.ip.encode()


def _header(key: bytes) -> Callable[[Context], bytes | None]:
    def read(context: Context) -> bytes | None:
        message = context.message
        header = message.header(key) if message.broken_at is None else None
        return None if header is None else header.body

    return read


_HEADERS = ("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "User-Agent", "Route", "Content-Type")

READS: dict[str, Callable[[Context], bytes | None]] = {
    "$ru": _ru,
    "$rU": _ru_user,
    "$rd": _ru_host,
    "$fu": _address(b"from"),
    "$fU": _user(b"from"),
    "$fd": _host(b"from"),
    "$tu": _address(b"to"),
    "$tU": _user(b"to"),
    "$td": _host(b"to"),
    "$ci": _call_id,
    "$rm": _method,
    "$si": _source_ip,
    **{f"$hdr({name})": _header(name.lower().encode()) for name in _HEADERS},
}
"""The text of each; None where the variable is null."""


NUMBERS: dict[str, Callable[[Context], int]] = {"$sp": lambda context: context.source.port}
"""The number of each, which always has one."""


def _write_user(context: Context, text: bytes) -> None:
    line = context.message.first_line
    uri = None if line.status else context.uri(line.uri if context.new_uri is None else context.new_uri)
    if (
        uri is None
        or uri.scheme is not _SIP
        or not text
        or uri.password is not None
        or uri.sip_params is not None
        or uri.port is not None
        or uri.headers is not None
        or len(text) + len(uri.host) > _LONGEST
    ):
        rewrite(context, user=text)
    else:
        context.fault = _NO_FAULT
        context.new_uri = b"sip:%b@%b" % (text, uri.host)


def _write_du(context: Context, text: bytes) -> None:
    context.dst_uri = text or None


WRITES: dict[str, Callable[[Context, bytes], None]] = {"$ru": write_uri, "$rU": _write_user, "$du": _write_du}
"""Each takes a text, and raises ``CannotEvaluate`` as the variable's own does."""
