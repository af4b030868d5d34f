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


def test_an_avp_has_every_value_that_was_written_newest_first(host: MessageHost) -> None:
    host.set_s("$avp(a)", "1")
    host.set_i("$avp(s:a)", 2)

    assert [host.get_s(f"$(avp(a)[{index}])") for index in (0, 1, 2)] == ["2", "1", None]
    assert (host.get_i("$avp(a)"), host.get_s("$cnt($avp(a))")) == (2, "2")


def test_unset_takes_the_newest_value_and_a_star_stands_for_all(host: MessageHost) -> None:
    for value in ("1", "2"):
        host.set_s("$avp(a)", value)

    assert (host.unset("$avp(a)"), host.get_s("$avp(a)"), host.get_i("$cnt($avp(a))")) == (0, "1", 1)
    host.set_s("$avp(a)", "3")
    assert (host.set_s("$(avp(a)[*])", "x"), host.get_s("$avp(a)"), host.get_i("$cnt($avp(a))")) == (0, "x", 1)
    assert (host.unset("$(avp(a)[*])"), host.is_null("$avp(a)"), host.get_i("$cnt($avp(a))")) == (0, 1, 0)


@pytest.mark.parametrize("name", ["$avp(s:)", "$avp(x:a)", "$cnt($var(a))", "$cnt(a)"])
def test_what_names_no_avp_is_refused(host: MessageHost, name: str) -> None:
    assert host.is_null(name) == -1
