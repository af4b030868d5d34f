"""What is asked of KSR, beside what tests/kamailio asks of a real Kamailio."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runner.hosts.kamailio.host import KamailioHost


@pytest.mark.parametrize("name", ["$shvinc(n)", "$(shvinc(n))", "$shtinc(t=>n)", "$shtdec(t=>n)"])
def test_a_variable_that_counts_is_asked_once(name: str) -> None:
    asked: list[str] = []

    def get(name: str) -> int:
        asked.append(name)
        return len(asked)

    host = KamailioHost(None, SimpleNamespace(pv=SimpleNamespace(get=get), hdr=None))

    assert (host.get_s(name), asked) == ("1", [name])
