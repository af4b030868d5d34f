"""``{nameaddr.*}`` and ``{tobody.*}``: addresses. A null, empty or malformed value fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.pv.transform import Input, register
from runner.hosts.embedded.value import CannotEvaluate, Value
from runner.sip import nameaddr

if TYPE_CHECKING:
    from runner.sip.uri import Uri

_SOURCE = "modules/pv/pv_trans.c, tr_eval_nameaddr"
_TOBODY_SOURCE = "modules/pv/pv_trans.c, tr_eval_tobody"


def _nameaddr(given: Input) -> nameaddr.NameAddr:
    parsed = nameaddr.parse_nameaddr(given.needs_text())
    if parsed is None:
        raise CannotEvaluate("an angle bracket does not close")
    return parsed


@register("nameaddr.name", "the display name with its quotes and blanks", _SOURCE)
def _name(given: Input) -> Value:
    found = _nameaddr(given)
    # Without brackets it stands nowhere.
    return Value(found.name, behind=b"<"[0] if len(found.uri) < found.length else 0)


@register("nameaddr.uri", "the URI", _SOURCE)
def _uri(given: Input) -> Value:
    return Value(_nameaddr(given).uri)


@register("nameaddr.len", "the length up to the closing bracket", _SOURCE)
def _len(given: Input) -> Value:
    return Value.integer(_nameaddr(given).length)


def _tobody(given: Input) -> tuple[nameaddr.ToBody, Uri]:
    body = nameaddr.parse_to_body(given.needs_text())
    uri = None if body is None else given.uri(body.uri)
    if body is None or uri is None:
        raise CannotEvaluate("the value is no From or To body with a URI")
    return body, uri


@register("tobody.uri", "the URI", _TOBODY_SOURCE)
def _to_uri(given: Input) -> Value:
    return Value(_tobody(given)[0].uri)


@register("tobody.display", "the display name with its quotes", _TOBODY_SOURCE)
def _to_display(given: Input) -> Value:
    return Value(_tobody(given)[0].display)


@register("tobody.tag", "the tag", _TOBODY_SOURCE)
def _to_tag(given: Input) -> Value:
    tag = _tobody(given)[0].tag
    # The text was parsed with a line end behind it, so that no value ends with it.
    return Value(b"") if tag is None else Value(tag, behind=b"\r"[0])


@register("tobody.user", "the user part of the URI", _TOBODY_SOURCE)
def _to_user(given: Input) -> Value:
    return Value(_tobody(given)[1].user)


@register("tobody.host", "the host of the URI", _TOBODY_SOURCE)
def _to_host(given: Input) -> Value:
    return Value(_tobody(given)[1].host)


@register("tobody.params", "all from the first parameter on", _TOBODY_SOURCE)
def _to_params(given: Input) -> Value:
    start = _tobody(given)[0].params_start
    return Value(b"" if start is None else given.needs_text()[start:])
