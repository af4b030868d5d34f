"""Hash tables: ``$sht(table=>key)`` and what counts and expires in them (htable: ht_var.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.hosts.posix import Regex
from runner.sip.scan import wrap

from .expression import Format, parse_format
from .registry import Access, Reader, one_of, register
from .scriptvars import stored
from .server import leading_number

if TYPE_CHECKING:
    from collections.abc import Callable

_WHITE = b" \t\r\n"
_OPERATORS = frozenset({b"~~", b"~%", b"%~", b"==", b"eq", b"**"})


def _parse(text: bytes) -> tuple[bytes, Format]:
    """The table may be without a name, its key without anything; white space counts but for that around the name."""
    table, equals, key = text.lstrip(_WHITE).partition(b"=")
    name = table.rstrip(_WHITE)
    if not equals or not key.startswith(b">") or any(byte in _WHITE for byte in name):
        raise CannotEvaluate(f"expected table=>key, not {text!r}")
    return name, parse_format(key[1:])


def _table(access: Access) -> dict[bytes, Value] | None:
    return access.context.hash_table(access.name[0])


def _key(access: Access) -> bytes:
    key: Format = access.name[1]
    return key.print(access.context)


def _read(access: Access) -> Value:
    found = _table(access)
    return NULL if found is None else found.get(_key(access), NULL)


def _write(access: Access, value: Value) -> None:
    found = _table(access)
    if found is None:
        raise CannotEvaluate("no such hash table")
    if value.is_null:
        found.pop(_key(access), None)
    else:
        found[_key(access)] = stored(value)


def _read_expiry(access: Access) -> Value:
    """0 for a missing item, and for a table whose items do not expire."""
    return NULL if _table(access) is None else Value.integer(0)


def _write_expiry(access: Access, _: Value) -> None:
    if _table(access) is None:
        raise CannotEvaluate("no such hash table")


def _step(by: int) -> Reader:
    def read(access: Access) -> Value:
        found = _table(access)
        key = _key(access)
        old = None if found is None else found.get(key)
        if found is None or old is None or not old.is_integer or old.number is None:
            return NULL
        found[key] = Value.integer(wrap(old.number + by))
        return found[key]

    return read


def _matcher(pattern: bytes, *, is_by_value: bool) -> Callable[[bytes, Value], bool]:
    """
    htable: ht_api.c, ht_count_cells_re: what tells whether an item counts.

    ``~~`` and no operator are a POSIX expression in any case of letters, ``~%`` is an end, ``%~`` a start, ``==`` the
    whole text, ``eq`` a number, ``**`` all. By value, texts and numbers have operators of their own.
    """
    operator, operand = (pattern[:2], pattern[2:]) if pattern[:2] in _OPERATORS else (b"~~", pattern)
    if operator == b"**":
        return lambda _, __: True
    if not operand:
        return lambda _, __: False
    if operator == b"eq":
        wanted = leading_number(operand)
        return lambda _, value: is_by_value and value.is_integer and value.number == wanted
    accepts = _text_matcher(operator, operand)
    if is_by_value:
        return lambda _, value: not value.is_integer and accepts(value.text or b"")
    return lambda name, _: accepts(name)


def _text_matcher(operator: bytes, operand: bytes) -> Callable[[bytes], bool]:
    match operator:
        case b"~%":
            return lambda text: text.endswith(operand)
        case b"%~":
            return lambda text: text.startswith(operand)
        case b"==":
            return lambda text: text == operand
    try:
        regex = Regex(operand, ignores_case=True, is_multiline=True)
    except CannotEvaluate:
        return lambda _: False
    return lambda text: regex.match(text, 0, is_line_start=True) is not None


def _count(*, is_by_value: bool) -> Reader:
    def read(access: Access) -> Value:
        found = _table(access)
        if found is None:
            return NULL
        counts = _matcher(_key(access), is_by_value=is_by_value)
        return Value.integer(sum(counts(name, value) for name, value in found.items()))

    return read


def _parse_iterator(text: bytes) -> bytes:
    if not text:
        raise CannotEvaluate("an iterator has a name")
    return text


def _read_record(access: Access) -> Value:
    raise CannotEvaluate(f"no item expired, there is no {access.name}")


register(
    "sht",
    "Item of a hash table; null when missing.",
    "htable: ht_var.c, pv_get_ht_cell",
    _read,
    _write,
    parse_name=_parse,
)
register(
    "shtex",
    "Seconds until the item expires; 0 for never and for none.",
    "htable: ht_var.c, pv_get_ht_cell_expire",
    _read_expiry,
    _write_expiry,
    parse_name=_parse,
)
register("shtinc", "Add one to a number and give it.", "htable: ht_var.c, pv_get_ht_inc", _step(1), parse_name=_parse)
register(
    "shtdec", "Take one from a number and give it.", "htable: ht_var.c, pv_get_ht_dec", _step(-1), parse_name=_parse
)
register(
    "shtcn",
    "How many items have such a name.",
    "htable: ht_var.c, pv_get_ht_cn",
    _count(is_by_value=False),
    parse_name=_parse,
)
register(
    "shtcv",
    "How many items have such a value.",
    "htable: ht_var.c, pv_get_ht_cv",
    _count(is_by_value=True),
    parse_name=_parse,
)
register(
    "shtitkey shtitval",
    "Key and value at an iterator; always null, starting one takes a function with parameters.",
    "htable: ht_var.c, pv_get_iterator_key",
    lambda _: NULL,
    parse_name=_parse_iterator,
)
register(
    "shtrecord",
    "The item that expired, in the event's own route: key, value. Fails elsewhere.",
    "htable: ht_var.c, pv_get_ht_expired_cell",
    _read_record,
    parse_name=one_of("key", "value"),
)
