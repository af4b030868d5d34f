"""Regular expressions of the C library; what Kamailio 5.6.3 gives by ``{re.subst}`` agrees."""

from __future__ import annotations

import locale

import pytest

from runner.hosts.embedded.value import CannotEvaluate
from runner.hosts.posix import Regex


def match(
    pattern: bytes, text: bytes, groups: int = 0, *, is_line_start: bool = True, is_multiline: bool = False
) -> list[tuple[int, int]] | None:
    return Regex(pattern, ignores_case=False, is_multiline=is_multiline).match(
        text, groups, is_line_start=is_line_start
    )


def test_the_longest_alternative_is_taken() -> None:
    assert match(b"a|x|xx", b"xx") == [(0, 2)]


def test_a_group_that_took_no_part_has_no_place() -> None:
    assert match(b"(a)|(x)", b"bx", 2) == [(1, 2), (-1, -1), (1, 2)]


@pytest.mark.parametrize(("is_multiline", "found"), [(False, None), (True, [(2, 3)])])
def test_the_start_of_a_line_is_inside_a_text_of_lines_only(
    *, is_multiline: bool, found: list[tuple[int, int]] | None
) -> None:
    assert match(b"^b", b"a\nb", is_multiline=is_multiline) == found


def test_where_no_line_starts_there_is_no_start_to_match() -> None:
    assert match(b"^a", b"a", is_line_start=False) is None


def test_case_counts_unless_it_is_said_not_to() -> None:
    assert match(b"A", b"a") is None
    assert Regex(b"A", ignores_case=True, is_multiline=False).match(b"a", 0, is_line_start=True) == [(0, 1)]


@pytest.mark.parametrize("pattern", [b"[", b"(", b"*", b"a{2,1}", b"[[:nothing:]]"])
def test_a_malformed_expression_is_refused(pattern: bytes) -> None:
    with pytest.raises(CannotEvaluate, match="malformed"):
        match(pattern, b"a")


@pytest.fixture(params=["C", "C.UTF-8"])
def _in_a_locale(request: pytest.FixtureRequest) -> object:
    before = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, request.param)
    yield
    locale.setlocale(locale.LC_ALL, before)


@pytest.mark.usefixtures("_in_a_locale")
def test_a_letter_is_a_byte_of_ascii_whatever_the_locale_of_this_process() -> None:
    text = "AüßA".encode()

    assert [byte for byte in range(1, 256) if match(b"[[:alpha:]]", bytes([byte]))] == [*range(65, 91), *range(97, 123)]
    assert match(b"^[[:alpha:]]+$", text) is None
    assert match(b"A....A", text) == [(0, 6)]
