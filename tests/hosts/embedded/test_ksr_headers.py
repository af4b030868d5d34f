"""Of textops, what looks at headers; tests/compare/test_ksr_steps.py asks a real Kamailio as well."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hosts.embedded.ksr_calls import Message

REMOVED = "Subject: two words"


@pytest.mark.parametrize(
    ("name", "answer"),
    [("X-A", 1), ("s", 1), ("f ", 1), ("To:", 1), ("X-None", -1), ("X-A ", -1), ("", -1), ("X A", -1), ("X" * 253, -1)],
)
def test_a_header_is_there_by_its_type_or_by_its_whole_name(name: str, answer: int) -> None:
    assert Message().call("textops.is_present_hf", name) == answer


@pytest.mark.parametrize(("pattern", "answer"), [("^x-", 1), ("none", -1), ("[", -1)])
def test_the_names_of_headers_are_matched(pattern: str, answer: int) -> None:
    assert Message().call("textops.is_present_hf_re", pattern) == answer


@pytest.mark.parametrize(
    ("function", "arguments", "answer", "is_gone"),
    [
        ("remove_hf", ["s"], 1, True),
        ("remove_hf", ["X-None"], 1, False),
        ("remove_hf", [""], -1, False),
        ("remove_hf", ["X" * 125], -1, False),
        ("remove_hf_re", ["^sub"], 1, True),
        ("remove_hf_re", ["none"], -1, False),
        ("remove_hf_exp", ["^s", "ubj"], -1, False),
        ("remove_hf_exp", ["^s", "none"], 1, True),
        ("remove_hf_match", ["Subject", "eq", "two words"], 1, True),
        ("remove_hf_match", ["Subject", "NE", "two"], 1, True),
        ("remove_hf_match", ["Subject", "in", "wor"], 1, True),
        ("remove_hf_match", ["Subject", "re", "^TWO"], 1, True),
        ("remove_hf_match", ["Subject", "in", ""], -2, False),
        ("remove_hf_match", ["Subject", "sw", "two"], -1, False),
        ("remove_hf_match", ["Subject", "re", "("], -1, False),
        ("remove_hf_idx", ["Subject x", 0], 1, True),
        ("remove_hf_idx", ["Subject", 1], 2, False),
        ("remove_hf_idx", ["Subject", -1], 1, True),
        ("remove_hf_idx", ["Subject", -2], 1, False),
    ],
)
def test_headers_are_removed(function: str, arguments: list[Any], answer: int, is_gone: bool) -> None:  # noqa: FBT001  # a column
    message = Message()

    assert message.call(f"textops.{function}", *arguments) == answer
    assert (REMOVED not in message.text) is is_gone


@pytest.mark.parametrize(
    ("which", "pattern", "answer"),
    [("a", "three", 1), ("f", "three", -1), ("l", "three", 1), ("l", "one", -1), ("", "one", 1), ("f", "", -1)],
)
def test_the_first_the_last_or_any_header_of_a_name_is_searched(which: str, pattern: str, answer: int) -> None:
    assert Message().call("textops.search_hf", "X-A", pattern, which) == answer


@pytest.mark.parametrize(
    ("which", "first", "last"), [("a", "X", "twX, three"), ("f", "X", "two, three"), ("l", "one", "twX, three")]
)
def test_the_first_the_last_or_all_headers_of_a_name_are_changed(which: str, first: str, last: str) -> None:
    message = Message()

    assert message.call("textops.subst_hf", "X-A", "/one|o/X/", which) == 1
    assert (message.line("X-A"), message.line("x-a")) == (first, last)


def test_where_a_header_does_not_parse_no_header_is_found() -> None:
    message = Message(b"no header\r\n")

    assert message.call("textops.is_present_hf", "To") == -1
    assert message.call("textops.remove_hf", "X-A") == -1
    assert message.call("textops.search", "^To") == 1
