"""Selects of the transaction, where there is none; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hosts.embedded.reading import values

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_there_is_no_transaction(host: MessageHost) -> None:
    assert values(host, "tm tm.method tm.uas.status tm.uac[0].status") == ["0"] + [None] * 3
