"""
The Record-Route header of this server (RFC 3261, 16.6): what Kamailio's module rr does in record.c.

Must not know scripts: a Context in, the function's own value out. Each header has a beginning and an end of its own,
as Kamailio's lumps have: one goes without the other, and parameters are put in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.sip.edits import OUT, Edit
from runner.sip.uri import Scheme

from .context import place_of
from .routing import is_upstream

if TYPE_CHECKING:
    from .context import Context

_DONE, _FAILED = 1, -1
_BEGINNING, _END = "beginning of a Record-Route", "end of a Record-Route"
_TERM = b">\r\n"
_MOST_PARAMS = 512  # record.c, RR_PARAM_BUF_SIZE


def record_route(context: Context, params: bytes = b"") -> int:
    """
    record.c, record_route: once a message, in front of the first header, with ;lr and the first sender's tag.

    It is doubled when the message leaves by another socket than the one it was received on.
    """
    tag = _tag(context, b"to" if is_upstream(context) else b"from") if _may_record(context) else None
    if tag is None:
        return _FAILED
    start, end = _start(context), b";lr" + tag + params + context.route_params + _TERM
    own = start + place_of(context.socket)
    _add(context, b"", b"", doubled=(start + OUT + b";r2=on", end))
    _add(context, own, end, doubled=(own + b";r2=on", end))
    context.route_params = b""
    context.is_record_routed = True
    return _DONE


def record_route_preset(context: Context, *addresses: bytes) -> int:
    """record.c, record_route_preset: a header for each address, as it is given, whatever socket it leaves by."""
    tag = _tag(context, b"from") if _may_record(context) else None
    if tag is None:
        return _FAILED
    for address in addresses:
        _add(context, _start(context) + address + tag + context.route_params, b";lr" + _TERM)
    context.is_record_routed = True
    return _DONE


def record_route_advertised(context: Context, address: bytes) -> int:
    """record.c, record_route_advertised_address: doubled when the message leaves by another transport."""
    tag = _tag(context, b"to" if is_upstream(context) else b"from") if _may_record(context) else None
    if tag is None:
        return _FAILED
    start, end = _start(context) + address, tag + b";lr" + context.route_params + _TERM
    transport = context.socket.address.proto.encode()
    _add(context, b"", b"", doubled=(start + b";transport=" + OUT + b";r2=on", end), is_by_transport=True)
    doubled = start + b";transport=" + transport + b";r2=on"
    _add(context, start, end, doubled=(doubled, end), is_by_transport=True)
    context.is_record_routed = True
    return _DONE


def add_rr_param(context: Context, param: bytes) -> int:
    """
    record.c, add_rr_param: to the two headers that are there, else to those that will be.

    A single one, of ``record_route_preset``, gets the parameter, and yet that is a failure.
    """
    ends = [edit for edit in context.edits.edits if edit.name == _END][:2]
    for edit in ends:
        edit.text = _with_param(edit.text, param)
        edit.doubled = None if edit.doubled is None else _with_param(edit.doubled, param)
    if ends:
        return _FAILED if len(ends) == 1 else _DONE
    if len(context.route_params) + len(param) > _MOST_PARAMS:
        return _FAILED
    context.route_params += param
    return _DONE


def remove_record_route(context: Context) -> int:
    """rr_mod.c, free_rr_lump: the beginning of each header that was added; its parameters and line end stay."""
    context.edits.edits = [edit for edit in context.edits.edits if edit.name != _BEGINNING]
    return _DONE


def _may_record(context: Context) -> bool:
    return not context.is_record_routed and bool(context.message.headers)


def _tag(context: Context, key: bytes) -> bytes | None:
    """The parameter ftag, empty without a tag; None where the header does not parse."""
    party = context.party(key)
    return None if party is None else b";ftag=" + party.tag if party.tag else b""


def _start(context: Context) -> bytes:
    uri = context.uri(context.request_uri)
    return b"Record-Route: <sips:" if uri is not None and uri.scheme is Scheme.SIPS else b"Record-Route: <sip:"


def _add(
    context: Context,
    beginning: bytes,
    end: bytes,
    *,
    doubled: tuple[bytes | None, bytes | None] = (None, None),
    is_by_transport: bool = False,
) -> None:
    place = context.message.headers[0].start
    for text, other, name in ((beginning, doubled[0], _BEGINNING), (end, doubled[1], _END)):
        context.edits.add(Edit(place, 0, text, other, is_by_transport, name))


def _with_param(text: bytes, param: bytes) -> bytes:
    return text.removesuffix(_TERM) + param + _TERM if text else text
