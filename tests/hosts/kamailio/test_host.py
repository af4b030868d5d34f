"""What the calls on a message ask of KSR, beside what tests/kamailio asks of a real Kamailio."""

from __future__ import annotations

import pytest

from runner.calls import MODF_CANNOT_RUN
from runner.hosts.kamailio import functions, ksr
from tests.hosts.kamailio.ksr_rig import Kemi, Rig

MESSAGE = "OPTIONS sip:a@b SIP/2.0\r\n\r\n"


@pytest.fixture(autouse=True)
def _kemi(monkeypatch: pytest.MonkeyPatch) -> None:
    exporters = {"sl_send_reply": ("sl",), "send_reply": ("sl",), "evalx": ("pv",), "lookup": ("alias_db",)}
    monkeypatch.setattr(ksr, "_known", Kemi())
    monkeypatch.setattr(ksr, "exporters", lambda name: exporters.get(name, ()))
    ksr._counterpart.cache_clear()


def test_modf_with_arguments_calls_the_kemi_function_of_that_name() -> None:
    rig = Rig()
    rig.results["sl.send_reply"] = -3

    assert rig.host.modf("send_reply", "404", "Not here") == -3
    assert rig.asked == [("sl.send_reply", 404, "Not here")]


def test_modf_finds_a_module_that_has_another_name_in_ksr() -> None:
    rig = Rig()

    assert (rig.host.modf("evalx", "$var(x)", "a"), rig.asked) == (1, [("pvx.evalx", "$var(x)", "a")])


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("send_reply", ["404"], "no loaded module has a KEMI function of that name that takes 1 argument"),
        ("send_reply", ["many", "Not here"], "a number is expected"),
        ("lookup", ["location"], "no loaded module has a KEMI function of that name that takes 1 argument"),
        ("nothing", ["a"], "no loaded module has a KEMI function of that name that takes 1 argument"),
    ],
)
def test_modf_that_cannot_be_done_is_minus_127_and_logged(name: str, arguments: list[str], reason: str) -> None:
    rig = Rig()

    assert rig.host.modf(name, *arguments) == MODF_CANNOT_RUN
    assert [asked[0] for asked in rig.asked] in (["log"], [])  # once a process
    with pytest.raises(Exception, match=reason):
        ksr.modf(name, arguments, rig.host, frozenset())


@pytest.mark.parametrize(("via", "value"), [("SIP/2.0/UDP a", 1), (None, -1)])
def test_a_message_that_a_script_would_break_is_put_back(
    via: str | None, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "_converted", None)
    rig = Rig()
    rig.results["pv.is_null"] = via is None
    rig.results["pv.get"] = MESSAGE

    assert rig.host.ksr("textopsx.msg_set_buffer", ["broken"]) == value
    written = [asked[1] for asked in rig.asked if asked[0] == "textopsx.msg_set_buffer"]
    assert written == (["broken", MESSAGE] if via is None else ["broken"])


@pytest.mark.parametrize(
    ("message", "is_written"),
    [
        ("broken", False),
        ("INVITE sip:a SIP/2.0\r\n", False),
        ("SIP/2.0 20 OK\r\n", False),
        ("SIP/2.0 200 OK\r\n", True),
    ],
)
def test_a_reply_is_made_nothing_else(message: str, *, is_written: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a route for replies nothing else can be put back, and whatever came next ended the server."""
    monkeypatch.setattr(functions, "_converted", None)
    rig = Rig()
    rig.results["pv.get"], rig.results["pv.is_null"] = 2, False  # $mt of a reply

    assert rig.host.ksr("textopsx.msg_set_buffer", [message]) == (1 if is_written else -1)
    written = [asked[1] for asked in rig.asked if asked[0] == "textopsx.msg_set_buffer"]
    assert written == ([message] if is_written else [])


def test_the_changes_of_a_reply_are_not_looked_at_before_they_are_made() -> None:
    """$mbu of a reply with a new body leaves its Content-Length behind, and the next one is written beside it: 00."""
    rig = Rig()
    rig.results["pv.get"], rig.results["pv.is_null"] = 2, False  # $mt of a reply

    rig.host.rebuild(lambda: 1)

    assert ("pv.get", "$mbu") not in rig.asked
