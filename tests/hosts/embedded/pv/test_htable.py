"""Hash tables; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.context import Environment
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import MESSAGE


@pytest.fixture
def host() -> MessageHost:
    host = MessageHost(MESSAGE, environment=Environment(hash_tables=frozenset({"table"})))
    for name, value in (("alice", "one"), ("Alan", "two"), ("e", ""), ("bob", "5")):
        host.set_s(f"$sht(table=>{name})", value)
    host.set_i("$sht(table=>num)", 5)
    host.set_i("$sht(table=>num2)", -5)
    return host


@pytest.mark.parametrize(
    ("pattern", "names", "values"),
    [
        ("~~^a", 2, 0),
        ("^a|b", 3, 0),
        ("a", 2, 0),
        ("e", 2, 1),
        ("~%e", 2, 1),
        ("%~al", 1, 0),
        ("%~Al", 1, 0),
        ("==alice", 1, 0),
        ("==5", 0, 1),
        ("5", 0, 1),
        ("eq5", 0, 1),
        ("eq+5", 0, 1),
        ("eq5x", 0, 1),
        ("eq-5", 0, 1),
        ("**", 6, 6),
        ("**x", 6, 6),
        ("eq", 0, 0),
        ("==", 0, 0),
        ("~~", 0, 0),
        ("[", 0, 0),
        ("re.*", 0, 0),
        ("neone", 0, 0),
        ("", 0, 0),
    ],
)
def test_items_are_counted_by_name_and_by_value(host: MessageHost, pattern: str, names: int, values: int) -> None:
    host.set_s("$var(p)", pattern)

    assert (host.get_i("$shtcn(table=>$var(p))"), host.get_i("$shtcv(table=>$var(p))")) == (names, values)


@pytest.mark.parametrize(
    ("name", "is_null"),
    [
        ("table=>alice", 0),
        (" table\t=>alice", 0),
        ("table=> alice", 1),
        ("table=>alice ", 1),
        ("TABLE=>alice", 1),
        ("=>alice", 1),
        ("ta ble=>alice", -1),
        ("table= >alice", -1),
        ("table==>alice", -1),
        ("table=alice", -1),
    ],
)
def test_white_space_counts_but_for_that_around_the_table(host: MessageHost, name: str, is_null: int) -> None:
    assert host.is_null(f"$sht({name})") == is_null


def test_nothing_iterates_over_a_hash_table_and_nothing_expired(host: MessageHost) -> None:
    assert (host.is_null("$shtitkey(i)"), host.is_null("$shtrecord(key)")) == (1, -1)
