"""Attribute-value pairs of the message: ``$avp``, newest value first (core/usr_avp.c, pv_core.c)."""

from __future__ import annotations

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.scan import INT_MAX, str2int, wrap

from .expression import Dynamic, Spec, dynamic_or, parse_whole
from .registry import ALL, Access, register
from .scriptvars import joined, stored
from .xavp import count as xavp_count

_DELIMITER = b", "  # pv_core.c, PV_FIELD_DELIM


def parse_name(text: bytes) -> bytes | int | Dynamic:
    """core/usr_avp.c, parse_avp_name: ``i:5`` is a number, ``s:x`` and ``x`` a text, ``$x`` an expression."""
    dynamic = dynamic_or(text)
    if dynamic is not None:
        return dynamic
    kind, colon, rest = text.partition(b":")
    if not colon:
        return text
    if kind in {b"s", b"S"} and rest:
        return rest
    if kind in {b"i", b"I"} and rest and (number := str2int(rest)) is not None:
        return wrap(number)
    raise CannotEvaluate(f"bad avp name {text!r}")


def _resolve(access: Access) -> bytes | int:
    name = access.name
    if not isinstance(name, Dynamic):
        return name if isinstance(name, int) else bytes(name)
    value = name.spec.read(access.context)
    if value.is_null:
        raise CannotEvaluate("null as the name of an avp")
    if value.is_integer and value.number is not None:
        return value.number
    return value.text or b""


def values(access: Access) -> list[Value]:
    """Every value of the avp, newest first."""
    name = _resolve(access)
    return [value for key, value in access.context.avps if key == name]


def _read(access: Access) -> Value:
    found = values(access)
    if not found:
        return NULL
    if access.index == ALL:
        return Value(joined([value.text or b"" for value in found], _DELIMITER, is_6=access.context.environment.is_6))
    index = access.position
    if index < 0:
        # pv_core.c, pv_get_avp counts with the search it then goes on with: only the first value is ever reached.
        # The least number is its own negative, which is below every count.
        index = 0 if index in {-len(found), -INT_MAX - 1} else len(found)
    return found[index] if 0 <= index < len(found) else NULL


def _write(access: Access, value: Value) -> None:
    name = _resolve(access)
    avps = access.context.avps
    if access.index == ALL:
        avps[:] = [pair for pair in avps if pair[0] != name]
    elif value.is_null:
        for at, (key, _) in enumerate(avps):
            if key == name:
                del avps[at]
                break
    if not value.is_null:
        if name in {0, b""}:
            raise CannotEvaluate(f"{name!r} names no avp")  # core/usr_avp.c, create_avp
        avps.insert(0, (name, stored(value)))


register(
    "avp",
    "Attribute-value pair of the message; an assignment adds a value in front, [*] replaces all.",
    "pv: pv_core.c, pv_get_avp",
    _read,
    _write,
    parse_name=parse_name,
    takes_index=True,
)


def _count(access: Access) -> Value:
    """pv_core.c, pv_get_cnt; of an xavp the values of that name."""
    spec = access.name
    if spec.variable.name == "avp":
        return Value.integer(len(values(Access(access.context, spec.name))))
    try:
        return Value.integer(xavp_count(access.context, spec.name) & 0xFFFFFFFF)
    except CannotEvaluate:
        return NULL


def _counted(text: bytes) -> Spec:
    spec = parse_whole(text)
    if spec.variable is None or spec.variable.name not in {"avp", "xavp"}:
        raise CannotEvaluate("expected an avp or xavp")
    return spec


register("cnt", "How many values an avp or xavp has.", "pv: pv_core.c, pv_get_cnt", _count, parse_name=_counted)
