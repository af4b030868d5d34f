"""Answers for functions of KEMI, as a developer writes them."""

from __future__ import annotations

import pytest

from runner.cli.answers import checked, value_of
from runner.errors import ConfigError
from runner.hosts.answered import Answer


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-5", -5), ("+7", 7), ("true", True), ("false", False), ("null", None), ("sip:a@b", "sip:a@b"),
        ('"1"', "1"), ('"null"', "null"), ('""', ""), ("", ""), ("1.5", "1.5"), ("0x1", "0x1"), ('"', '"'),
        ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_a_value_is_a_number_a_truth_value_nothing_or_a_text(text: str, value: object) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


def test_an_option_outweighs_the_table_and_an_earlier_option() -> None:
    table = {"tm.t_relay": 1, "is_INVITE": True}

    assert checked(table, ["tm.t_relay=-1", "KSR.tm.t_relay=-2", "pv.get=a=b"]) == {
        "tm.t_relay": Answer(-2, "--answer", ((),)),
        "is_INVITE": Answer(value=True, given_by="[answers]", takes=((),)),
        "pv.get": Answer("a=b", "--answer", (("str",),)),
    }


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("tm.t_rely=1", "there is no function KSR.tm.t_rely; did you mean tm.t_re"),
        ("nothing_like_it_anywhere=1", "there is no function .*; app-mono ksr list shows all"),
        ("tm.t_relay", "expected FUNCTION=VALUE, for example tm.t_relay=1"),
        ("=1", "expected FUNCTION=VALUE"),
        ("tm.t_relay=yes", 'KSR.tm.t_relay gives a number, but the text "yes" came'),
        ("tm.t_relay=true", "KSR.tm.t_relay gives a number, but true came"),
        ("tm.t_relay=null", "KSR.tm.t_relay gives a number, but null came"),
        ("tm.t_relay=2147483648", "KSR.tm.t_relay gives a number, but 2147483648 came"),
        ("is_INVITE=1", "KSR.is_INVITE gives true or false, but 1 came"),
        ("set_drop=1", "KSR.set_drop gives nothing: null, but 1 came"),
        ("pv.get=true", "KSR.pv.get gives a number, a text or null, but true came"),
        ("warn=null", "KSR.warn writes to the log here, too, and takes no answer"),
    ],
)
def test_an_answer_that_cannot_be_given_is_refused_with_the_reason(option: str, why: str) -> None:
    with pytest.raises(ConfigError, match=rf"^--answer {option}: {why}"):
        checked({}, [option])


def test_a_fault_in_the_table_names_the_table() -> None:
    with pytest.raises(ConfigError, match=r"^\[answers\] tm.t_relay: KSR.tm.t_relay gives a number, but true came"):
        checked({"tm.t_relay": True})
