"""
What a ``Runner`` counts of its execs, by the same names as a daemon.

Must not know workers, nor how the counts are shown.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from runner.control import counted
from runner.control.outcomes import LOAD, QUEUE, count

from .errors import ScriptError, ScriptNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.control.status import ScriptStatus

    from .errors import RunnerError
    from .job import Job


class ExecCounts:
    """The counts of one runner. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counted = counted.Counted()
        self._lock = threading.Lock()

    def add(self, job: Job, error: RunnerError | None) -> None:
        """
        An exec is over.

        Args:
            job: What it was.
            error: Why it has no exit code; None when it has one.
        """
        generation, spent_ns = job.generation, time.monotonic_ns() - job.began
        if generation is not None:
            script, build = generation.path, generation.id
        else:  # a path of which nothing is known may be made of the message; a file that cannot be run is there
            is_there = isinstance(error, ScriptError) and not isinstance(error, ScriptNotFound)
            script, build = (job.path or counted.OTHERS) if is_there else counted.OTHERS, ""
        with self._lock:
            row = self._counted.row(script, build)
            count(row, error or job.outcome, spent_ns)
            row[QUEUE] += job.queue
            row[LOAD] += job.load

    def status(self, reloads: Mapping[str, tuple[int, float, float]]) -> tuple[ScriptStatus, ...]:
        """
        What was counted, as ``status --json`` of a daemon has it in ``scripts``; docs/metrics.md says what it means.

        Args:
            reloads: As ``CurrentScripts.reloads`` has them.
        """
        with self._lock:
            scripts = self._counted.scripts()
        return counted.status(scripts, reloads)
