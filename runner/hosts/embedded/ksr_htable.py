"""
KEMI's functions of module htable: hash tables in memory, which outlive the message as ``$sht`` does.

Locks and iterators are left out, as they are refused in a Kamailio. Facts: modules/htable/htable.c and ht_api.c; 6.0
has one operator more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.posix import Regex
from runner.sip.scan import wrap

from .ksr_function import FALSE, TRUE, Function, with_bytes
from .value import CannotEvaluate, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context
    from .ksr_function import Call

    Table = dict[bytes, Value]
    Test = Callable[[bytes], bool]

_NO_NUMBER = -255
_DONE, _NO_TABLE = 0, 2


def _existing(context: Context, name: bytes) -> Table:
    found = context.hash_table(name)
    if found is None:
        raise CannotEvaluate("there is no such hash table")
    return found


def _get(default: str | None) -> Call:
    def get(context: Context, name: bytes, key: bytes) -> str | int | None:
        found = context.hash_table(name)
        value = None if found is None else found.get(key)
        if value is None:
            return default
        return value.number if value.text is None or value.is_integer else value.text.decode("utf-8", "surrogateescape")

    return with_bytes(get)


def _is_null(context: Context, name: bytes, key: bytes) -> int:
    found = context.hash_table(name)
    if found is None:
        return _NO_TABLE
    return FALSE if key in found else TRUE


def _write(result: int) -> Call:
    """An item gets a text or a number; when it expires does not matter, as no table here has items that expire."""

    def write(context: Context, name: bytes, key: bytes, value: bytes | int, _: int = 0) -> int:
        _existing(context, name)[key] = Value.integer(value) if isinstance(value, int) else Value(value)
        return result

    return with_bytes(write)


def _set_expiry(context: Context, name: bytes, _key: bytes, _seconds: int) -> int:
    _existing(context, name)
    return TRUE


def _step(by: int) -> Call:
    def step(context: Context, name: bytes, key: bytes) -> int:
        found = context.hash_table(name)
        old = None if found is None else found.get(key)
        if found is None or old is None or not old.is_integer or old.number is None:
            return _NO_NUMBER
        found[key] = Value.integer(wrap(old.number + by))
        return found[key].number or 0

    return with_bytes(step)


def _remove(context: Context, name: bytes, key: bytes) -> int:
    _existing(context, name).pop(key, None)
    return TRUE


def _reset(context: Context, name: bytes) -> int:
    _existing(context, name).clear()
    return _DONE


def _test(operator: bytes, operand: bytes) -> Test:
    """What a text is compared with; an operand is needed."""
    if not operand:
        raise CannotEvaluate("there is nothing to compare with")
    match operator:
        case b"eq":
            return lambda text: text == operand
        case b"ne":
            return lambda text: text != operand
        case b"sw":
            return lambda text: text.startswith(operand)
        case b"ew":
            return lambda text: text.endswith(operand)
        case b"re":
            regex = Regex(operand, ignores_case=True, is_multiline=True)
            return lambda text: regex.match(text, 0, is_line_start=True) is not None
    raise CannotEvaluate("an operator that is not known")


def _chosen(found: Table, test: Test, *, is_by_value: bool) -> list[bytes]:
    """The keys of the items whose name, or text, passes; a number has no text."""
    if not is_by_value:
        return [key for key in found if test(key)]
    return [key for key, value in found.items() if not value.is_integer and test(value.text or b"")]


def _match(*, is_by_value: bool) -> Call:
    def match(context: Context, name: bytes, operator: bytes, operand: bytes) -> int:
        found = _existing(context, name)
        if operator == b"ew":
            raise CannotEvaluate("the operator is none of eq, ne, re and sw")
        return TRUE if _chosen(found, _test(operator, operand), is_by_value=is_by_value) else FALSE

    return with_bytes(match)


def _remove_matching(*, is_by_value: bool) -> Call:
    def remove(context: Context, name: bytes, operator: bytes, operand: bytes) -> int:
        found = _existing(context, name)
        if operator not in {b"re", b"sw"} and (operator != b"ew" or not context.environment.is_6):
            raise CannotEvaluate("the operator is neither re nor sw, nor ew of 6.0")
        for key in _chosen(found, _test(operator, operand), is_by_value=is_by_value):
            del found[key]
        return TRUE

    return with_bytes(remove)


def _remove_by_regex(*, is_by_value: bool) -> Call:
    """True for a table that there is not, too."""

    def remove(context: Context, name: bytes, pattern: bytes) -> int:
        found = context.hash_table(name)
        keys = [] if found is None else _chosen(found, _test(b"re", pattern), is_by_value=is_by_value)
        for key in keys:
            (found or {}).pop(key)
        return TRUE

    return with_bytes(remove)


FUNCTIONS: dict[str, Function] = {
    "htable.sht_get": Function("ss", _get(None)),
    "htable.sht_gete": Function("ss", _get("")),
    "htable.sht_getw": Function("ss", _get("<null>")),
    "htable.sht_is_null": Function("ss", with_bytes(_is_null)),
    "htable.sht_sets": Function("sss", _write(TRUE)),
    "htable.sht_seti": Function("ssi", _write(TRUE)),
    "htable.sht_setxs": Function("sssi", _write(TRUE)),
    "htable.sht_setxi": Function("ssii", _write(_DONE)),
    "htable.sht_setex": Function("ssi", with_bytes(_set_expiry)),
    "htable.sht_inc": Function("ss", _step(1)),
    "htable.sht_dec": Function("ss", _step(-1)),
    "htable.sht_rm": Function("ss", with_bytes(_remove)),
    "htable.sht_reset": Function("s", with_bytes(_reset)),
    **{f"htable.sht_match_{what}": Function("sss", _match(is_by_value=is_by_value))
       for what, is_by_value in (("name", False), ("str_value", True))},
    **{f"htable.sht_rm_{what}": Function("sss", _remove_matching(is_by_value=is_by_value))
       for what, is_by_value in (("name", False), ("value", True))},
    **{f"htable.sht_rm_{what}_re": Function("ss", _remove_by_regex(is_by_value=is_by_value))
       for what, is_by_value in (("name", False), ("value", True))},
}  # fmt: skip
"""Every function offered."""
