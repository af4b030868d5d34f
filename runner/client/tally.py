"""
What one process counts of its execs: the one place where each of them is known when it is over.

Standard library only, as a child of Kamailio imports it. Must not know how it is reported.
"""

from __future__ import annotations

import json
import logging
import random
import time
from typing import TYPE_CHECKING

from runner.control.counters import KEYLESS, OUTCOMES, Counters
from runner.control.kinds import MAX_STACK
from runner.control.outcomes import LOAD, NS_PER_S, OUTAGES, QUEUE, count, outcome_of
from runner.control.status import MAX_MESSAGE, RUNNING, Incident, StillRuns
from runner.errors import PoolExhausted, ScriptError, ScriptNotFound
from runner.scripts.poison import LONGEST_CALL_ID
from runner.worker.host_calls import call_id
from runner.worker.outcome import ExecOutcome

if TYPE_CHECKING:
    from runner.calls import Host

    from .known import Script

log = logging.getLogger("runner.slow")

LAST_CALLS = 20  # of a slow exec that are described
INCIDENT_PAUSE_S = 1.0  # between two execs that are described; each is a line, and all are counted


class Tally:
    """
    Counts the execs of this process. For one thread.

    Attributes:
        slow_s: Execs that take longer are described, in seconds; 0: none.
        queue_s: What the exec that runs has waited for its daemon until now; it is counted with the exec.
        load_s: What it has waited for builds to be loaded.
    """

    __slots__ = (
        *("_counters", "_logged_share", "_row", "_script", "_silent_until", "_still_until", "load_s", "queue_s"),
        *("slow_s",),
    )

    def __init__(self) -> None:
        self.slow_s = self._logged_share = 0.0
        self.queue_s = self.load_s = self._silent_until = self._still_until = 0.0
        self._counters: Counters | None = None  # made at the first use: a parent that only forks needs none
        self._script: Script | None = None
        self._row: memoryview | None = None

    def watch(self, slow_s: float, logged_share: float) -> None:
        """From now on describe execs that take longer, 0: none, and leave a line of a share of all, from 0 to 1."""
        self.slow_s, self._logged_share = slow_s, logged_share

    def successor(self) -> Tally:
        """
        Another one with the same settings in the place of this one, which lets go of its counters.

        For a process that was forked, and behind a ``Lease.close``.
        """
        self._counters = self._row = self._script = None
        made = Tally()
        made.watch(self.slow_s, self._logged_share)
        return made

    @property
    def counters(self) -> Counters:
        """What is shared with the daemon."""
        if self._counters is None:
            self._counters = Counters()
        return self._counters

    def add(
        self,
        script: Script | None,
        path: str | None,
        result: ExecOutcome | Exception,
        began: float,
        host: Host,
        *,
        node: str = "",
    ) -> Incident | None:
        """
        One exec is over.

        Args:
            script: What is known of its script; None: nothing, for example because no daemon answered yet.
            path: By which it was called.
            result: Its outcome, or why it has none.
            began: When it was asked for, on ``time.monotonic``.
            host: Who owns its message.
            node: The machine that it ran on, as people call it; "" for this one.

        Returns:
            What the daemon is to show of it; None for nothing.
        """
        now = time.monotonic()
        spent = int((now - began) * NS_PER_S)
        row = self._row
        if row is None or script is None or script is not self._script:
            row = self._row_of(script, path, result)
        count(row, result, spent)
        if self._logged_share and random.random() < self._logged_share:  # noqa: S311  # chooses, guards nothing
            spent_s = now - began, self.queue_s, self.load_s
            self.counters.write(_line(script, path, result, *spent_s, host=host, node=node))
        if self.queue_s or self.load_s:
            row[QUEUE] += int(self.queue_s * NS_PER_S)
            row[LOAD] += int(self.load_s * NS_PER_S)
            self.queue_s = self.load_s = 0.0
        if type(result) is ExecOutcome and not 0.0 < self.slow_s < now - began:
            return None
        if isinstance(result, PoolExhausted) or now < self._silent_until:
            return None
        self._silent_until = now + INCIDENT_PAUSE_S
        return _described(script, path, result, began, host=host)

    def still_runs(self, script: Script, path: str | None, began: float, host: Host, lease: str) -> StillRuns | None:
        """
        An exec has taken ``slow_s`` and goes on.

        Args:
            script: What is known of its script.
            path: By which it was called.
            began: When its script began, on ``time.monotonic``.
            host: Who owns its message.
            lease: Of the worker that runs it.

        Returns:
            What the daemon is to show of it, and to ask the worker for its stacks; None: it was asked a moment ago.
        """
        now = time.monotonic()
        if now < self._still_until:
            return None
        self._still_until = now + INCIDENT_PAUSE_S
        return StillRuns(
            outcome=RUNNING,
            message=f"{path or 'mono_run'}: still runs after {now - began:.3g} s"[:MAX_MESSAGE],
            detail=_calls(host, began)[:MAX_STACK],
            build=script.generation.id,
            call_id=call_id(host),
            took_s=now - began,
            lease=lease,
        )

    def note_outage(self) -> None:
        """An outage has begun: there is no daemon."""
        self.counters.row(*KEYLESS)[OUTAGES] += 1

    def _row_of(self, script: Script | None, path: str | None, result: ExecOutcome | Exception) -> memoryview:
        if script is not None:
            self._script = script
            self._row = self.counters.row(script.generation.path, script.generation.id)
            return self._row
        self._script = self._row = None
        # A path of which nothing is known may be made of the message; a file that cannot be run is there.
        is_there = isinstance(result, ScriptError) and not isinstance(result, ScriptNotFound)
        return self.counters.row(path if path and is_there else "", "")


