"""
The functions of the modules that this process of Kamailio has loaded, and which of them need no parameter.

They are read from Kamailio's own tables in memory. Standard library only: it is imported by the Python that Kamailio
embeds, at the first ``ModF`` of a process. Must not follow a pointer of Kamailio: memory is read by a system call that
fails on a bad address, where ctypes would end the server. Must change nothing but the numbers of ``begin_action``
and ``end_action``. Facts: core/sr_module.h and core/sr_module.c, the same from 5.6.0 to 6.1.4.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The releases whose sr_module.h was read. A later one may lay out its tables differently.
_KNOWN_VERSIONS = re.compile(r"5\.[678]\.\d+|6\.[01]\.\d+")
_VAR_PARAM_NO = -128  # sr_module.h: any number of parameters
_NAME = re.compile(rb"[\x21-\x7e]{1,127}")
_NO_ERROR = -1  # core/error.h, E_UNSPEC
_LONGEST_NAME_BYTES = 128
_PAGE_BYTES = 4096
_MOST_MODULES = 1000  # Debian packages about 230
_MOST_COMMANDS = 1000  # the longest table, of textops, has about 100

_ON_REPLIES = (1 << 2) | (1 << 7)  # route_struct.h: TM_ONREPLY_ROUTE, CORE_ONREPLY_ROUTE

_LETS_OTHERS_IN = ("bind_", "load_")
# Safe by the tables, but not by what they do; found by calling every function of every module.
_HARMFUL = {
    ("cfgutils", "abort"): "it ends Kamailio",
    # modules/crypto/crypto_evcb.c follows a pointer that only its own event routes put into the message.
    ("crypto", "crypto_netio_decrypt"): "it is for the events of its module",
    ("crypto", "crypto_netio_encrypt"): "it is for the events of its module",
    ("crypto", "crypto_netio_in"): "it is for the events of its module",
    ("crypto", "crypto_netio_out"): "it is for the events of its module",
}
# core/tcp_main.c, tcpconn_get: looks for the connection in a table that is not there.
_NEEDS_TCP = frozenset({"tcpops"})


class UnreadableExports(RunnerError):
    """The tables of this Kamailio were not found, or are not laid out as expected."""


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Command(ctypes.Structure):
    """``ksr_cmd_export_t``."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("function", ctypes.c_void_p),
        ("param_no", ctypes.c_int),
        ("fixup", ctypes.c_void_p),
        ("free_fixup", ctypes.c_void_p),
        ("flags", ctypes.c_uint),
        ("fixup_flags", ctypes.c_uint),
        ("module", ctypes.c_void_p),
    )


