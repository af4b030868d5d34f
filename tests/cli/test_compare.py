"""What two records of calls differ in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runner.cli.compare import differing_calls, differing_results
from runner.cli.outcome import Outcome
from runner.errors import RunnerError

if TYPE_CHECKING:
    from runner.cli.outcome import Asked

READ: Asked = ("PV.GetS", ["$ru"], "sip:a@b")
EDIT: Asked = ("HDR.Append", ["X: 1\r\n"], 0)


def test_the_same_calls_differ_in_nothing() -> None:
    assert list(differing_calls([READ, EDIT], [READ, EDIT])) == []


def test_a_call_that_gave_something_else_is_told_with_both() -> None:
    other: Asked = ("PV.GetS", ["$ru"], None)

    assert list(differing_calls([EDIT, READ], [EDIT, other])) == [('PV.GetS("$ru")', '"sip:a@b"', "null")]


def test_a_call_that_one_of_them_did_not_make_is_told() -> None:
    found = list(differing_calls([READ, EDIT], [READ]))

    assert found == [('HDR.Append("X: 1\\r\\n")', "0", None)]
    assert list(differing_calls([READ], [EDIT, READ])) == [('HDR.Append("X: 1\\r\\n")', None, "0")]


def test_a_log_line_with_another_text_is_one_call_with_two_texts() -> None:
    ours: list[Asked] = [READ, ("Core.Log", [1, "at 1\n"], None), ("Core.Log", [0, "here"], None), EDIT]
    theirs: list[Asked] = [READ, ("Core.Log", [1, "at 2\n"], None), ("Core.Log", [-1, "there"], None), EDIT]

    assert list(differing_calls(ours, theirs)) == [
        ("Core.Log(1, ...)", '"at 1\\n"', '"at 2\\n"'),
        ('Core.Log(0, "here")', "null", None),
        ('Core.Log(-1, "there")', None, "null"),
    ]


def test_how_a_worker_ended_and_how_far_it_came_are_no_difference() -> None:
    here, there = (
        Outcome(ok=False, exit_code=None, error=RunnerError(text))
        for text in (
            "worker 7: the process ended (signal SIGABRT); its last line: x: y; 3 calls were answered, 0 edits stand",
            "worker 9: the process ended; 2 calls were answered, 0 edits stand; it asked last: PV.GetS '$version(num)'",
        )
    )
    late = Outcome(ok=False, exit_code=None, error=RunnerError("worker 9: it was not done in time; 2 calls"))

    assert list(differing_results(here, there)) == []
    assert list(differing_results(here, late)) == [
        ("result", "failed: the process ended", "failed: it was not done in time")
    ]


def test_the_calls_behind_one_that_differs_are_told_as_well() -> None:
    other: Asked = ("PV.GetS", ["$ru"], "x")
    last: Asked = ("PV.GetI", ["$ml"], 1)
    other_last: Asked = ("PV.GetI", ["$ml"], 2)

    assert [what for what, _, _ in differing_calls([READ, EDIT, last], [other, other_last])] == [
        'PV.GetS("$ru")',
        'HDR.Append("X: 1\\r\\n")',
        'PV.GetI("$ml")',
    ]


def test_a_call_that_one_of_them_did_not_make_hides_no_later_one() -> None:
    calls: list[Asked] = [("PV.GetS", [f"$var({number})"], "x") for number in range(1000)]
    fewer = calls[:300] + calls[301:]
    other: Asked = ("PV.GetS", ["$var(700)"], "y")
    fewer[699] = other

    found = list(differing_calls(calls, fewer))

    assert found == [('PV.GetS("$var(300)")', '"x"', None), ('PV.GetS("$var(700)")', '"x"', '"y"')]


def test_many_calls_of_one_kind_do_not_take_the_square_of_their_number() -> None:
    """8,000 equal calls with one that differs took 10 s."""
    ours = [READ] * 30_000
    theirs = [EDIT, *ours[1:10_000], EDIT, *ours[10_001:-1], EDIT]

    started = time.process_time()
    found = list(differing_calls(ours, theirs))

    assert len(found) == 6
    assert time.process_time() - started < 5.0


def test_nothing_in_common_is_told_whole_and_quickly() -> None:
    started = time.process_time()
    found = list(differing_calls([READ] * 10_000, [EDIT] * 10_000))

    assert len(found) == 20_000
    assert time.process_time() - started < 5.0


def test_an_error_without_a_text_is_a_result_too() -> None:
    failed = Outcome(ok=False, exit_code=None, error=RunnerError(""))

    assert list(differing_results(failed, failed)) == []
    assert list(differing_results(failed, Outcome(ok=True, exit_code=0, error=None))) == [
        ("result", "failed: ", "true, exit code 0")
    ]
