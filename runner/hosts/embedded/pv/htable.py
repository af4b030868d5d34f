"""Hash tables: ``$sht(table=>key)`` and what counts and expires in them (htable: ht_var.c)."""

from __future__ import annotations

import re

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.scan import wrap

from .expression import Format, parse_format
from .registry import Access, Reader, one_of, register
from .scriptvars import stored

_OPERATORS = (b"~~", b"~%", b"%~", b"==", b"eq", b"ne", b"re", b"sw")


def _parse(text: bytes) -> tuple[bytes, Format]:
    table, arrow, key = text.partition(b"=>")
    if not arrow or not table.strip():
        raise CannotEvaluate(f"expected table=>key, not {text!r}")
    return table.strip(), parse_format(key.lstrip(b" \t"))


def _table(access: Access) -> dict[bytes, Value] | None:
    name = access.name[0]
    if name.decode("latin-1") not in access.context.environment.hash_tables:
        return None
    return access.context.process.hash_tables.setdefault(name, {})


def _key(access: Access) -> bytes:
    key: Format = access.name[1]
    return key.print(access.context)


def _read(access: Access) -> Value:
    table = _table(access)
    return NULL if table is None else table.get(_key(access), NULL)


def _write(access: Access, value: Value) -> None:
    table = _table(access)
    if table is None:
        raise CannotEvaluate("no such hash table")
    if value.is_null:
        table.pop(_key(access), None)
    else:
        table[_key(access)] = stored(value)


def _read_expiry(access: Access) -> Value:
    """0 for a missing item, and for a table whose items do not expire."""
    return NULL if _table(access) is None else Value.integer(0)


def _write_expiry(access: Access, _: Value) -> None:
    if _table(access) is None:
        raise CannotEvaluate("no such hash table")


def _step(by: int) -> Reader:
    def read(access: Access) -> Value:
        table = _table(access)
        key = _key(access)
        old = None if table is None else table.get(key)
        if table is None or old is None or not old.is_integer or old.number is None:
            return NULL
        table[key] = Value.integer(wrap(old.number + by))
        return table[key]

    return read


def _matches(pattern: bytes, text: bytes) -> bool:
    """htable: ht_api.c, ht_count_cells_re: ``~~`` a regular expression, ``~%`` starts with, ``%~`` ends with."""
    operator, operand = pattern[:2], pattern[2:]
    match operator:
        case b"~~":
            try:
                return re.search(operand, text) is not None
            except re.error:
                return False
        case b"~%":
            return text.startswith(operand)
        case b"%~":
            return text.endswith(operand)
        case b"==" | b"eq":
            return text == operand
        case b"ne":
            return text != operand
        case b"re":
            return re.search(operand, text) is not None
        case b"sw":
            return text.startswith(operand)
    return False


def _count(*, is_by_value: bool) -> Reader:
    def read(access: Access) -> Value:
        table = _table(access)
        if table is None:
            return NULL
        pattern = _key(access)
        texts = [value.text or b"" for value in table.values()] if is_by_value else list(table)
        return Value.integer(sum(_matches(pattern, text) for text in texts))

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
