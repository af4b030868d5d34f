"""
Adds up what clients count of their execs, by script and build.

Must not know who asks, nor how it is shown. Clients of other users are believed about numbers, and about names only
where a script of that name was seen.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from dataclasses import fields
from typing import TYPE_CHECKING

from runner.control.counted import OTHERS, Counted
from runner.control.counters import COUNTS, FIRST_BUCKET, FIRST_SUM, OUTCOMES, SharedCounters
from runner.control.status import Incident, IncidentStatus
from runner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runner.control.counted import Builds

    from .borrower import Client

MOST_LINES = 8192  # of execs that were not written yet; of more the oldest are dropped
MOST_INCIDENTS = 20
TOLD = tuple(field.name for field in fields(Incident))

MOMENT_S = 1.0
MOMENTS = 300
FIRST_FAILURE = 1 + OUTCOMES.index("exit")  # the outcomes before it are results

Moment = tuple[float, ...]
"""Seconds since the start; execs that failed until then; and all, by ``counters.BOUNDS_S``."""


class Counting:
    """
    What was counted since the daemon's start. Safe to use from several threads.

    Args:
        knows: Whether there is, or was, a script at a path.
    """

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self._knows = knows
        self._counted = Counted()
        self._lock = threading.Lock()
        self._lines: deque[tuple[int, bytes]] | None = None  # None: nobody writes them
        self._lost = 0
        self._has_ended = False
        self._incidents: deque[IncidentStatus] = deque(maxlen=MOST_INCIDENTS)
        self._began = time.monotonic()
        self._moments: deque[Moment] = deque(maxlen=MOMENTS)

    def join(self, client: Client, descriptors: tuple[int, ...]) -> None:
        """
        Count from now on what a client counts.

        Args:
            client: The client.
            descriptors: Its counters, which become the callee's; none where this process could take no more.

        Raises:
            ConfigError: They are no counters.
        """
        self.leave(client)
        if descriptors:
            try:
                client.counters = SharedCounters(*descriptors)
            except ValueError as error:
                raise ConfigError(f"counters of client {client.pid}: {error}") from error

    def leave(self, client: Client) -> None:
        """A client has gone: take what it has counted last."""
        with self._lock:
            self._take(client)
            if client.counters is not None:
                client.counters.close()
                client.counters = None

    def note(self, client: Client, incident: Incident) -> None:
        """A client tells of an exec that failed or was slow. Of those that are alike the last one is kept."""
        said = {name: getattr(incident, name) for name in TOLD}
        with self._lock:
            alike = [old for old in self._incidents if _key(old) == _key(incident)]
            for old in alike:
                self._incidents.remove(old)
            count = 1 + sum(old.count for old in alike)
            self._incidents.append(IncidentStatus(at=round(time.time(), 3), client=client.pid, count=count, **said))

    def incidents(self) -> tuple[IncidentStatus, ...]:
        """The execs that failed or were slow, the last one at the end."""
        with self._lock:
            return tuple(self._incidents)

    def take(self, clients: Iterable[Client]) -> None:
        """Look at what these clients have counted meanwhile; called again and again."""
        now = time.monotonic() - self._began
        with self._lock:
            for client in clients:
                self._take(client)
            if not self._moments or now - self._moments[-1][0] >= MOMENT_S:
                counts = list(map(sum, zip(*self._counted.all(), strict=True))) or [0] * COUNTS
                failed = sum(counts[FIRST_FAILURE:FIRST_BUCKET])
                self._moments.append((round(now, 3), failed, *counts[FIRST_BUCKET:FIRST_SUM]))

    def keep_lines(self) -> None:
        """From now on also take the lines that clients leave of their execs."""
        with self._lock:
            self._lines = deque()

    def lines(self) -> tuple[list[tuple[int, bytes]], int]:
        """The process and the line of execs since the last call, and how many bytes of others were lost."""
        with self._lock:
            found, lost, self._lost = list(self._lines or ()), self._lost, 0
            if self._lines is not None:
                self._lines.clear()
        return found, lost

    def history(self) -> list[Moment]:
        """What was counted at moments of the last minutes, the oldest first."""
        with self._lock:
            return list(self._moments)

    def end(self) -> int:
        """Take no more: it is the next daemon's. How many execs were counted."""
        with self._lock:
            self._has_ended = True
            return sum(sum(counts[:FIRST_BUCKET]) for counts in self._counted.all())

    def scripts(self) -> dict[str, Builds]:
        """What was counted, as ``Counted.scripts``."""
        with self._lock:
            return self._counted.scripts()

    def _take(self, client: Client) -> None:
        if client.counters is None or self._has_ended:
            return
        if self._lines is not None:
            lines, lost = client.counters.lines()
            self._lost += lost
            for line in lines:
                if len(self._lines) == MOST_LINES:
                    self._lost += len(self._lines.popleft()[1])
                self._lines.append((client.pid, line))
        for taken in client.counters.take():
            # A client of the daemon's own user says the truth, also of a script that this daemon has not looked at yet.
            is_known = client.is_trusted or self._knows(taken.script)
            self._counted.add(taken.script if is_known else OTHERS, taken.build, taken.counts)


def _key(incident: Incident) -> tuple[str, str, str]:
    """What those have in common that are alike; numbers in the message may differ."""
    return incident.outcome, incident.build, re.sub(r"[0-9.]+", "N", incident.message)
