"""runner.worker.outcome: what one exec did, and how much one may do; attack/test_wire_attacks.py floods a real one."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from runner.errors import ExecTimeout, ProtocolViolation
from runner.wire.events import Notice
from runner.worker import outcome as module
from runner.worker.outcome import LAST_CALLS, LOOK_EVERY, MAX_EDITS, ExecOutcome, Profile, in_time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which only the test moves."""
    now = [100.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_new_outcome_has_done_nothing() -> None:
    one = ExecOutcome()

    assert (one.code, one.calls, one.edits, one.has_exited, one.refused) == (None, 0, 0, False, "")
    assert one.summary() == "0 calls were answered, 0 edits stand"


def test_calls_are_questions_certain_edits_texts_and_values_that_were_read() -> None:
    one = ExecOutcome()
    one.answered, one.edited, one.certain, one.logs, one.dropped, one.used = 10, 4, 200, 3000, 7, 0b1011

    assert one.calls == 10 + 200 + 3000 + 3
    assert one.edits == 4 + 200


def test_two_outcomes_share_nothing_that_changes() -> None:
    one, other = ExecOutcome(), ExecOutcome()
    one.code, one.answered, one.asked = 3, 1, [("PV.GetS", ("$ru",))]

    assert (other.code, other.answered, other.asked) == (None, 0, None)


def test_a_summary_names_the_last_questions_and_never_what_was_written() -> None:
    one = ExecOutcome()
    one.answered = 9
    one.asked = [("PV.GetS", (f"$var({number})",)) for number in range(9)]
    one.asked += [("PV.SetS", ("$rU\n", "secret")), ("HDR.Append", ("X: secret\r\n",))]

    told = one.summary()

    assert told.startswith("9 calls were answered, 0 edits stand; it asked last: PV.GetS '$var(6)', ")
    assert told.endswith(", PV.SetS '$rU\\n', HDR.Append")
    assert told.count(", ") == LAST_CALLS  # one is before "0 edits"
    assert "secret" not in told


def test_of_a_long_name_a_summary_has_the_beginning() -> None:
    one = ExecOutcome()
    one.asked = [("PV.GetS", ("$" + "x" * 9999,))]

    assert len(one.summary()) < 200


def test_edits_are_bounded_together() -> None:
    one = ExecOutcome()
    one.edited, one.certain = MAX_EDITS - 10, 7

    one.bound_edits(3)
    with pytest.raises(ProtocolViolation, match=f"more than {MAX_EDITS} edits in one exec") as caught:
        one.bound_edits(4)
    assert caught.value.step == "RUNNING"


def test_the_line_for_dropped_texts_is_a_warning_with_their_number() -> None:
    one = ExecOutcome()
    one.dropped = 12

    assert one.dropped_texts() == Notice("Core.Log", (0, "12 more texts were dropped\n"))


def test_in_time_all_items_come_in_order() -> None:
    items = list(range(5 * LOOK_EVERY + 3))

    assert list(in_time(items, time.monotonic() + 60)) == items


def test_after_the_deadline_nothing_comes_and_the_rest_is_counted(clock: list[float]) -> None:
    with pytest.raises(ExecTimeout, match="it was not done in time; 40 of its calls were dropped"):
        next(in_time(range(40), clock[0]))


def test_the_clock_is_looked_at_once_in_so_many_items(clock: list[float]) -> None:
    taken: list[int] = []

    def take() -> None:
        for item in in_time(range(100), clock[0] + 1):
            taken.append(item)
            if item == LOOK_EVERY + 1:
                clock[0] += 2

    with pytest.raises(ExecTimeout, match=f"; {100 - 2 * LOOK_EVERY} of its calls were dropped"):
        take()

    assert taken == list(range(2 * LOOK_EVERY))


def test_a_profile_says_where_the_time_went(monkeypatch: pytest.MonkeyPatch) -> None:
    spent: dict[str, int] = {}
    times = iter([1_000, 1_300, 2_800])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic_ns=lambda: next(times)))
    profile = Profile(spent)

    profile.begin()
    profile.encoded()
    profile.done((200, 900))

    assert spent == {"encode": 300, "turns": 1_500, "decode": 200, "script": 900}
