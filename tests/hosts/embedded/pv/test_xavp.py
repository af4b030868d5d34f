"""Extended values; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import NINES, ZEROS

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.mark.parametrize(
    ("name", "is_null"), [("$xavp(x[0)", 0), ("$xavp(x[)", -1), ("$xavp(x[0]z)", 0), ("$xavp(x[a])", -1)]
)
def test_the_end_of_an_xavps_name_closes_its_bracket(host: MessageHost, name: str, is_null: int) -> None:
    host.set_s("$xavp(x)", "v")

    assert host.is_null(name) == is_null


def test_any_text_names_an_xavu(host: MessageHost) -> None:
    assert (host.set_s("$xavu(x[0)", "v"), host.get_s("$xavu(x[0)"), host.is_null("$xavu(x=>)")) == (0, "v", -1)


def test_an_xavp_without_values_left_shows_no_address(host: MessageHost) -> None:
    host.set_s("$xavp(w=>a)", "v")
    host.unset("$xavp(w=>a)")

    assert host.get_s("$xavp(w)") == "<<xavp:(nil)>>"


def test_a_value_in_a_list_has_a_name(host: MessageHost) -> None:
    kinds = ("$xavp({})", "$xavi({})", "$xavu({})")

    assert [host.set_s(kind.format(" "), "v") for kind in kinds] == [-1, -1, -1]
    assert [host.set_s(kind.format("=>a"), "v") for kind in kinds] == [0, 0, -1]
    assert [host.is_null(kind.format("=>a")) for kind in kinds] == [1, 1, 1]
    assert [host.unset("$xavp(a=>[0])"), host.is_null("$xavp(a=>[0])"), host.set_s("$xavp(a=>[0])", "v")] == [0, 1, -1]


def test_in_a_list_that_was_emptied_the_outer_one_is_searched(host: MessageHost) -> None:
    host.set_s("$xavp(b)", "outer")
    host.set_s("$xavp(a=>b)", "inner")
    host.unset("$xavp(a=>b)")

    assert (host.get_s("$xavp(a=>b)"), host.get_s("$xavp(a=>c)")) == ("outer", None)


@pytest.mark.parametrize(
    ("name", "is_null"),
    [
        (f"$xavp(a[{NINES}]=>b)", 1),
        (f"$xavp(a=>b[{ZEROS}1])", 1),
    ],
)
def test_a_number_as_a_name_fits_32_bits(host: MessageHost, name: str, is_null: int) -> None:
    assert host.is_null(name) == is_null
