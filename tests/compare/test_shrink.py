"""What is left of a case when all is taken away that a difference does not need."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tools.compare.cases import Case, from_json
from tools.compare.shrink import PLAIN, header_name, lines, shrunk, smallest

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 30.0
MESSAGE = (
    b"INVITE sip:bob@example.com;x=y SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1\r\nContact: <sip:a@b.example>;q=0.5,\r\n"
    b" <sip:c@d.example>\r\nSubject: one, two\r\nf: <sip:a@b.example>;tag=1\r\nContent-Length: 9\r\n\r\nv=0\r\na=b\r\n"
)


@pytest.mark.parametrize("needed", [set(), {3}, {0, 9}, {2, 3, 7}, set(range(10))])
def test_no_part_that_is_left_can_be_left_out(needed: set[int]) -> None:
    assert smallest(list(range(10)), lambda parts: needed <= set(parts)) == sorted(needed)


def test_a_fold_belongs_to_its_line_and_the_blank_line_to_the_body() -> None:
    head, rest = lines(MESSAGE)

    assert head[2] == b"Contact: <sip:a@b.example>;q=0.5,\r\n <sip:c@d.example>\r\n"
    assert [header_name(line) for line in head[1:]] == [b"via", b"contact", b"subject", b"from", b"content-length"]
    assert rest == b"\r\nv=0\r\na=b\r\n"
    assert b"".join(head) + rest == MESSAGE


@pytest.mark.parametrize(
    ("holds", "line"),
    [
        (lambda case: b";q=" in case.message, b"Contact:;q=\r\n"),
        (lambda case: b"a=b" in case.message, b"a=b"),
        (lambda case: b";x=y" in case.message, b";x=y\r\n"),
        (lambda case: ("PV.GetS", "$ua") in case.steps, b""),
    ],
)
def test_headers_that_are_not_needed_go_or_become_plain(holds: Callable[[Case], bool], line: bytes) -> None:
    steps = (("PV.GetS", "$ru"), ("PV.GetS", "$ua"), ("PV.GetS", "$fU"))

    small = shrunk(Case(MESSAGE, steps), None, holds, time.monotonic() + PATIENCE_S)

    assert line in small.message
    assert b"Subject" not in small.message
    assert b"192.0.2.1" not in small.message
    assert PLAIN[b"from"] in small.message or b"tag=1" not in small.message
    assert holds(small)


def test_transformations_that_are_not_needed_go() -> None:
    step = ("PV.GetS", "$(ru{s.len}{s.md5}{s.trim})")

    small = shrunk(
        Case(MESSAGE, (step,)), step, lambda case: "{s.md5}" in str(case.steps[-1][1]), time.monotonic() + PATIENCE_S
    )

    assert small.steps == (("PV.GetS", "$(ru{s.md5})"),)


def test_it_ends_in_time_with_the_best_so_far() -> None:
    plays: list[Case] = []

    def holds(case: Case) -> bool:
        plays.append(case)
        return True

    assert shrunk(Case(MESSAGE), None, holds, time.monotonic()) == Case(MESSAGE)
    assert plays == []


def test_a_case_survives_its_file() -> None:
    steps = (("PV.SetS", "$rU", "\0\u017e\ud800"), ("PV.SetI", "$rp", -1), ("PV.GetS", None))
    case = Case(bytes(range(256)), steps, "both", "alt")

    assert from_json(case.as_json()) == case
