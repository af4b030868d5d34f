"""Tables of KEMI laid out in this process's own memory: what a function takes, and that nothing odd is believed."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import pytest

from runner.hosts.kamailio import exports, kemi

INT, STR, BOOL, XVAL = 1, 2, 4, 8


class Memory:
    """Modules and their functions as Kamailio keeps them: name, result, and kinds of parameters."""

    def __init__(self, **modules: list[tuple[str, int, tuple[int, ...]]]) -> None:
        self._kept: list[Any] = []
        self.rows = {
            (module, name): self._row("" if module == "core" else module, name, result, parameters)
            for module, rows in modules.items()
            for name, result, parameters in rows
        }
        self.modules = (kemi._Module * len(modules))()
        for number, module in enumerate(modules):
            self.modules[number].name = self._str("" if module == "core" else module)
        self._names = [*modules]
        self.sr_kemi_lookup = _Function(self._lookup)
        self.sr_kemi_modules_size_get = _Function(lambda: len(modules))
        self.sr_kemi_modules_get = _Function(lambda: ctypes.addressof(self.modules))

    def _lookup(self, _module: Any, number: int, name: Any) -> int | None:
        wanted = name._obj.text.decode().lower()
        for (module, known), row in self.rows.items():
            if module == self._names[number] and known.lower() == wanted:
                return ctypes.addressof(row)
        return None

    def _row(self, module: str, name: str, result: int, parameters: tuple[int, ...]) -> Any:
        row = kemi._Row(self._str(module), self._str(name), result, 1)
        row.parameters[: len(parameters)] = parameters
        return row

    def _str(self, text: str) -> Any:
        if not text:
            return kemi._Str(None, 0)
        self._kept.append(ctypes.create_string_buffer(text.encode()))
        return kemi._Str(ctypes.addressof(self._kept[-1]), len(text))


class _Function(SimpleNamespace):
    def __init__(self, call: Any) -> None:
        super().__init__(call=call)

    def __call__(self, *arguments: Any) -> Any:
        return self.call(*arguments)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory(
        core=[("setuser", BOOL, (STR,)), ("is_UDP", BOOL, ())],
        pv=[("get", XVAL, (STR,))],
        tm=[("t_reply", INT, (INT, STR)), ("t_relay", INT, ())],
    )
    exports._libc()  # it keeps the true one, which reads memory
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: memory)
    return memory


def test_the_types_of_a_function_are_read(memory: Memory) -> None:
    table = kemi.Kemi()

    assert table.modules == {"pv": 1, "tm": 2}
    assert table.signature("tm", "t_reply") == ("is", "int")
    assert table.signature("tm", "t_relay") == ("", "int")
    assert table.signature("pv", "get") == ("s", "value")
    assert table.signature("", "setuser") == ("s", "bool")
    assert memory.rows


@pytest.mark.parametrize(("module", "name"), [("tm", "t_none"), ("htable", "sht_get"), ("", "none"), ("", "t_relay")])
def test_what_is_not_there_has_no_types(memory: Memory, module: str, name: str) -> None:
    assert memory.rows

    assert kemi.Kemi().signature(module, name) is None


def test_a_row_that_is_not_laid_out_as_expected_is_not_believed(memory: Memory) -> None:
    row = memory.rows["tm", "t_reply"]
    row.result = 77
    table = kemi.Kemi()

    with pytest.raises(kemi.UnreadableKemi, match=r"KSR\.tm\.t_reply is not laid out as expected"):
        table.signature("tm", "t_reply")


def test_a_name_of_another_row_is_not_believed(memory: Memory) -> None:
    memory.rows["tm", "t_relay"].name = memory.rows["tm", "t_reply"].name

    with pytest.raises(kemi.UnreadableKemi):
        kemi.Kemi().signature("tm", "t_relay")


def test_a_pointer_to_nothing_is_not_followed(memory: Memory) -> None:
    memory.rows["tm", "t_relay"].name.text = 8

    with pytest.raises(kemi.UnreadableKemi, match="cannot be read"):
        kemi.Kemi().signature("tm", "t_relay")


def test_a_program_that_is_no_kamailio_has_no_functions() -> None:
    with pytest.raises(kemi.UnreadableKemi, match="is not a Kamailio"):
        kemi.Kemi()
