"""control.outcomes: what an exec came to, and what of it is counted."""

from __future__ import annotations

import pytest

from runner.control.counters import BOUNDS_S, COUNTS, FIRST_BUCKET, FIRST_SUM, OUTCOMES, SUMS
from runner.control.outcomes import NO_DAEMON, NS_PER_S, count, outcome_of
from runner.errors import ExecTimeout, HostFault, PoolExhausted, ScriptError, WorkerDied
from runner.worker.outcome import ExecOutcome


def outcome(**said: object) -> ExecOutcome:
    made = ExecOutcome()
    for name, value in said.items():
        setattr(made, name, value)
    return made


RESULTS = [
    (outcome(code=0), "true"),
    (outcome(code=3), "false"),
    (outcome(code=1, has_ended_routing=True), "exit"),
    (outcome(code=1, is_missing=True), "missing"),
    (ScriptError("boom"), "exception"),
    (ExecTimeout("late"), "timeout"),
    (WorkerDied("it died"), "lost"),
    (PoolExhausted("none free"), "busy"),
    (PoolExhausted(f"{NO_DAEMON} /run/x: gone"), "no_daemon"),
    (HostFault("refused"), "error"),
    (KeyError("a fault"), "error"),
]


@pytest.mark.parametrize(("result", "name"), RESULTS, ids=[name for _, name in RESULTS])
def test_each_result_is_one_outcome_and_counts_once(result: ExecOutcome | Exception, name: str) -> None:
    row = [0] * COUNTS
    count(row, result, 1)

    assert OUTCOMES[outcome_of(result)] == name
    assert row[outcome_of(result)] == sum(row[:FIRST_BUCKET]) == 1
    assert row[FIRST_BUCKET] == sum(row[FIRST_BUCKET:FIRST_SUM]) == 1


def test_what_it_did_and_how_long_it_took_are_counted() -> None:
    row = [0] * COUNTS
    count(row, outcome(code=0, answered=5, edited=2, certain=3, logs=4), 2 * NS_PER_S)

    sums = dict(zip(SUMS, row[FIRST_SUM:], strict=True))
    assert sums == {
        "time_ns": 2 * NS_PER_S, "queue_ns": 0, "load_ns": 0, "questions": 5, "edits": 5, "texts": 4, "outages": 0,
    }  # fmt: skip
    assert row[FIRST_BUCKET + BOUNDS_S.index(2.5)] == 1
