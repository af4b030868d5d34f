"""Variables of the script; each answer is a Kamailio 5.6.3's, or a 6.0.1's where both are named."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE


@pytest.mark.parametrize(
    ("expression", "older", "newer"),
    [
        ("$shvinc(s)", None, "1"),
    ],
)
def test_a_variable_of_6_0(expression: str, older: str | None, newer: str | None) -> None:
    assert versions.both(expression, versions.message(f"Contact: {versions.CONTACT}")) == [older, newer]


def test_a_shared_variable_counts_and_a_text_does_not() -> None:
    _, newer = versions.hosts(versions.message())
    newer.set_i("$shv(n)", 6)
    newer.set_s("$shv(t)", "text")

    assert [newer.get_i("$shvinc(n)"), newer.get_i("$shv(n)"), newer.get_i("$shvinc(t)")] == [7, 7, 0]
    assert newer.get_s("$shv(t)") == "text"


def test_a_script_variable_is_never_null_and_starts_at_zero(host: MessageHost) -> None:
    assert (host.is_null("$var(x)"), host.get_s("$var(x)"), host.is_null("$avp(x)")) == (0, "0", 1)


@pytest.mark.parametrize("size", [8191, 8192])
def test_several_values_together_and_a_format_string_have_at_most_8191_bytes(host: MessageHost, size: int) -> None:
    host.set_s("$avp(a)", "x" * (size - 3))
    host.set_s("$avp(a)", "y")
    host.set_s("$xavp(x=>a)", "x" * (size - 3))
    host.set_s("$xavp(x[0]=>a)", "y")
    host.set_s("$var(v)", "x" * (size - 1))
    headers = MessageHost(MESSAGE[:-2] + b"X: \r\nX: y\r\nX: " + b"x" * (size - 2) + b"\r\n\r\n")
    texts = [
        host.get_s("$(avp(a)[*])"),
        host.get_s("$xavp(x[0]=>a[*])"),
        host.get_s("$_s(y$var(v))"),
        headers.get_s("$(hdr(X)[*])"),
    ]

    assert [None if text is None else len(text) for text in texts] == [size if size < 8192 else None] * 4
    assert (host.is_null("$(avp(a)[*])"), host.is_null("$_s(y$var(v))")) == ((0, 0) if size < 8192 else (1, -1))


def test_unset_makes_a_variable_zero_null_or_empty_by_its_kind(host: MessageHost) -> None:
    kinds = ("var", "vz", "vn", "shv")

    assert [(host.is_null(f"${kind}(new)"), host.get_s(f"${kind}(new)")) for kind in kinds] == [
        (0, "0"),
        (0, "0"),
        (1, None),
        (0, "0"),
    ]
    assert [(host.set_s(f"${kind}(a)", "t"), host.unset(f"${kind}(a)")) for kind in kinds] == [(0, 0)] * 4
    assert [host.get_s(f"${kind}(a)") for kind in kinds] == ["0", "0", None, ""]


def test_vz_is_another_name_of_var(host: MessageHost) -> None:
    host.set_s("$vz(a)", "x")

    assert host.get_s("$var(a)") == "x"


def test_a_variable_is_of_the_type_that_was_written_last(host: MessageHost) -> None:
    host.set_i("$var(a)", -5)
    number = (host.get_s("$var(a)"), host.get_i("$var(a)"))
    host.set_s("$var(a)", "12")

    assert (number, host.get_s("$var(a)"), host.get_i("$var(a)")) == (("-5", -5), "12", 0)
