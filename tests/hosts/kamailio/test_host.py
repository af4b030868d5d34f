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


<<<<<<< HEAD
@pytest.mark.parametrize(
    "name",
    [
        "$(shvinc(n){s.decode.base58})",
        "$(shtinc(t=>n){s.len}{s.replace,a,b})",
        "$(shtinc(t=>$var(x)){s.stripto,7}{s.int})",
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

    assert host.get_s("$(ai{s.corehash})") is None
    assert [name for name in asked if "ai" in name] == ["$(ai{s.corehash})"]


=======
>>>>>>> w-tests-cli
@pytest.mark.parametrize("name", ["$ai", "$(ai)", "$pU", "$(pu)"])
def test_an_address_that_is_null_at_the_first_look_alone_is_null(name: str) -> None:
    pv = SimpleNamespace(is_null=lambda _: True, get=lambda _: "sip:a@a")
    host = KamailioHost(None, SimpleNamespace(pv=pv, hdr=None, pvx=SimpleNamespace(evalx=lambda *_: 1)))

    assert host.is_null(name) == 1
