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
