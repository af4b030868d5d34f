"""Flags of the message ($mf), the script ($sf) and the first branch ($bf): as numbers, as hex, one by one."""

from __future__ import annotations

from runner.hosts.embedded.value import CannotEvaluate, Value
from runner.sip.scan import str2sint

from .registry import Access, Reader, Writer, register

_LAST_FLAG = 31
_MASK = 0xFFFFFFFF


def _parse_flag(text: bytes) -> int:
    """pv_core.c, pv_parse_flag_param: a number from 0 to 31; there are no named flags here."""
    flag = str2sint(text)
    if flag is None or not 0 <= flag <= _LAST_FLAG:
        raise CannotEvaluate(f"bad flag {text!r}")
    return flag


def _number(attribute: str) -> Reader:
    return lambda access: Value.integer(getattr(access.context, attribute) & _MASK)


def _hex(attribute: str) -> Reader:
    def read(access: Access) -> Value:
        flags = getattr(access.context, attribute) & _MASK
        return Value(b"%08x" % flags, flags)

    return read


def _one(attribute: str) -> Reader:
    return lambda access: Value.integer(getattr(access.context, attribute) >> access.name & 1)


def _write(attribute: str) -> Writer:
    def write(access: Access, value: Value) -> None:
        if value.number is None and not value.is_null:
            raise CannotEvaluate("flags need a number")
        setattr(access.context, attribute, (value.number or 0) & _MASK)

    return write


def _write_one(attribute: str) -> Writer:
    """One flag; Unset clears them all (pv_core.c, pv_set_mflag)."""

    def write(access: Access, value: Value) -> None:
        if value.is_null:
            setattr(access.context, attribute, 0)
            return
        if value.number is None:
            raise CannotEvaluate("a flag needs a number")
        flags = getattr(access.context, attribute)
        bit = 1 << access.name
        setattr(access.context, attribute, flags | bit if value.number else flags & ~bit)

    return write


for _all, _hexadecimal, _single, _attribute, _what, _function in (
    ("mf", "mF", "Mf", "flags", "the message", "pv_get_flags"),
    ("sf", "sF", "Sf", "script_flags", "the script", "pv_get_sflags"),
    ("bf", "bF", "Bf", "branch_flags", "the first branch", "pv_get_bflags"),
):
    _source = f"pv: pv_core.c, {_function}"
    register(_all, f"Flags of {_what}, as a number.", _source, _number(_attribute), _write(_attribute))
    register(
        _hexadecimal, f"Flags of {_what}, eight hexadecimal digits.", _source, _hex(_attribute), _write(_attribute)
    )
    register(
        _single,
        f"One flag of {_what}, 0 or 1; Unset clears all.",
        _source,
        _one(_attribute),
        _write_one(_attribute),
        parse_name=_parse_flag,
    )
