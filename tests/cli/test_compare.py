"""What two records of calls differ in."""

from __future__ import annotations

from runner.cli.compare import Call, differing_calls

READ: Call = ("PV.GetS", ["$ru"], "sip:a@b")
EDIT: Call = ("HDR.Append", ["X: 1\r\n"], 0)


def test_the_same_calls_differ_in_nothing() -> None:
    assert list(differing_calls([READ, EDIT], [READ, EDIT])) == []


def test_a_call_that_gave_something_else_is_told_with_both() -> None:
    other: Call = ("PV.GetS", ["$ru"], None)

    assert list(differing_calls([EDIT, READ], [EDIT, other])) == [('PV.GetS("$ru")', '"sip:a@b"', "null")]


def test_a_call_that_one_of_them_did_not_make_is_told() -> None:
    found = list(differing_calls([READ, EDIT], [READ]))

    assert found == [('HDR.Append("X: 1\\r\\n")', "0", None)]
    assert list(differing_calls([READ], [EDIT, READ])) == [('HDR.Append("X: 1\\r\\n")', None, "0")]


def test_the_calls_behind_one_that_differs_are_told_as_well() -> None:
    other: Call = ("PV.GetS", ["$ru"], "x")
    last: Call = ("PV.GetI", ["$ml"], 1)
    other_last: Call = ("PV.GetI", ["$ml"], 2)

    assert [what for what, _, _ in differing_calls([READ, EDIT, last], [other, other_last])] == [
        'PV.GetS("$ru")',
        'HDR.Append("X: 1\\r\\n")',
        'PV.GetI("$ml")',
    ]
