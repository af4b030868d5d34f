"""``{nameaddr.*}`` and ``{tobody.*}``: addresses. A null, empty or malformed value fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.pv.transform import Call, register
from runner.hosts.embedded.value import CannotEvaluate, Value
from runner.sip import nameaddr

if TYPE_CHECKING:
    from runner.sip.uri import Uri

_SOURCE = "modules/pv/pv_trans.c, tr_eval_nameaddr"
_TOBODY_SOURCE = "modules/pv/pv_trans.c, tr_eval_tobody"


def _nameaddr(call: Call) -> nameaddr.NameAddr:
    parsed = nameaddr.parse_nameaddr(call.needs_text())
    if parsed is None:
        raise CannotEvaluate("an angle bracket does not close")
    return parsed


@register("nameaddr.name", "the display name with its quotes and blanks", _SOURCE)
def _name(call: Call) -> Value:
    found = _nameaddr(call)
    # Without brackets it stands nowhere.
    return Value(found.name, behind=b"<"[0] if len(found.uri) < found.length else 0)


@register("nameaddr.uri", "the URI", _SOURCE)
def _uri(call: Call) -> Value:
    return Value(_nameaddr(call).uri)


@register("nameaddr.len", "the length up to the closing bracket", _SOURCE)
def _len(call: Call) -> Value:
    return Value.integer(_nameaddr(call).length)


def _tobody(call: Call) -> tuple[nameaddr.ToBody, Uri]:
    body = nameaddr.parse_to_body(call.needs_text())
    uri = None if body is None else call.uri(body.uri)
    if body is None or uri is None:
        raise CannotEvaluate("the value is no From or To body with a URI")
    return body, uri


@register("tobody.uri", "the URI", _TOBODY_SOURCE)
def _to_uri(call: Call) -> Value:
    return Value(_tobody(call)[0].uri)


@register("tobody.display", "the display name with its quotes", _TOBODY_SOURCE)
def _to_display(call: Call) -> Value:
    return Value(_tobody(call)[0].display)


@register("tobody.tag", "the tag", _TOBODY_SOURCE)
def _to_tag(call: Call) -> Value:
    tag = _tobody(call)[0].tag
    # The text was parsed with a line end behind it, so that no value ends with it.
    return Value(b"") if tag is None else Value(tag, behind=b"\r"[0])


@register("tobody.user", "the user part of the URI", _TOBODY_SOURCE)
def _to_user(call: Call) -> Value:
    return Value(_tobody(call)[1].user)


@register("tobody.host", "the host of the URI", _TOBODY_SOURCE)
def _to_host(call: Call) -> Value:
    return Value(_tobody(call)[1].host)


@register("tobody.params", "all from the first parameter on", _TOBODY_SOURCE)
def _to_params(call: Call) -> Value:
    start = _tobody(call)[0].params_start
    return Value(b"" if start is None else call.needs_text()[start:])
