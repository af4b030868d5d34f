"""
The functions that this Kamailio exports to scripting languages (KEMI), and what their parameters are.

They are read from Kamailio's own tables in memory: its Python says neither which types a function takes nor why a call
failed, and version 6 gives False for it. Standard library only: it is imported by the Python that Kamailio embeds, at
the first ``KSR`` of a process. Must not follow a pointer of Kamailio, see ``exports``. Facts: core/kemi.h and
core/kemi.c, the same from 5.6.0 to 6.1.4 but for one number; a row says its own name, so another layout is noticed.
"""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING, NamedTuple

from runner.errors import RunnerError

from .exports import UnreadableExports, read_memory

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_MODULES = 1000  # core/kemi.c, SR_KEMI_MODULES_MAX_SIZE is 1024
_MOST_PARAMETERS = 6
_KINDS = {1: "i", 2: "s", 8: "l"}  # SR_KEMIP_INT, _STR, and _LONG of 6.0
# SR_KEMIP_NONE, _INT, _BOOL, _XVAL of 5.6, which is _LONG in 6.0, and _XVAL of 6.0.
_RESULTS = {0: "none", 1: "int", 4: "bool", 8: "value", 16: "value"}


class UnreadableKemi(RunnerError):
    """The tables of this Kamailio were not found, or are not laid out as expected."""


class Signature(NamedTuple):
    """What a function takes and gives."""

    parameters: str
    """A letter each: ``i`` for a number, ``l`` for one of 64 bits, ``s`` for a text."""
    result: str
    """``int``, ``bool``, ``none``, or ``value`` for a number, a text or null."""


class _Str(ctypes.Structure):
    """``str``."""

    _fields_ = (("text", ctypes.c_void_p), ("length", ctypes.c_int))


class _Text(ctypes.Structure):
    """A ``str`` of ours."""

    _fields_ = (("text", ctypes.c_char_p), ("length", ctypes.c_int))


class _Module(ctypes.Structure):
    """``sr_kemi_module_t``."""

    _fields_ = (("name", _Str), ("rows", ctypes.c_void_p))


class _Row(ctypes.Structure):
    """``sr_kemi_t``."""

    _fields_ = (
        ("module", _Str),
        ("name", _Str),
        ("result", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("parameters", ctypes.c_int * _MOST_PARAMETERS),
    )


class Kemi:
    """
    The functions of the modules that this process has loaded; Kamailio loads all before it forks.

    Raises:
        UnreadableKemi: This program is not a Kamailio whose tables can be read.
    """

    def __init__(self) -> None:
        try:
            kamailio = ctypes.CDLL(None)
            self._lookup = kamailio.sr_kemi_lookup
            count, first = kamailio.sr_kemi_modules_size_get, kamailio.sr_kemi_modules_get
        except (OSError, AttributeError) as error:
            raise UnreadableKemi(f"this program is not a Kamailio whose functions can be read: {error}") from error
        self._lookup.argtypes = (ctypes.POINTER(_Text), ctypes.c_int, ctypes.POINTER(_Text))
        self._lookup.restype = ctypes.c_void_p
        count.argtypes, count.restype, first.argtypes, first.restype = (), ctypes.c_int, (), ctypes.c_void_p
        self.modules = _modules(first(), min(count(), _MOST_MODULES))

    def signature(self, module: str, name: str) -> Signature | None:
        """
        The types of a function; None when no loaded module has it.

        Args:
            module: Its module in ``KSR``; empty for what stands directly there.
            name: Its name in that module.

        Raises:
            UnreadableKemi: The row that Kamailio gives is not the one that was asked for.
        """
        number = self.modules.get(module) if module else 0
        if number is None:
            return None
        at = self._lookup(ctypes.byref(_text(module)), number, ctypes.byref(_text(name)))
        if at is None:
            return None
        row = _Row.from_buffer_copy(_read(at, ctypes.sizeof(_Row)))
        kinds = [kind for kind in row.parameters if kind]
        is_known = row.result in _RESULTS and all(kind in _KINDS for kind in kinds)
        if not is_known or _value(row.name).lower() != name.lower() or _value(row.module) != module:
            raise UnreadableKemi(f"the row of KSR.{module}.{name} is not laid out as expected")
        return Signature("".join(_KINDS[kind] for kind in kinds), _RESULTS[row.result])


def has_route(table: str, name: str) -> bool:
    """
    Whether kamailio.cfg has a route of this name; True where the routing script is not in kamailio.cfg.

    Args:
        table: Where Kamailio keeps routes of that kind: ``failure_rt`` (core/route.c).
        name: The route's name.

    Raises:
        UnreadableKemi: This program is not a Kamailio that has such a table.
    """
    routes = _routes(table)
    return routes is None or routes(name.encode()) >= 0


@functools.lru_cache(maxsize=8)
def _routes(table: str) -> Callable[[bytes], int] | None:
    """Gives the number of a route; None where the routing script is not in kamailio.cfg, which stays as it began."""
    try:
        kamailio = ctypes.CDLL(None)
        engine, lookup = kamailio.sr_kemi_eng_get, kamailio.route_lookup
        at = ctypes.addressof(ctypes.c_char.in_dll(kamailio, table))
    except (OSError, AttributeError, ValueError) as error:
        raise UnreadableKemi(f"the routes of this Kamailio cannot be read: {error}") from error
    engine.argtypes, engine.restype = (), ctypes.c_void_p
    lookup.argtypes, lookup.restype = (ctypes.c_void_p, ctypes.c_char_p), ctypes.c_int
    return functools.partial(lookup, at) if engine() is None else None


def _modules(at: int | None, count: int) -> dict[str, int]:
    """The number of each module. The first place of the table is the core's, which has no name."""
    size = ctypes.sizeof(_Module)
    table = _read(at, size * count)
    rows = [_Module.from_buffer_copy(table, size * number) for number in range(count)]
    return {_value(row.name): number for number, row in enumerate(rows) if number and row.name.text}


def _read(at: int | None, size: int) -> bytes:
    try:
        return read_memory(at, size)
    except UnreadableExports as error:
        raise UnreadableKemi(str(error)) from error


def _value(text: _Str) -> str:
    length = text.length
    if not 0 <= length <= 127:  # noqa: PLR2004  # no name is longer
        raise UnreadableKemi("a name in a table of Kamailio has no plausible length")
    return _read(text.text, length).decode("ascii", "replace") if length else ""


def _text(value: str) -> _Text:
    data = value.encode("ascii")
    return _Text(data, len(data))