class _Module(ctypes.Structure):
    """``sr_module_t``, with its ``ksr_module_exports_t`` in the middle."""

    _fields_ = (
        ("path", ctypes.c_void_p),
        ("handle", ctypes.c_void_p),
        ("name", ctypes.c_void_p),
        ("dlflags", ctypes.c_uint),
        ("commands", ctypes.c_void_p),
        ("params", ctypes.c_void_p),
        ("rpc_methods", ctypes.c_void_p),
        ("pv_items", ctypes.c_void_p),
        ("response_f", ctypes.c_void_p),
        ("init_mod_f", ctypes.c_void_p),
        ("init_child_f", ctypes.c_void_p),
        ("destroy_mod_f", ctypes.c_void_p),
        ("modflags", ctypes.c_uint),
        ("next", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True)
class Export:
    """One row of a module's table; a name has one for each number of parameters that it takes."""

    module: str
    name: str
    parameters: int
    """How many; -128 for any number, -1 where it is for other modules only."""
    at: int
    """The address of the row."""
    function: int
    """The address of the C function."""
    routes: int
    """The kinds of routes that it may be called in, a bit each; 0 where it is for other modules."""
    keeps_a_fixup: bool
    """Whether it prepares its parameters and has nothing to free them with."""


@dataclass(frozen=True, slots=True)
class Function:
    """What Kamailio finds under a name that is called without a parameter."""

    module: str
    at: int
    refusal: str | None
    """Why it must not be called at all; None when it may."""
    has_options: bool
    """Whether it takes parameters too: then it looks at them, and a pointer that was never set is no NULL."""
    is_for_replies: bool
    """Whether a routing script may call it in a route for replies."""


@dataclass(frozen=True, slots=True)
class Server:
    """What is asked of the program that this process runs."""

    version: str
    first_module: Callable[[], int | None]
    """The address of its list of modules, 0 or None for an empty one."""
    find: Callable[[str], int | None]
    """The address of the row that it takes for a name without parameters."""
    is_tcp_off: bool


class Exports:
    """
    The functions that a routing script could call without a parameter.

    Args:
        server: Whose tables to read; the program that this process runs when it is None.

    Raises:
        UnreadableExports: The layout of the tables is unknown, or what was read cannot be right.
    """

    def __init__(self, server: Server | None = None) -> None:
        self._server = server or this_server()
        if not _KNOWN_VERSIONS.fullmatch(self._server.version):
            raise UnreadableExports(f"it is not known where Kamailio {self._server.version} keeps its functions")
        self._modules: dict[str, tuple[str, ...]] = {}
        self._functions = self._without_parameters()
        self._confirmed: set[str] = set()

    def function(self, name: str) -> Function | None:
        """
        What ``name`` without a parameter is; None when no module exports it so.

        Raises:
            UnreadableExports: Kamailio itself finds another row than was read here.
        """
        found = self._functions.get(name)
        if found is not None and name not in self._confirmed:
            if self._server.find(name) != found.at:
                raise UnreadableExports(f"Kamailio finds {name} elsewhere than in the tables read here")
            self._confirmed.add(name)
        return found

    def exporters(self, name: str) -> tuple[str, ...]:
        """The modules that export a name to the routing script, whatever parameters it takes."""
        return self._modules.get(name, ())

    def exports(self) -> Iterator[Export]:
        """Every row of every module, in the order in which Kamailio looks for a name (find_mod_export_record)."""
        at, modules = self._server.first_module(), 0
        while at:
            if modules == _MOST_MODULES:
                raise UnreadableExports(f"the list of modules has no end after {modules}")
            module = _Module.from_buffer_copy(read_memory(at, ctypes.sizeof(_Module)))
            yield from self._rows(at, module)
            at = module.next
            modules += 1

    def _rows(self, module_at: int, module: _Module) -> Iterator[Export]:
        name = _text(module.name)
        at, size = module.commands, ctypes.sizeof(_Command)
        for _ in range(_MOST_COMMANDS):
            row = _Command.from_buffer_copy(read_memory(at, size))
            if not row.name:
                return
            if row.module != module_at:
                raise UnreadableExports(f"the table of module {name} is not laid out as expected")
            yield Export(
                module=name,
                name=_text(row.name),
                parameters=row.param_no,
                at=at,
                function=row.function or 0,
                routes=row.flags,
                keeps_a_fixup=bool(row.fixup) and not row.free_fixup,
            )
            at += size
        raise UnreadableExports(f"the table of module {name} has no end after {_MOST_COMMANDS} rows")

    def _without_parameters(self) -> dict[str, Function]:
        found: dict[str, Export] = {}
        counts: dict[int, set[int]] = {}
        for row in self.exports():
            counts.setdefault(row.function, set()).add(row.parameters)
            if row.routes and row.module not in self._modules.get(row.name, ()):
                self._modules[row.name] = (*self._modules.get(row.name, ()), row.module)
            if row.parameters in {0, _VAR_PARAM_NO}:
                found.setdefault(row.name, row)
        return {
            name: Function(
                row.module,
                row.at,
                "TCP is off" if self._server.is_tcp_off and row.module in _NEEDS_TCP else _refusal(row),
                has_options=counts[row.function] != {0},
                is_for_replies=bool(row.routes & _ON_REPLIES),
            )
            for name, row in found.items()
        }


def this_server() -> Server:
    """
    The Kamailio that this process runs.

    Raises:
        UnreadableExports: It is not Kamailio, or lacks functions that every 5.6 and 6.0 has.
    """
    try:
        kamailio = ctypes.CDLL(None)
        first, find = kamailio.get_loaded_modules, kamailio.find_export_record
        version = _text(ctypes.addressof(ctypes.c_char.in_dll(kamailio, "ver_version")))
    except (OSError, AttributeError, ValueError) as error:
        raise UnreadableExports(f"this program is not a Kamailio whose modules can be read: {error}") from error
    first.argtypes, first.restype = (), ctypes.c_void_p
    find.argtypes, find.restype = (ctypes.c_char_p, ctypes.c_int, ctypes.c_int), ctypes.c_void_p
    return Server(version, first, lambda name: find(name.encode("ascii"), 0, 0), is_tcp_off())


def is_tcp_off() -> bool:
    """Whether this Kamailio runs without TCP; True when that cannot be found out."""
    try:
        return ctypes.c_int.in_dll(ctypes.CDLL(None), "tcp_disable").value != 0
    except (OSError, ValueError):
        return True


def begin_action() -> None:
    """What core/action.c, do_action does before a function, and KEMI does not: the last error is that before."""
    error, before = _number("ser_error"), _number("prev_ser_error")
    if error is not None and before is not None:
        before.value, error.value = error.value, _NO_ERROR


def end_action(value: int) -> None:
    """What it does after the function: the value is that of ``$rc``."""
    if (code := _number("_last_returned_code")) is not None:
        code.value = value


def _number(name: str) -> ctypes.c_int | None:
    try:
        return ctypes.c_int.in_dll(_libc(), name)
    except ValueError:  # another Kamailio, which has no such number
        return None


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def read_memory(address: int | None, size: int) -> bytes:
    """
    So many bytes of this process.

    Raises:
        UnreadableExports: There is no memory at this address.
    """
    buffer = ctypes.create_string_buffer(size)
    here, there = _Iovec(ctypes.addressof(buffer), size), _Iovec(address, size)
    try:
        read = _libc().process_vm_readv
    except (OSError, AttributeError) as error:
        raise UnreadableExports(f"memory cannot be read safely here: {error}") from error
    if read(os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) != size:
        raise UnreadableExports("a table of Kamailio cannot be read")
    return buffer.raw


def _text(address: int | None) -> str:
    text, at = b"", address or 0
    while len(text) < _LONGEST_NAME_BYTES:
        # Never across the end of a page: there may be no memory behind it.
        size = min(64, _PAGE_BYTES - at % _PAGE_BYTES)
        part, nul, _ = read_memory(at, size).partition(b"\0")
        text += part
        if nul:
            break
        at += size
    if not _NAME.fullmatch(text):
        raise UnreadableExports(f"expected a name in a table of Kamailio, got {text!r}")
    return text.decode("ascii")


def _refusal(row: Export) -> str | None:
    if not row.routes or row.name.startswith(_LETS_OTHERS_IN):
        # Such a function writes its module's interface over what it is given, which would be the message. Some have
        # the flags of a function for scripts (bind_htable, bind_json).
        return "it is for other modules"
    if (row.module, row.name) in _HARMFUL:
        return _HARMFUL[row.module, row.name]
    if not row.function:
        return "it has no code"
    if row.keeps_a_fixup:  # as app_mono_api.c, sr_mono_modf
        return "it has a fixup that cannot be freed"
    return None
