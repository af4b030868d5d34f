"""Flags of message, script and branch; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import NINES

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.mark.parametrize(
    ("name", "is_null"),
    [
        ("$Mf(-0)", 0),
        ("$Mf(+31)", 0),
        ("$Mf(32)", -1),
        ("$Mf(-1)", -1),
        (f"$Sf({NINES})", -1),
        ("$Bf(²)", -1),
    ],
)
def test_a_number_as_a_name_fits_32_bits(host: MessageHost, name: str, is_null: int) -> None:
    assert host.is_null(name) == is_null


@pytest.mark.parametrize("letter", ["m", "s", "b"])
def test_a_flag_is_a_bit_of_32(host: MessageHost, letter: str) -> None:
    number, hexadecimal, one = f"${letter}f", f"${letter}F", f"${letter.upper()}f"

    assert [host.set_i(f"{one}(3)", 5), host.get_i(number), host.get_s(hexadecimal)] == [0, 8, "00000008"]
    assert [host.set_i(f"{one}(31)", 1), host.get_i(number), host.get_s(hexadecimal)] == [0, -2147483640, "80000008"]
    assert [host.set_i(f"{one}(3)", 0), host.get_s(f"{one}(3)"), host.get_s(f"{one}(31)")] == [0, "0", "1"]
    assert [host.set_i(number, -1), host.get_i(number), host.get_s(number)] == [0, -1, "4294967295"]
    assert [host.unset(f"{one}(2)"), host.get_i(number), host.get_i(hexadecimal)] == [0, 0, 0]


def test_flags_of_the_message_the_script_and_the_branch_are_apart_and_numbers(host: MessageHost) -> None:
    host.set_i("$sF", 255)
    host.set_i("$bf", 7)

    assert [host.get_s(name) for name in ("$mF", "$sF", "$bF")] == ["00000000", "000000ff", "00000007"]
    assert [host.set_s("$mf", "x"), host.set_s("$Mf(1)", "1"), host.get_i("$mf")] == [-1, -1, 0]
