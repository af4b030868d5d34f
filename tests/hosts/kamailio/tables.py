"""The tables of a Kamailio, laid out in this process's own memory."""

from __future__ import annotations

import ctypes
from typing import Any

from runner.hosts.kamailio import exports
from runner.hosts.kamailio.exports import Server

ANY_ROUTE, REQUEST_ROUTE = 0xFFFFFFFF, 1
Row = tuple[str, int, int, int, int, int]
"""Name, C function, parameters, fixup, its free, routes."""


class Memory:
    """Modules as Kamailio keeps them."""

    def __init__(self, **modules: list[Row]) -> None:
        self._kept: list[Any] = []
        self.modules: list[Any] = []
        self.tables: list[Any] = []
        for name, rows in modules.items():
            self._add(name, rows)
        for module, following in zip(self.modules, self.modules[1:], strict=False):
            module.next = ctypes.addressof(following)

    def server(self, version: str = "5.6.3", *, is_tcp_off: bool = False) -> Server:
        return Server(version, lambda: ctypes.addressof(self.modules[0]), self.find, is_tcp_off)

    def find(self, name: str) -> int | None:
        """As core/sr_module.c, find_mod_export_record."""
        for table in self.tables:
            for row in table:
                if row.name and ctypes.string_at(row.name) == name.encode() and row.param_no in {0, -128}:
                    return ctypes.addressof(row)
        return None

    def _add(self, name: str, rows: list[Row]) -> None:
        module = exports._Module(name=self._text(name))
        table = (exports._Command * (len(rows) + 1))()
        for row, (function, address, parameters, fixup, free, routes) in zip(table, rows, strict=False):
            row.name, row.function, row.param_no = self._text(function), address, parameters
            row.fixup, row.free_fixup, row.flags = fixup, free, routes
            row.module = ctypes.addressof(module)
        module.commands = ctypes.addressof(table)
        self.modules.append(module)
        self.tables.append(table)

    def _text(self, text: str) -> int:
        self._kept.append(ctypes.create_string_buffer(text.encode()))
        return ctypes.addressof(self._kept[-1])


def row(
    name: str, function: int, parameters: int = 0, *, routes: int = ANY_ROUTE, fixup: int = 0, free: int = 0
) -> Row:
    return name, function, parameters, fixup, free, routes
