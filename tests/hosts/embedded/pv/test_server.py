"""Server and configuration; each answer is a Kamailio 5.6.3's, or a 6.0.1's where both are named."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.context import Environment
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, NINES


def test_colours_are_escape_sequences(host: MessageHost) -> None:
    assert (host.get_s("$C(Rx)"), host.get_s("$C(sw)"), host.is_null("$C(rR)")) == (
        "\x1b[1;31;49m",
        "\x1b[0;30;47m",
        -1,
    )


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [("A", "12abc", 12), ("B", "-7 ", -7), ("C", "env value", 0), ("D", "3000000000", 2147483647), ("E", "", 0)],
)
def test_an_environment_variable_and_a_define_have_the_number_they_begin_with(
    name: str, text: str, number: int
) -> None:
    texts = {name: text}
    host = MessageHost(MESSAGE, environment=Environment(defines=texts, variables=texts))

    assert [(host.get_s(f"${kind}({name})"), host.get_i(f"${kind}({name})")) for kind in ("envn", "defn")] == [
        (text, number)
    ] * 2


def test_a_missing_environment_variable_is_null_and_a_missing_define_is_0(host: MessageHost) -> None:
    assert (host.get_s("$envn(X)"), host.is_null("$envn(X)"), host.get_s("$defn(X)")) == (None, 1, "0")


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [("N", "1abc", 1), ("PLUS", "+1", 1), ("LONG", NINES, 2147483647), ("ZEROS", "042", 42), ("UNSET", None, 0)],
)
def test_a_variable_of_the_environment_has_the_number_in_front(
    host: MessageHost, name: str, text: str | None, number: int
) -> None:
    assert (host.get_s(f"$envn({name})"), host.get_i(f"$envn({name})")) == (text, number)


@pytest.mark.parametrize(
    ("expression", "older", "newer"),
    [
        ("$K(IP4)", None, "2"),
        ("$K(IP6)", None, "10"),
        ("$En", None, "\n"),
        ("$Ek", None, "'"),
        ("$Ev", None, "`"),
        ("$atkv(gname)", None, None),
        ("$version(num)", "5.6.3", "6.0.1"),
        ("$ksr(verval)", "5006003", "6000001"),
        ("$version(full)", "kamailio 5.6.3 (x86_64/linux) ", "kamailio 6.0.1 (x86_64/linux) "),
    ],
)
def test_a_variable_of_6_0(expression: str, older: str | None, newer: str | None) -> None:
    assert versions.both(expression, versions.message(f"Contact: {versions.CONTACT}")) == [older, newer]


def test_the_part_of_a_task_is_told_by_its_length() -> None:
    _, newer = versions.hosts(versions.message())

    assert [newer.is_null("$atkv(TCP)"), newer.is_null("$atkv(x)")] == [1, -1]
