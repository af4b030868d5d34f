"""Attribute-value pairs; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import NINES, ZEROS

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_the_least_index_reads_the_first_value_of_an_avp(host: MessageHost) -> None:
    for value in ("old", "new"):
        host.set_s("$avp(x)", value)

    assert [host.get_s(f"$(avp(x)[{index}])") for index in ("-2147483648", "2147483648")] == ["new", "new"]
    assert [host.get_s(f"$(avp(x)[{index}])") for index in ("-2147483647", "-2", "-1")] == [None, "new", None]


@pytest.mark.parametrize(
    ("name", "is_null"),
    [
        ("$avp(i:5)", 1),
        ("$avp(i:+5)", 1),
        (f"$avp(i:{ZEROS}5)", 1),
        ("$avp(i:4294967295)", 1),
        ("$avp(i:4294967296)", -1),
        (f"$avp(i:{NINES})", -1),
        ("$avp(i:-5)", -1),
        ("$avp(i:²)", -1),
    ],
)
def test_a_number_as_a_name_fits_32_bits(host: MessageHost, name: str, is_null: int) -> None:
    assert host.is_null(name) == is_null


def test_a_number_as_a_name_is_the_same_whichever_way_it_is_written(host: MessageHost) -> None:
    host.set_s("$avp(i:4294967295)", "v")
    host.set_i("$var(n)", -1)

    assert host.get_s("$avp($var(n))") == "v"


def test_zero_and_an_empty_text_name_no_avp(host: MessageHost) -> None:
    host.set_i("$var(zero)", 0)
    host.set_s("$var(empty)", "")

    assert [host.set_s(f"$avp({name})", "v") for name in ("i:0", "i:+", "$var(zero)", "$var(empty)")] == [-1] * 4
    assert host.unset("$avp(i:0)") == 0
