"""Hash tables by KSR, as a Kamailio 5.6.3 kept them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import request

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.fixture
def host() -> MessageHost:
    host = request()
    assert [call(host, *each) for each in (
        ("sets", "table", "a", "text"), ("seti", "table", "n", 5), ("setxs", "table", "b", "t\u017e", 9),
        ("setxi", "table", "m", -1, 9),
    )] == [1, 1, 1, 0]  # fmt: skip
    return host


def call(host: MessageHost, function: str, *arguments: Any) -> object:
    return host.ksr(f"htable.sht_{function}", [*arguments])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("a", ["text", "text", "text", -1]),
        ("n", [5, 5, 5, -1]),
        ("b", ["t\u017e", "t\u017e", "t\u017e", -1]),
        ("x", [None, "", "<null>", 1]),
    ],
)
def test_an_item_is_text_or_number_or_missing(host: MessageHost, name: str, values: list[object]) -> None:
    assert [call(host, function, "table", name) for function in ("get", "gete", "getw", "is_null")] == values
    assert [call(host, function, "none", name) for function in ("get", "gete", "getw", "is_null")] == [
        None, "", "<null>", 2,
    ]  # fmt: skip


def test_variables_see_the_same_items(host: MessageHost) -> None:
    assert (host.get_s("$sht(table=>a)"), host.get_s("$shtinc(table=>n)"), call(host, "get", "table", "n")) == (
        "text", "6", 6,
    )  # fmt: skip


def test_only_numbers_are_counted(host: MessageHost) -> None:
    steps = [call(host, function, "table", name) for function in ("inc", "dec") for name in ("n", "a", "x")]

    assert steps == [6, -255, -255, 5, -255, -255]


@pytest.mark.parametrize(
    ("operator", "operand", "by_name", "by_value"),
    [
        ("eq", "a", 1, -1),
        ("eq", "text", -1, 1),
        ("ne", "a", 1, 1),
        ("sw", "te", -1, 1),
        ("re", "^T.*T$", -1, 1),
        ("re", "(", -1, -1),
        ("re", "5", -1, -1),
        ("in", "a", -1, -1),
        ("eq", "", -1, -1),
    ],
)
def test_items_are_looked_for(host: MessageHost, operator: str, operand: str, by_name: int, by_value: int) -> None:
    assert call(host, "match_name", "table", operator, operand) == by_name
    assert call(host, "match_str_value", "table", operator, operand) == by_value


@pytest.mark.parametrize(
    ("function", "arguments", "value", "left"),
    [
        ("rm", ["a"], 1, "nbm"),
        ("rm", ["x"], 1, "anbm"),
        ("rm_name", ["sw", "a"], 1, "nbm"),
        ("rm_name", ["eq", "a"], -1, "anbm"),
        ("rm_value", ["re", "t"], 1, "nm"),
        ("rm_name_re", ["[ab]"], 1, "nm"),
        ("rm_value_re", ["X"], 1, "nbm"),
        ("rm_value_re", ["("], -1, "anbm"),
        ("reset", [], 0, ""),
        ("setex", ["a", 5], 1, "anbm"),
    ],
)
def test_items_are_removed(host: MessageHost, function: str, arguments: list[Any], value: int, left: str) -> None:
    assert call(host, function, "table", *arguments) == value
    assert "".join(key.decode() for key in host.context.process.hash_tables[b"table"]) == left


def test_only_6_0_removes_what_ends_with_a_text() -> None:
    for host, value in zip(versions.hosts(versions.message()), (-1, 1), strict=True):
        host.context.environment = replace(host.context.environment, hash_tables=frozenset({"table"}))

        assert [call(host, f"{what}_name", "table", "ew", "a") for what in ("rm", "match")] == [value, -1]


def test_a_table_that_is_not_configured_takes_nothing(host: MessageHost) -> None:
    written = [call(host, "sets", "none", "a", "b"), call(host, "rm", "none", "a"), call(host, "reset", "none")]

    assert written == [-1, -1, -1]
    assert [call(host, function, "none", "a") for function in ("rm_name_re", "rm_value_re")] == [1, 1]
