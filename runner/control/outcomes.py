"""
What an exec came to, and what of it is counted: the numbers of one row of ``counters``.

Standard library only, as a child of Kamailio imports it. Must not know whose row it is.
"""

from __future__ import annotations

from bisect import bisect_left

from runner.errors import (
    EntryMissing,
    ExecTimeout,
    PoolExhausted,
    ScriptError,
    ScriptInvalid,
    ScriptNotFound,
    ScriptRefused,
    WorkerError,
)
from runner.worker.outcome import ExecOutcome

from .counters import BOUNDS_S, COUNTS, FIRST_BUCKET, FIRST_SUM, OUTCOMES, SUMS

NS_PER_S = 1_000_000_000
BOUNDS_NS = tuple(round(bound * NS_PER_S) for bound in BOUNDS_S)

NO_DAEMON = "no daemon at"
"""How the error of an exec begins that found none, which was logged when the outage began."""

TRUE, FALSE, EXIT, MISSING = map(OUTCOMES.index, ("true", "false", "exit", "missing"))
TIME, QUEUE, LOAD, QUESTIONS, EDITS, TEXTS, OUTAGES = range(FIRST_SUM, FIRST_SUM + len(SUMS))

IN_C = (COUNTS, TRUE, FALSE, EXIT, FIRST_BUCKET, TIME, QUEUE, LOAD, EDITS, BOUNDS_NS)
"""What ``count`` does with an exec that asked nothing, for ``runner/lane/_counting.c``."""

FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (EntryMissing, "missing"),
    (ScriptNotFound, "not_found"),
    (ScriptInvalid, "invalid"),
    (ScriptRefused, "refused"),
    (ScriptError, "exception"),
    (ExecTimeout, "timeout"),
    (WorkerError, "lost"),
    (PoolExhausted, "busy"),
    (Exception, "error"),
)
"""The first that fits counts."""


def outcome_of(result: ExecOutcome | Exception) -> int:
    """Which of ``OUTCOMES`` a result is."""
    if type(result) is ExecOutcome:
        if result.is_missing:
            return MISSING
        return EXIT if result.has_ended_routing else TRUE if result.code == 0 else FALSE
    if isinstance(result, PoolExhausted) and str(result).startswith(NO_DAEMON):
        return OUTCOMES.index("no_daemon")
    return OUTCOMES.index(next(name for kind, name in FAILURES if isinstance(result, kind)))


def count(row: list[int] | memoryview, result: ExecOutcome | Exception, spent_ns: int) -> None:
    """
    Count an exec that is over.

    Args:
        row: The counts of its build, ``counters.COUNTS`` numbers.
        result: What it did, or why it has no outcome; then that and the time count.
        spent_ns: How long its caller waited.
    """
    if type(result) is ExecOutcome:
        if result.is_missing:
            row[MISSING] += 1
        else:
            row[EXIT if result.has_ended_routing else TRUE if result.code == 0 else FALSE] += 1
        if result.answered:
            row[QUESTIONS] += result.answered
        if edits := result.certain + result.edited:
            row[EDITS] += edits
        if result.logs:
            row[TEXTS] += result.logs
    else:
        row[outcome_of(result)] += 1
    row[FIRST_BUCKET + bisect_left(BOUNDS_NS, spent_ns)] += 1
    row[TIME] += spent_ns
