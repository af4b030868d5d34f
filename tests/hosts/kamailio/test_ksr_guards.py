"""Arguments that end, hang or fill a Kamailio; tests/kamailio/test_ksr_odd_arguments.py gives them to a real one."""

from __future__ import annotations

from typing import Any

import pytest

from runner.hosts.kamailio import ksr, ksr_guards
from tests.hosts.kamailio.ksr_rig import Kemi, Rig, refusal


@pytest.fixture(autouse=True)
def _kemi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ksr, "_known", Kemi())
    monkeypatch.setattr(ksr_guards, "_routes", set())
    monkeypatch.setattr(ksr_guards, "_made_names", set())
    monkeypatch.setattr(ksr_guards, "has_route", lambda _table, name: name != "None")


def test_names_of_routes_made_at_will_find_an_end() -> None:
    rig = Rig()
    for number in range(32):
        rig.host.ksr("tm.t_on_failure", [f"R{number}"])

    assert "names of routes" in refusal(rig, "tm.t_on_failure", "R32")
    assert rig.host.ksr("tm.t_on_failure", ["R7"]) == 1
    assert rig.host.ksr("tm.t_on_failure", [""]) == 1


def test_a_route_that_is_not_in_kamailio_cfg_is_refused() -> None:
    """Kamailio would make it, in this process alone, and end when another one looks for it."""
    assert refusal(Rig(), "tm.t_on_failure", "None") == "kamailio.cfg has no failure_route[None]"


@pytest.mark.parametrize("name", ["$rm", "$$", "$rU", "$(ru{s.len})", "ru", ""])
def test_only_a_variable_that_can_be_set_is_a_destination(name: str) -> None:
    assert "is not one of $var" in refusal(Rig(), "pvx.evalx", name, "x")
    assert Rig().host.ksr("pvx.evalx", ["$var(x)", "x"]) == 1


@pytest.mark.parametrize(
    ("function", "bad", "good"),
    [
        ("cfgutils.sleep", [11], [10]),
        ("cfgutils.sleep", [-1], [0]),
        ("cfgutils.usleep", [-1], [10_999_999]),
        ("cfgutils.usleep", [11_000_000], [0]),
        ("route", ["0"], ["R"]),
        ("tmx.t_cancel_callid", ["a" * 901, "1", 0], ["a" * 900, "1", 0]),
        ("pipelimit.pl_drop_range", [2, 1], [1, 2]),
        ("sqlops.sql_is_null", ["a", -1, 0], ["a", 0, 0]),
        ("textopsx.change_reply_status", [200, "OK\r\nX: y"], [200, "OK"]),
        ("textops.subst", ["/a/" + "$ru" * 100 + "/"], ["/a/" + "$ru" * 99 + "/"]),
    ],
)
def test_a_guard_refuses_what_it_is_for_and_no_more(function: str, bad: list[Any], good: list[Any]) -> None:
    rig = Rig()

    refusal(rig, function, *bad)
    assert [asked for asked in rig.asked if asked[0] == function] == []
    assert rig.host.ksr(function, good) == 1


def test_a_part_is_looked_for_only_where_there_is_a_content_type() -> None:
    """The server ended: get_boundary reads the header without asking whether it is there."""
    rig = Rig()
    rig.results |= {"pv.is_null": True, "pv.get": "body"}
    reason = "the message has a body and no Content-Type"
    assert refusal(rig, "textops.get_body_part", "a/b", "$var(x)") == reason

    for is_null, body in ((True, ""), (False, "body")):
        rig.results |= {"pv.is_null": is_null, "pv.get": body}
        assert rig.host.ksr("textops.get_body_part", ["a/b", "$var(x)"]) == 1
    assert "is not one of $var" in refusal(rig, "textops.get_body_part", "a/b", "$ru")


@pytest.mark.parametrize("function", ["tcpops.tcp_conid_alive", "kx.get_conid"])
def test_connections_are_looked_for_only_where_there_are_some(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = [1] if function.startswith("tcpops") else []
    assert refusal(Rig(), function, *arguments) == "this Kamailio runs without TCP"
    monkeypatch.setattr(ksr_guards, "is_tcp_off", lambda: False)

    assert Rig().host.ksr(function, [*arguments]) == 1


@pytest.mark.parametrize("user", ["a" * 1014, "a" * 1020])
def test_no_part_makes_the_r_uri_as_long_as_its_buffer(user: str) -> None:
    rig = Rig()
    rig.results["pv.get"] = "sip:a@b.c"

    assert "as long as its buffer" in refusal(rig, "setuser", user)
    assert rig.host.ksr("setuser", ["a" * 200]) == 1


def test_names_of_what_kamailio_keeps_find_an_end() -> None:
    rig = Rig()
    for number in range(1000):
        rig.host.ksr("pvx.var_seti", [f"v{number}", 1])

    assert "Kamailio keeps each such name" in refusal(rig, "pvx.var_seti", "v1000", 1)
    assert rig.host.ksr("pvx.var_seti", ["v7", 2]) == 1
    assert "this one is too long" in refusal(Rig(), "pvx.var_seti", "v" * 257, 1)


def test_an_iterator_goes_on_only_where_it_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kamailio keeps its pointers when the message is gone, or was built again."""
    monkeypatch.setattr("runner.hosts.kamailio.functions._converted", None)
    rig = Rig()
    rig.results["pv.is_null"] = False
    assert "no iterator 'a'" in refusal(rig, "textopsx.hf_iterator_next", "a")

    rig.host.ksr("textopsx.hf_iterator_start", ["a"])
    assert rig.host.ksr("textopsx.hf_iterator_next", ["a"]) == 1
    rig.host.ksr("textopsx.msg_set_buffer", ["b"])

    assert "no iterator 'a'" in refusal(rig, "textopsx.hf_iterator_next", "a")


@pytest.mark.parametrize("function", ["route", "cfgutils.route_if_exists"])
def test_an_iterator_does_not_go_on_behind_a_route(function: str) -> None:
    """The route may build the message again; the server ended at the next step."""
    rig = Rig()
    rig.host.ksr("textopsx.hf_iterator_start", ["a"])

    rig.host.ksr(function, ["X"])

    assert not rig.host.is_parsed
    assert "no iterator 'a'" in refusal(rig, "textopsx.hf_iterator_next", "a")


def test_a_request_can_be_suspended_and_a_reply_cannot() -> None:
    rig = Rig()
    rig.results["pv.get"] = 1
    assert rig.host.ksr("tmx.t_suspend", []) == 1

    rig.results["pv.get"] = 2
    assert refusal(rig, "tmx.t_suspend").startswith("a reply cannot be suspended")
