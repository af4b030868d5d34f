"""
What a ``Runner`` counts of its execs, by the same names as a daemon.

Must not know workers, nor how the counts are shown.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from runner.control import counted
from runner.control.outcomes import IN_C, LOAD, QUEUE, count

from .errors import ScriptError, ScriptNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.control.status import ScriptStatus
    from runner.worker.outcome import ExecOutcome

    from .errors import RunnerError
    from .job import ExecResult, Job


class ExecCounts:
    """
    The counts of one runner. Safe to use from several threads.

    Attributes:
        in_c: What ``add`` is made of, for ``runner/lane/_at_once.c``: the lock, the counts, and the places in a row.
    """

    def __init__(self) -> None:
        self._counted = counted.Counted()
        self._lock = threading.Lock()
        self.in_c = self._lock, self._counted, IN_C

    def result(self, job: Job, error: RunnerError | None) -> ExecResult:
        """
        What an exec has come to, and count it.

        Args:
            job: What it was.
            error: Why it has no exit code; None when it has one.
        """
        generation = job.generation
        if generation is not None:
            script, build = generation.path, generation.id
        else:  # a path of which nothing is known may be made of the message; a file that cannot be run is there
            is_there = isinstance(error, ScriptError) and not isinstance(error, ScriptNotFound)
            script, build = (job.path or counted.OTHERS) if is_there else counted.OTHERS, ""
        self.add(script, build, error or job.outcome, (time.monotonic_ns() - job.began, job.queue, job.load))
        return job.result(error)

    def add(self, script: str, build: str, what: RunnerError | ExecOutcome, spent_ns: tuple[int, int, int]) -> None:
        """
        An exec is over.

        Args:
            script: What ran.
            build: Its build; empty for none.
            what: What it did, or why it has no exit code.
            spent_ns: All of its time, that for a worker, and that of the load.
        """
        with self._lock:
            row = self._counted.row(script, build)
            count(row, what, spent_ns[0])
            row[QUEUE] += spent_ns[1]
            row[LOAD] += spent_ns[2]

    def status(self, reloads: Mapping[str, tuple[int, float, float]]) -> tuple[ScriptStatus, ...]:
        """
        What was counted, as ``status --json`` of a daemon has it in ``scripts``; docs/metrics.md says what it means.

        Args:
            reloads: As ``CurrentScripts.reloads`` has them.
        """
        with self._lock:
            scripts = self._counted.scripts()
        return counted.status(scripts, reloads)
