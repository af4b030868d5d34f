"""What several parsers share: line ends and numbers."""

from __future__ import annotations

import re

import pytest

from runner.sip.scan import INT_MAX, UINT_MAX, eat_line, end_of, number_of, str2int, str2sint


def test_end_of_stays_where_nothing_matches() -> None:
    assert end_of(re.compile(rb"[0-9]+"), b"a12b", 0) == 0
    assert end_of(re.compile(rb"[0-9]+"), b"a12b", 1) == 3
    assert end_of(re.compile(rb"[0-9]+"), b"a12b", 1, 2) == 2


@pytest.mark.parametrize(
    ("text", "end"), [(b"a\nb", 2), (b"a\n\rb", 3), (b"a\n", 1), (b"a\n\r", 2), (b"a", 1), (b"a\r\nb", 3)]
)
def test_a_line_ends_behind_its_lf_and_a_cr_but_never_behind_the_last_byte(text: bytes, end: int) -> None:
    assert eat_line(text, 0, len(text)) == end


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"0", 0),
        (b"", 0),
        (b"+", 0),
        (b"+5", 5),
        (b"0" * 5000 + b"7", 7),
        (b"4294967295", UINT_MAX),
        (b"4294967296", None),
        (b"9" * 5000, None),
        (b"-0", None),
        (b"0x10", None),
        (b" 1", None),
        ("²".encode(), None),
        ("²".encode("latin-1"), None),
        ("\u0661".encode(), None),
    ],
)
def test_an_unsigned_number_has_ascii_digits_and_fits_its_type(text: bytes, number: int | None) -> None:
    assert str2int(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"-", 0),
        (b"-0", 0),
        (b"-5", -5),
        (b"+5", 5),
        (b"2147483647", INT_MAX),
        (b"2147483648", None),
        (b"-2147483648", -INT_MAX - 1),
        (b"-2147483649", None),
        (b"-+5", None),
        (b"--5", None),
        (b"-" + b"9" * 5000, None),
    ],
)
def test_a_signed_number_has_one_sign_and_fits_its_type(text: bytes, number: int | None) -> None:
    assert str2sint(text) == number


def test_a_number_of_any_length_is_held_at_one_above_the_largest() -> None:
    assert number_of(b"9" * 5000, INT_MAX) == number_of(b"2147483648", INT_MAX) == INT_MAX + 1
    assert number_of(b"0" * 5000 + b"12", INT_MAX) == 12
    assert number_of(b"", INT_MAX) == 0
