"""``$du`` and its parts; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$du", None),
    ],
)
def test_a_variable_reads_as_in_kamailio(host: MessageHost, name: str, value: str | None) -> None:
    assert host.get_s(name) == value
