"""Names that Kamailio must not be asked for; tests/kamailio/test_odd_arguments.py asks a real one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runner.hosts.kamailio.host import KamailioHost


@pytest.mark.parametrize(
    "name",
    [
        "$(shvinc(n){s.decode.base58})",
        "$(shtinc(t=>n){s.len}{s.replace,a,b})",
        "$(shtdec(t=>n){s.rm,1})",
        "$(shvinc(n){s.fmtlines,4,1}{s.rm,x})",
    ],
)
def test_a_counter_is_asked_once_whatever_its_transformations_need(name: str) -> None:
    asked: list[str] = []
    written: list[tuple[str, int]] = []

    def get(name: str) -> object:
        asked.append(name)
        return 7 if name.startswith("$(sh") else "7"

    def seti(name: str, value: int) -> bool:
        written.append((name, value))
        return True

    host = KamailioHost(None, SimpleNamespace(pv=SimpleNamespace(get=get, seti=seti), hdr=None))

    assert host.get_s(name) == "7"
    assert [name for name in asked if name.startswith("$(sh")] == [f"{name.partition('{')[0]})"]
    assert written == [("$var(app_mono_counted)", 7)]


def test_a_guard_does_not_look_at_an_address_whose_second_look_gives_another_value() -> None:
    asked: list[str] = []

    host = KamailioHost(None, SimpleNamespace(pv=SimpleNamespace(get=asked.append), hdr=None))

    assert (host.get_s("$(ai{s.corehash})"), asked) == (None, ["$(ai{s.corehash})"])
