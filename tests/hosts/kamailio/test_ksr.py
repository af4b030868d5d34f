"""One call of KSR, beside what tests/kamailio asks of a real Kamailio."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

from runner.hosts.kamailio import ksr
from runner.hosts.kamailio.kemi import UnreadableKemi
from tests.hosts.kamailio.ksr_rig import Kemi, Rig, refusal


@pytest.fixture(autouse=True)
def _kemi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ksr, "_known", Kemi())


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("tm.t_relay", []),
        ("sl.send_reply", [404, "No"]),
        ("setflag", [True]),
        ("setflag", [-(1 << 31)]),
        ("info", ["é\n"]),
        ("async.get_data", []),
    ],
)
def test_a_call_goes_to_kamailio_as_it_is(function: str, arguments: list[str | int | bool]) -> None:
    rig = Rig()
    rig.results[function] = -3

    value = rig.host.ksr(function, arguments)

    assert (value, rig.asked) == (None if function == "info" else -3, [(function, *arguments)])


@pytest.mark.parametrize("value", ["a", 7, True, None, 1 << 40])
def test_a_result_is_what_kamailio_gave(value: object) -> None:
    rig = Rig()
    rig.results["kx.get_ua"] = value

    assert rig.host.ksr("kx.get_ua", []) is value


@pytest.mark.parametrize("value", [False, ["a"], {"a": 1}])
def test_a_result_that_is_no_value_is_refused(value: object) -> None:
    rig = Rig()
    rig.results["kx.get_ua"] = value

    assert refusal(rig, "kx.get_ua").startswith("the result of KSR.kx.get_ua is a list")


def test_a_result_that_is_not_utf_8_is_refused() -> None:
    rig = Rig()
    rig.results["kx.get_ua"] = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x")

    assert refusal(rig, "kx.get_ua") == "the result of KSR.kx.get_ua is not UTF-8"


@pytest.mark.parametrize(
    ("function", "arguments", "sentence"),
    [
        ("tm.t_relay", ["a"], "KSR.tm.t_relay takes 0 arguments, and 1 argument came"),
        ("sl.send_reply", [404], "KSR.sl.send_reply takes 2 arguments, and 1 argument came"),
        ("sl.send_reply", ["404", "No"], "argument 1 of KSR.sl.send_reply should be a number"),
        ("sl.send_reply", [404, 1], "argument 2 of KSR.sl.send_reply should be a text"),
        ("sl.send_reply", [1 << 31, "No"], "argument 1 of KSR.sl.send_reply does not fit into 32 bits"),
        ("textops.subst", ["a\0b"], "argument 1 of KSR.textops.subst has a NUL, which Kamailio cannot take"),
        ("textops.subst", ["\udcff"], "KSR.textops.subst takes UTF-8 alone; only pv and hdr take other bytes"),
        ("pv.get", [1], "argument 1 of KSR.pv.get should be a text"),
        ("pv.get", [], "KSR.pv.get takes 1 argument, and 0 arguments came"),
        ("hdr.append", ["a\0"], "argument 1 of KSR.hdr.append has a NUL, which Kamailio cannot take"),
    ],
)
def test_wrong_arguments_never_reach_kamailio(function: str, arguments: list[Any], sentence: str) -> None:
    rig = Rig()

    assert (refusal(rig, function, *arguments), rig.asked) == (sentence, [])


@pytest.mark.parametrize("error", [SystemError("set"), TypeError("no"), ValueError("x")])
def test_an_error_of_the_binding_becomes_a_sentence(error: Exception) -> None:
    rig = Rig()
    rig.results["tm.t_relay"] = error

    assert refusal(rig, "tm.t_relay") == f"KSR.tm.t_relay does not take these arguments: {error}"


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("dialog.dlg_manage", 'KSR.dialog.dlg_manage is not there: add loadmodule "dialog.so" to kamailio.cfg'),
        ("tm.t_clean", "this Kamailio's tm has no function t_clean"),
        ("is_UDP", "this Kamailio's core has no function is_UDP"),
        ("x.modf", "KSR.x.modf is refused: KSR.x.modf ends the server; SR.Core.ModF does what it should do"),
        ("exec.exec_cmd", "KSR.exec.exec_cmd is refused: it starts processes; the setting ksr_allow can allow it"),
        ("no.such", "KSR.no.such is refused: it is not known here what it may do to the server"),
    ],
)
def test_a_function_that_cannot_be_called_says_why(function: str, sentence: str) -> None:
    rig = Rig()

    assert (refusal(rig, function), rig.asked) == (sentence, [])


def test_tables_that_cannot_be_read_are_no_exception_but_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def signature(_self: Kemi, _module: str, _name: str) -> None:
        raise UnreadableKemi("it is not laid out as expected")

    monkeypatch.setattr(Kemi, "signature", signature)
    ksr._function.cache_clear()

    assert refusal(Rig(), "tm.t_relay") == "KSR.tm.t_relay was not called: it is not laid out as expected"


def test_a_module_with_another_name_in_ksr_is_named_as_loadmodule_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    del rig.host.binding.kx
    monkeypatch.setattr(Kemi, "modules", {})

    sentence = refusal(rig, "kx.get_ua")

    assert sentence == 'KSR.kx.get_ua is not there: add loadmodule "kemix.so" to kamailio.cfg'


def test_the_setting_allows_what_is_refused() -> None:
    rig = Rig("exec.*")

    assert rig.host.ksr("exec.exec_cmd", ["true"]) == 1


def test_kamailio_gets_a_text_of_its_own() -> None:
    """Some functions write into it, and Python has one object for all equal texts of one letter."""
    rig, text = Rig(), "a"

    rig.host.ksr("textops.subst", [text])

    assert rig.asked == [("textops.subst", "a")]
    assert rig.asked[0][1] is not text


def test_every_header_is_parsed_before_the_first_function_and_after_the_message_was_built() -> None:
    """An edit of a header that was not parsed yet ended the server."""
    rig = Rig()
    rig.host.is_parsed = False

    for _ in range(2):
        rig.host.ksr("tm.t_relay", [])

    assert rig.asked == [("pv.get", "$msg(hdrc)"), ("tm.t_relay",), ("tm.t_relay",)]
    rig.results["pv.is_null"] = False
    rig.host.rebuild(lambda: 1)
    assert not rig.host.is_parsed


def test_a_text_for_the_log_is_shown_as_in_every_log() -> None:
    rig = Rig()

    rig.host.ksr("info", ["a\nb\x1b\udcff\n"])

    assert rig.asked == [("info", "a\n  b\\x1b\\xff\n")]


@pytest.mark.parametrize("text", ["$conid", "a $(conid{s.len}) b", "$var($conid)", "$(ru{s.rm,})$natsData"])
def test_a_variable_that_is_not_safe_is_evaluated_in_no_text(text: str) -> None:
    rig = Rig()

    assert "is not safe for Kamailio to evaluate" in refusal(rig, "xlog.xinfo", text)
    assert not [asked for asked in rig.asked if asked[0] == "xlog.xinfo"]


@pytest.mark.parametrize("text", ["costs $5, conid", "$ru $$ conid", "$(hdr(X)[-1])", "mqtt(", "$"])
def test_any_other_text_is_taken(text: str) -> None:
    assert Rig().host.ksr("xlog.xinfo", [text]) == 1


def test_an_exec_gives_kamailio_no_more_text_than_fits() -> None:
    rig = Rig()
    for _ in range(64):
        rig.host.ksr("textops.subst", ["a" * 65_536])

    assert refusal(rig, "textops.subst", "a" * 65_536) == "an exec gave Kamailio more text than fits into a server"


@pytest.mark.parametrize("text", ["$ " * 32_768, "$ru" * 21_845])
def test_a_long_text_with_variables_is_looked_at_once(text: str) -> None:
    assert Rig().host.ksr("xlog.xinfo", [text]) == 1


def test_a_text_with_variables_is_no_longer_than_a_message() -> None:
    assert refusal(Rig(), "xlog.xinfo", "$ru" * 21_846) == "a text with a $ has at most 65536 characters"


@pytest.mark.parametrize("part", ["$x(", "$(a{s.x,"])
def test_variables_that_do_not_end_are_few(part: str) -> None:
    """Each takes as long to look at as the text is; with thousands it took minutes."""
    text = part * 1_500 + "," * 50_000

    assert refusal(Rig(), "xlog.xinfo", text) == "too many variables in a text do not end"


def test_the_name_of_a_function_is_not_kept() -> None:
    """A script may make up any number of them, of 8 MiB each."""
    function = "no." + "x" * 1000
    before = sys.getrefcount(function)

    refusal(Rig(), function)
    gc.collect()

    assert sys.getrefcount(function) == before


def test_a_function_that_only_reads_is_looked_at_once() -> None:
    """It travels ahead of many execs, and all that can be wrong with it was seen at the first call."""
    rig = Rig()
    rig.results["kx.get_ua"] = "phone"

    assert [rig.host.ksr("kx.get_ua", []) for _ in range(3)] == ["phone"] * 3
    assert "kx.get_ua" in ksr.plain
    assert refusal(rig, "kx.get_ua", "x") == "KSR.kx.get_ua takes 0 arguments, and 1 argument came"
    rig.results["kx.get_ua"] = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "")
    assert refusal(rig, "kx.get_ua") == "the result of KSR.kx.get_ua is not UTF-8"
    assert refusal(Rig(), "kx.nothing").startswith("KSR.kx.nothing is refused")


def test_another_kamailio_has_functions_of_its_own() -> None:
    first, second = Rig(), Rig()
    first.results["is_INVITE"], second.results["is_INVITE"] = True, False

    for _ in range(2):
        assert (first.host.ksr("is_INVITE", []), second.host.ksr("is_INVITE", [])) == (True, False)
