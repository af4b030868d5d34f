"""A host behind the answers of a developer."""

from __future__ import annotations

from typing import Any

import pytest

from runner.errors import CallRefused
from runner.hosts.answered import Answer, Answered
from runner.hosts.embedded.host import MessageHost
from tests.places import MESSAGE

TEXT = (("str",),)
TAKES = {"seturi": TEXT, "tm.t_on_failure": TEXT, "tm.t_on_branch": TEXT, "pv.seti": (("str", "int"), ("str", "str"))}


def answered(**answers: str | int | bool | None) -> Answered:
    given = {
        name: Answer(value, "--answer", TAKES.get(name, ((),)))
        for name, value in ((name.replace("__", "."), value) for name, value in answers.items())
    }
    return Answered(MessageHost(MESSAGE.read_bytes()), given)


def test_an_answer_is_given_and_kept_in_place_of_the_call() -> None:
    host = answered(tm__t_relay=-3)

    assert host.ksr("tm.t_relay", []) == -3
    assert host.answered == [("tm.t_relay", [], Answer(-3, "--answer", ((),)))]


def test_an_answer_outweighs_what_the_host_itself_can_do() -> None:
    host = answered(seturi=False, is_INVITE=False)

    assert host.ksr("seturi", ["sip:carol@example.com"]) is False
    assert host.ksr("is_INVITE", []) is False
    assert host.get_s("$ru") == "sip:bob@example.com"


def test_all_else_is_as_the_host_has_it() -> None:
    host = answered(tm__t_relay=1)

    assert host.ksr("pv.get", ["$rU"]) == "bob"
    with pytest.raises(CallRefused, match=r"KSR\.tm\.t_reply needs a running Kamailio"):
        host.ksr("tm.t_reply", [200, "OK"])


def test_nothing_is_sent_ahead_that_would_go_past_an_answer() -> None:
    assert not hasattr(answered(is_INVITE=False), "depends_on")


def test_an_entry_that_was_armed_is_remembered_until_another_one_is() -> None:
    host = answered(tm__t_on_failure=1, tm__t_on_branch=1)

    for name in ("first", "second"):
        host.ksr("tm.t_on_failure", [name])
    host.ksr("tm.t_on_branch", ["each_branch"])

    assert host.armed == {"tm.t_on_failure": "second", "tm.t_on_branch": "each_branch"}


@pytest.mark.parametrize(
    ("function", "arguments", "why"),
    [
        ("tm.t_relay", ["x"], "KSR.tm.t_relay takes no argument, but a text came"),
        ("tm.t_on_failure", [], "KSR.tm.t_on_failure takes a text, but none came"),
        ("tm.t_on_failure", [1], "KSR.tm.t_on_failure takes a text, but a number came"),
        ("pv.seti", ["$rU"], "KSR.pv.seti takes a text, a number or a text, a text, but a text came"),
    ],
)
def test_arguments_that_a_function_does_not_take_get_no_answer(function: str, arguments: list[Any], why: str) -> None:
    host = answered(tm__t_relay=1, tm__t_on_failure=1, pv__seti=True)

    with pytest.raises(CallRefused) as refused:
        host.ksr(function, arguments)

    assert str(refused.value) == why
    assert host.answered == []
    assert host.armed == {}
