"""Replacements with which textops would end the server; tests/kamailio/test_ksr_odd_arguments.py has a real one."""

from __future__ import annotations

import pytest

from runner.hosts.kamailio import ksr
from tests.hosts.kamailio.ksr_rig import Kemi, Rig, refusal

MESSAGE = "\r\nMESSAGE sip:a@b SIP/2.0\r\nX: z\r\nY: z\r\n\r\nalpha\r\nbeta\udcff\r\n"


@pytest.fixture(autouse=True)
def _kemi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ksr, "_known", Kemi())


def rig() -> Rig:
    made = Rig()
    made.results["pv.get"] = MESSAGE
    return made


@pytest.mark.parametrize(
    ("function", "bad", "good"),
    [
        ("subst", ["/y:.*ta//is"], ["/y:.*ta//i"]),
        ("subst", ["/[^:]{5}//gs"], ["/[^:]{5}//s"]),  # not the first, but one behind it
        ("subst", ["/z\r\n\r\nalp//"], ["/z\r\n\r\n//"]),
        ("subst", ["/\\/|Y.*a//s"], ["/\\/|X.*z//"]),
        ("replace", ["z\r\n\r\na", ""], ["z\r\n", ""]),
        ("replace_all", ["z\r\n(\r\na)?", ""], ["z\r\n(\r\n)?", ""]),
        ("replace_str", ["z\r\n\r\na", "", "f"], ["z\r\n", "", "a"]),
        ("replace_str", ["\r\n\r\na", "", "a"], ["", "", "a"]),
    ],
)
def test_a_match_that_begins_in_the_headers_and_ends_in_the_body_is_refused(
    function: str, bad: list[str], good: list[str]
) -> None:
    assert refusal(rig(), f"textops.{function}", *bad) == "one match begins in the headers and ends in the body"

    assert rig().host.ksr(f"textops.{function}", [*good]) == 1


@pytest.mark.parametrize("text", ["/(//", "/x*//g", "//", "a", ""])
def test_what_kamailio_does_not_take_is_left_to_it(text: str) -> None:
    assert rig().host.ksr("textops.subst", [text]) == 1


def test_a_separator_that_is_a_flag_is_refused() -> None:
    assert "does not begin with s" in refusal(rig(), "textops.subst", "sasbs")
