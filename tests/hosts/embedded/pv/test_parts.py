"""The message as text; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import NINES, ZEROS

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_a_byte_of_the_first_line_can_be_written_whatever_becomes_of_it(host: MessageHost) -> None:
    assert (host.set_s("$msgbuf(6)", "X"), host.get_s("$msgbuf(6)")) == (0, "X\0")


@pytest.mark.parametrize(
    ("name", "is_null"),
    [
        ("$msgbuf(+5)", 0),
        (f"$msgbuf(-{ZEROS})", 0),
        ("$msgbuf(2147483648)", -1),
        (f"$msgbuf({NINES})", -1),
    ],
)
def test_a_number_as_a_name_fits_32_bits(host: MessageHost, name: str, is_null: int) -> None:
    assert host.is_null(name) == is_null