def _described(
    script: Script | None, path: str | None, result: ExecOutcome | Exception, began: float, *, host: Host
) -> Incident:
    took_s = max(0.0, time.monotonic() - began)
    outcome = OUTCOMES[outcome_of(result)]
    if isinstance(result, ExecOutcome):
        message = f"{path or 'mono_run'}: slow, {took_s:.3g} s"
    else:
        message = str(result) or type(result).__name__
    detail = result.detail if isinstance(result, ScriptError) else ""
    incident = Incident(
        outcome=outcome,
        message=message[:MAX_MESSAGE],
        detail=(detail or _calls(host, began))[:MAX_STACK],
        build=script.generation.id if script is not None else "",
        call_id=call_id(host),
        took_s=took_s,
    )
    if isinstance(result, ExecOutcome):
        log.warning("%s, Call-ID %s; its last calls:\n%s", message, incident.call_id, incident.detail or "none")
    return incident


def _line(
    script: Script | None,
    path: str | None,
    result: ExecOutcome | Exception,
    *spent_s: float,
    host: Host,
    node: str,
) -> bytes:
    """One exec, for the daemon's log of execs."""
    took_s, queue_s, load_s = (round(spent, 6) for spent in spent_s)
    told = {
        "at": round(time.time(), 3),
        "script": path if script is None else script.generation.path,
        "build": None if script is None else script.generation.id,
        "outcome": OUTCOMES[outcome_of(result)],
        "took_s": took_s,
        "queue_s": queue_s,
        "load_s": load_s,
        "call_id": (call_id(host) or "")[:LONGEST_CALL_ID],
    }
    if node:
        told["node"] = node
    if isinstance(result, ExecOutcome):
        told |= {"questions": result.answered, "edits": result.edits, "texts": result.logs}
    return json.dumps(told, separators=(",", ":")).encode("ascii")


def _calls(host: Host, began: float) -> str:
    """The last calls that a host was asked, each with the time that had passed; empty where nobody recorded them."""
    recorded = zip(getattr(host, "answered", ())[-LAST_CALLS:], getattr(host, "calls", ())[-LAST_CALLS:], strict=False)
    return "\n".join(
        f"{(at - began) * 1000:9.3f} ms  {name}({', '.join(f'{arg!a:.80}' for arg in args)})"
        for at, (name, args, _) in recorded
    )
