"""What the judge shows of a case that is played again."""

from __future__ import annotations

from tests.places import INVITE
from tools.compare.cases import NOT_ASKED, Case, Played
from tools.compare.report import played_text

CASE = Case(INVITE, (("PV.GetS", "$ru"), ("Core.ModF", "f"), ("PV.GetS", "$rU")))
ALIKE = Played(reached=True, answers=("sip:a@b", 1, "a"), forwarded=(b"x",))


def marked(expected: Played, got: Played) -> list[str]:
    return [line for line in played_text(CASE, expected, got).splitlines() if line.startswith("!")]


def test_what_differs_is_marked_and_shown_with_both_sides() -> None:
    got = Played(reached=True, answers=("sip:a@b", 1, None), forwarded=(b"y",))

    shown = played_text(CASE, ALIKE, got)

    assert marked(ALIKE, got) == ["! PV.GetS $rU", "! forwarded"]
    assert "  PV.GetS $ru\n    expected 'sip:a@b'\n    got      'sip:a@b'\n" in shown
    assert shown.endswith("! forwarded\n    expected (b'x',)\n    got      (b'y',)")
    assert marked(ALIKE, ALIKE) == []


def test_what_a_crash_of_the_real_one_hid_is_shown_and_is_no_difference() -> None:
    """A record of a crash had marks, although the last line said that nothing differs."""
    crashed = Played(reached=True, answers=("sip:a@b",), crashed_at=1)

    shown = played_text(CASE, crashed, ALIKE)

    assert marked(crashed, ALIKE) == []
    assert "  crashed_at\n    expected 1\n    got      None" in shown


def test_a_crash_of_ours_is_a_difference_whatever_the_real_one_does() -> None:
    crashed = Played(reached=True, answers=("sip:a@b",), crashed_at=1)

    assert marked(crashed, crashed) == ["! crashed_at"]
    assert "! crashed_at" in marked(ALIKE, crashed)


def test_what_is_behind_a_function_that_only_ours_could_call_is_no_difference() -> None:
    expected = Played(reached=True, answers=("sip:a@b", NOT_ASKED, "a"), forwarded=(b"x",))
    got = Played(reached=True, answers=("sip:a@b", 1, "b"), forwarded=(b"y",))

    assert marked(expected, got) == []
