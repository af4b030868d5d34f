"""
Scripts that run within the exec of another one: it called a function that runs a route that runs a script.

Where its build is loaded in the same worker it runs there, with the same statics, as in any interpreter of Kamailio;
else in a worker of its own. A script that runs already stays the build that it is: a message is handled by one.
Standard library only, as a child of Kamailio imports it. Must not know when a worker is wanted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from runner.errors import PoolExhausted, WorkerError
from runner.wire.session import MAX_DEPTH
from runner.worker.host_calls import call_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.calls import Host
    from runner.scripts.generation import Generation
    from runner.worker.outcome import ExecOutcome

    from .held import Held
    from .known import Refusals, Script
    from .lease import Lease

log = logging.getLogger("runner.lease")


class Wanted(NamedTuple):
    """What ``Lease.exec`` is asked for."""

    path: str | None
    param: str | None
    host: Host
    deadline: float
    entry: str | None


class Within:
    """
    What runs in this process: one exec, and those within it.

    Args:
        inner: Makes the lease of the other worker.

    Attributes:
        running: The builds, the outermost first; empty when nothing runs.
        deadline: End of all waits of the innermost, on ``time.monotonic``. None within it may take longer.
        guilty: The script that cost the worker within the exec of another one; None for none.
    """

    __slots__ = ("_has_told", "_inner", "_make_inner", "deadline", "guilty", "running")

    def __init__(self, inner: Callable[[], Lease]) -> None:
        self.running: list[Generation] = []
        self.deadline = 0.0
        self.guilty: Script | None = None
        self._make_inner = inner
        self._inner: Lease | None = None
        self._has_told = False

    @property
    def depth(self) -> int:
        """How many scripts run within each other, those in the other worker as well, and in its other worker."""
        return len(self.running) + (0 if self._inner is None else self._inner.within.depth)

    @property
    def entries(self) -> frozenset[str] | None:
        """The entries of the build that runs, the innermost; None where nothing runs."""
        if self._inner is not None and self._inner.within.depth:
            return self._inner.within.entries
        return self.running[-1].entries if self.running else None

    def script(self, path: str | None) -> Script | None:
        """What the lease of the other worker knows of a script; None for nothing."""
        return None if self._inner is None else self._inner.script(path)

    def exec(
        self,
        held: Held | None,
        script: Script | None,
        refusals: Refusals,
        wanted: Wanted,
    ) -> ExecOutcome:
        """
        Run a script within the one that runs.

        Args:
            held: The worker that this one has; None when it was lost meanwhile.
            script: What is known of the script; None for nothing.
            refusals: Which messages no script may run on.
            wanted: What to run.

        Raises:
            PoolExhausted: As many run as may.
            RunnerError: As ``Lease.exec``. A worker that is lost stays held, for the exec around this one loses it too.
        """
        if self.depth >= MAX_DEPTH:
            if not self._has_told:
                log.warning(
                    "%d scripts run within each other, and no more do: %s", MAX_DEPTH, wanted.entry or wanted.path
                )
            self._has_told = True
            raise PoolExhausted(f"{MAX_DEPTH} scripts run within each other already")
        path, param, host, deadline, entry = wanted
        before, deadline = self.deadline, min(deadline, self.deadline)
        runs = script is not None and script.generation in self.running
        if held is None or script is None or not held.can_nest(script.generation) or not (runs or script.is_current()):
            self._inner = self._inner or self._make_inner()
            return self._inner.exec(path, param, host, deadline, entry)
        generation = script.generation
        if refusals.until:
            refusals.check(generation.path, call_id(host))
        fresh = held.fresh and not runs  # the statics of what runs must not be taken from under it
        self.running.append(generation)
        self.deadline = deadline
        try:
            outcome = held.exec_within(path or "mono_run", generation, param, host, deadline, fresh=fresh, entry=entry)
            if outcome.has_exited:
                self.guilty = self.guilty or script
        except WorkerError:
            self.guilty = self.guilty or script
            raise
        else:
            return outcome
        finally:
            self.deadline = before
            self.running.pop()

    def close(self) -> None:
        """Give back the other worker, where there is one."""
        if self._inner is not None:
            self._inner.close()
