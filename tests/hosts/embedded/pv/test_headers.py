"""Headers by name; each answer is a Kamailio 5.6.3's, or a 6.0.1's where both are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded import versions

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_more_values_fit_together() -> None:
    """core/pvapi.c, PV_DEFAULT_PRINT_BUFFER_SIZE."""
    assert versions.both("$(hdr(X)[*]{s.len})", versions.message(*["X: " + "x" * 4000] * 7)) == [None, "28006"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$hdr(f)", '"Alice" <sip:alice@example.org>;tag=a1'),
        ("$(hdr(Max-Forwards)[-1])", "70"),
    ],
)
def test_a_variable_reads_as_in_kamailio(host: MessageHost, name: str, value: str | None) -> None:
    assert host.get_s(name) == value
