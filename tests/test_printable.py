"""Text from outside, as logs and terminals show it."""

from __future__ import annotations

import logging

import pytest

from runner.printable import CONTINUED, RECORD_CHARACTERS, RecordFormatter, ended_record, printable, record


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("žluť", "žluť"),
        ("a\tb", "a\tb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("one\ntwo", r"one\ntwo"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\udce9", r"\xe9"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_by_its_number(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert shown.replace("\t", " ").isprintable()


def test_no_further_line_begins_where_a_record_does() -> None:
    assert record("one\ntwo\r\nthree") == f"one\n{CONTINUED}two\n{CONTINUED}three"


def test_a_long_record_says_how_much_is_missing() -> None:
    text = "x" * (RECORD_CHARACTERS + 7)

    assert record(text) == f"{text[:RECORD_CHARACTERS]}\n{CONTINUED}(7 more characters)"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_line_end_that_a_text_brings_along_stays(end: str) -> None:
    assert ended_record(f"one\ntwo{end}") == f"one\n{CONTINUED}two{end}"


def test_a_formatter_treats_the_stack_of_a_record_like_its_text() -> None:
    log = logging.makeLogRecord({"msg": "one %s", "args": ("\x1b",), "exc_text": "Traceback\nforged"})

    assert RecordFormatter().format(log) == f"one \\x1b\n{CONTINUED}Traceback\n{CONTINUED}forged"
