"""Variables of the script itself: ``$var``, ``$vz``, ``$vn``, ``$shv`` (pv_svar.c, pv_shv.c)."""

from __future__ import annotations

from runner.hosts.embedded.value import NULL, Value, buffer_size, make

from .registry import Access, register

_ZERO = Value.integer(0)


def stored(value: Value) -> Value:
    """What a variable keeps of an assigned value: the number when it is of integer type, else the text."""
    if value.is_integer and value.number is not None:
        return Value.integer(value.number)
    return make((value.text or b"", None, False, False, 0))


def joined(texts: list[bytes], delimiter: bytes, *, is_6: bool) -> bytes | None:
    """
    Every text, as Kamailio's loops join for ``[*]``: no delimiter as long as all texts were empty.

    None when that does not fit into the buffer.
    """
    size = buffer_size(is_6=is_6)
    out = b""
    for text in texts:
        if len(out) + len(b", \0") > size:  # looked at before a delimiter, as if each were ", "
            return None
        out += delimiter + text if out else text
        if len(out) >= size:
            return None
    return out


def _read_zero(access: Access) -> Value:
    return access.context.process.script_variables.get(("var", access.name), _ZERO)


def _write_zero(access: Access, value: Value) -> None:
    access.context.process.script_variables[("var", access.name)] = _ZERO if value.is_null else stored(value)


def _read_null(access: Access) -> Value:
    return access.context.process.script_variables.get(("vn", access.name), NULL)


def _write_null(access: Access, value: Value) -> None:
    access.context.process.script_variables[("vn", access.name)] = NULL if value.is_null else stored(value)


def _read_shared(access: Access) -> Value:
    return access.context.process.shared_variables.get(access.name, _ZERO)


def _write_shared(access: Access, value: Value) -> None:
    access.context.process.shared_variables[access.name] = Value(b"") if value.is_null else stored(value)


def _increase_shared(access: Access) -> Value:
    """pv_shv.c, pv_get_shvinc: 0 for a text, which stays."""
    shared = access.context.process.shared_variables
    value = shared.get(access.name, _ZERO)
    if not value.is_integer or value.number is None:
        return _ZERO
    shared[access.name] = Value.integer(value.number + 1)
    return shared[access.name]


def _name(text: bytes) -> bytes:
    return text


_SOURCE = "pv: pv_svar.c, pv_get_scriptvar; add_var"
register(
    "var vz",
    "Script variable, never null: fresh or unset it is the integer 0. Lives as long as the process.",
    _SOURCE,
    _read_zero,
    _write_zero,
    parse_name=_name,
)
register(
    "vn",
    "Script variable that is null when fresh or unset. Lives as long as the process.",
    _SOURCE,
    _read_null,
    _write_null,
    parse_name=_name,
)
register(
    "shv",
    "Shared variable; fresh it is 0, after Unset the empty text.",
    "pv: pv_shv.c, pv_get_shvar",
    _read_shared,
    _write_shared,
    parse_name=_name,
)
register(
    "shvinc",
    "Add one to a shared variable and give it; 0 for a text.",
    "pv: pv_shv.c, pv_get_shvinc",
    _increase_shared,
    parse_name=_name,
    since="6.0",
)
