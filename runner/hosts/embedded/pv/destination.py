"""Where the message goes: ``$du`` and its parts (pv_core.c)."""

from __future__ import annotations

from dataclasses import replace

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value

from .registry import Access, Reader, register
from .request import uri_part


def _read(access: Access) -> Value:
    uri = access.context.dst_uri
    return NULL if uri is None else Value(uri)


def _write(access: Access, value: Value) -> None:
    if value.text is None and not value.is_null:
        raise CannotEvaluate("$du needs a text")
    access.context.dst_uri = value.text or None


def _part(part: str) -> Reader:
    def read(access: Access) -> Value:
        wanted = access.context.dst_uri
        uri = None if wanted is None else access.context.uri(wanted)
        if uri is None:
            return NULL
        # Unlike the R-URI's, an empty port counts as none.
        return uri_part(replace(uri, port=uri.port or None), part)

    return read


_SOURCE = "pv: pv_core.c, pv_get_dsturi_attr"
register("du duri", "Destination URI; null when unset.", "pv: pv_core.c, pv_get_dsturi", _read, _write)
register("dd", "Host of the destination URI.", _SOURCE, _part("host"))
register("dp", "Port of the destination URI.", _SOURCE, _part("port"))
register("dP", "Transport of the destination URI.", _SOURCE, _part("proto"))
