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


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("a", 3),
        ("a[*]", 3),
        ("a[+]", 1),
        ("a[0]", 1),
        ("a[3]", 0),
        ("a[-1]", 1),
        ("a[-4]", 0),
        ("a=>b", 2),
        ("a[*]=>b[*]", 2),
        ("a=>b[1]", 1),
        ("a=>b[2]", 0),
        ("a=>b[-1]", 1),
        ("a[0]=>b", 0),
        ("a[2]=>b", 2),
        ("a[$var(i)]=>b", 2),
        ("a[9]=>b", 0),
        ("a[-1]=>b[0]", 1),
        ("a[-1]=>b[-3]", 0),
        ("zz=>b", 0),
        (" ", -1),
        ("a=> ", -2),
    ],
)
def test_a_count_without_an_index_is_of_all(host: MessageHost, path: str, count: int) -> None:
    for name in ("a=>b", "a[0]=>b", "a[0]=>d", "a=>c", "a"):
        host.set_s(f"$xavp({name})", "v")
    host.set_i("$var(i)", 2)

    assert host.get_i(f"$cnt($xavp({path}))") == count


def test_an_index_without_a_number_counts_nothing(host: MessageHost) -> None:
    host.set_s("$xavp(a)", "v")

    assert [host.is_null(f"$cnt($xavp({path}))") for path in ("a[$vn(x)]", "a=>b[$vn(x)]", "z=>b[$vn(x)]")] == [1] * 3
    assert host.is_null("$cnt($xavi(a))") == -1


def test_a_value_is_sought_in_the_outer_list_where_the_inner_one_was_emptied(host: MessageHost) -> None:
    host.set_s("$xavp(a=>c)", "v")
    host.unset("$xavp(a=>c)")
    host.set_s("$xavp(c)", "outer")

    assert [host.get_i(f"$cnt($xavp(a=>c{index}))") for index in ("", "[*]", "[0]", "[-1]")] == [0, 0, 1, 0]
