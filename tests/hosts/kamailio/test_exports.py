"""The tables of a Kamailio, laid out in this process's own memory: what is run, and that nothing odd is believed.

tests/kamailio/test_modf_exports.py reads those of a real one.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import pytest

from runner.hosts.kamailio.exports import Exports, Server, UnreadableExports
from tests.hosts.kamailio.tables import REQUEST_ROUTE, Memory, Row, row


@pytest.mark.parametrize(
    ("rows", "refusal", "has_options"),
    [
        ([row("f", 1)], None, False),
        ([row("f", 1), row("f", 2, 1)], None, False),
        ([row("f", 1), row("f", 1, 1)], None, True),
        ([row("f", 1), row("g", 1, 2)], None, True),
        ([row("f", 1, -128)], None, True),
        ([row("f", 1, routes=0)], "it is for other modules", False),
        ([row("f", 0)], "it has no code", False),
        ([row("f", 1, fixup=1)], "it has a fixup that cannot be freed", False),
        ([row("f", 1, fixup=1, free=1)], None, False),
    ],
)
def test_a_function_runs_when_its_code_is_there_for_no_parameter_alone(
    rows: list[Row],
    refusal: str | None,
    has_options: bool,  # noqa: FBT001  # a parameter of the table above
) -> None:
    function = Exports(Memory(m=rows).server()).function("f")

    assert function is not None
    assert (function.refusal, function.has_options) == (refusal, has_options)


def test_a_function_that_takes_parameters_only_is_unknown() -> None:
    exports = Exports(Memory(m=[row("f", 1, 1), row("g", 2, -1)]).server())

    assert exports.function("f") is None
    assert exports.function("g") is None


def test_the_module_that_was_loaded_last_answers_for_a_name() -> None:
    exports = Exports(Memory(last=[row("f", 1)], first=[row("f", 2)]).server())

    found = exports.function("f")

    assert found is not None
    assert found.module == "last"


def test_a_parameter_in_another_module_counts_as_well() -> None:
    exports = Exports(Memory(a=[row("f", 7)], b=[row("g", 7, 1)]).server())

    found = exports.function("f")

    assert found is not None
    assert found.has_options


@pytest.mark.parametrize("name", ["bind_htable", "load_rr"])
def test_a_script_cannot_call_an_interface_for_other_modules(name: str) -> None:
    found = Exports(Memory(m=[row(name, 1)]).server()).function(name)

    assert found is not None
    assert found.refusal == "it is for other modules"


def test_without_tcp_its_functions_are_refused() -> None:
    memory = Memory(tcpops=[row("tcp_close_connection", 1)])

    refusals = [Exports(memory.server(is_tcp_off=off)).function("tcp_close_connection") for off in (True, False)]

    assert [found and found.refusal for found in refusals] == ["TCP is off", None]


def test_a_function_for_requests_is_known_as_one() -> None:
    exports = Exports(Memory(m=[row("f", 1, routes=REQUEST_ROUTE), row("g", 2)]).server())

    found = [exports.function(name) for name in "fg"]

    assert [function and function.is_for_replies for function in found] == [False, True]


@pytest.mark.parametrize("version", ["5.5.0", "6.2.0", "7.0.0", "x"])
def test_a_version_whose_layout_nobody_read_is_not_believed(version: str) -> None:
    with pytest.raises(UnreadableExports, match="not known"):
        Exports(Memory(m=[row("f", 1)]).server(version))


@pytest.mark.parametrize("version", ["5.6.3", "5.7.0", "5.8.6", "6.0.1", "6.1.4"])
def test_a_version_whose_layout_was_read_is(version: str) -> None:
    assert Exports(Memory(m=[row("f", 1)]).server(version)).function("f") is not None


def spoil_a_pointer(memory: Memory) -> None:
    memory.modules[0].commands = 0x10


def spoil_a_name(memory: Memory) -> None:
    memory.tables[0][0].name = 0xFFFFFFFFFFFFFFF0


def spoil_a_text(memory: Memory) -> None:
    ctypes.memset(memory.tables[0][0].name, 0xFF, 1)


def close_a_circle(memory: Memory) -> None:
    memory.modules[-1].next = ctypes.addressof(memory.modules[0])


def move_a_row(memory: Memory) -> None:
    memory.tables[0][0].module = 0


def point_behind_the_memory(memory: Memory) -> None:
    memory.modules[0].next = 0x7FFFFFFFF000


@pytest.mark.parametrize(
    "spoil",
    [spoil_a_pointer, spoil_a_name, spoil_a_text, close_a_circle, move_a_row, point_behind_the_memory],
)
def test_tables_that_cannot_be_right_are_refused_and_nobody_falls(spoil: Any) -> None:
    memory = Memory(a=[row("f", 1)], b=[row("g", 2)])
    spoil(memory)

    with pytest.raises(UnreadableExports):
        Exports(memory.server())


def test_a_table_without_an_end_is_refused() -> None:
    with pytest.raises(UnreadableExports, match="no end"):
        Exports(Memory(m=[row(f"f{number}", number + 1) for number in range(2000)]).server())


def test_a_name_at_the_end_of_the_memory_is_read() -> None:
    pages = mmap.mmap(-1, mmap.PAGESIZE)
    pages[-6:] = b"at_it\0"
    memory = Memory(m=[row("f", 1)])
    start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    memory.tables[0][0].name = start + mmap.PAGESIZE - 6

    assert Exports(memory.server()).function("at_it") is not None


def test_a_function_that_kamailio_finds_elsewhere_is_refused() -> None:
    memory = Memory(m=[row("f", 1)])
    exports = Exports(Server("5.6.3", memory.server().first_module, lambda _name: 0x1000, is_tcp_off=False))

    with pytest.raises(UnreadableExports, match="elsewhere"):
        exports.function("f")
