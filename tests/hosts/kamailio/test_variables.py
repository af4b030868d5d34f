"""What is asked of Kamailio for a variable, beside what tests/kamailio asks of a real one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runner.hosts.kamailio import variables
from runner.hosts.kamailio.host import KamailioHost


@pytest.mark.parametrize("name", ["$shvinc(n)", "$(shvinc(n))", "$shtinc(t=>n)", "$shtdec(t=>n)"])
def test_a_variable_that_counts_is_asked_once(name: str) -> None:
    asked: list[str] = []

    def get(name: str) -> int:
        asked.append(name)
        return len(asked)

    host = KamailioHost(None, SimpleNamespace(pv=SimpleNamespace(get=get), hdr=None))

    assert (host.get_s(name), asked) == ("1", [name])


@pytest.mark.parametrize("name", ["$ai", "$(ai)", "$pU", "$(pu)"])
def test_an_address_that_is_null_at_the_first_look_alone_is_null(name: str) -> None:
    pv = SimpleNamespace(is_null=lambda _: True, get=lambda _: "sip:a@a")
    host = KamailioHost(None, SimpleNamespace(pv=pv, hdr=None, pvx=SimpleNamespace(evalx=lambda *_: 1)))

    assert host.is_null(name) == 1


@pytest.mark.parametrize("beginning", ["$ai", "$var(shtinc(", "{"])
def test_a_name_of_megabytes_is_not_asked_for_and_not_kept(monkeypatch: pytest.MonkeyPatch, beginning: str) -> None:
    """Looking at one took seconds, and the log remembered a hundred of them whole."""
    logged: set[str] = set()
    monkeypatch.setattr(variables, "_logged", logged)
    written: list[str] = []
    binding = SimpleNamespace(pv=None, hdr=None, log=lambda _level, text: written.append(text))
    name = beginning + "a" * 8192

    host = KamailioHost(None, binding)

    assert (host.get_s(name), host.set_s(name, "a"), host.is_null(name)) == (None, -1, -1)
    assert ([len(text) < 200 for text in written], {len(known) for known in logged}) == ([True], {80})
