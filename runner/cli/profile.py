"""
``app-mono exec --profile``: where an exec's time goes, so that an author sees whether it is the script that is slow.

Must not run anything.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from rich.table import Table

from runner.calls import CALLS

from . import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.calls import Host

    from .outcome import Outcome

US = 1000
EDITS = frozenset(call.method for call in CALLS.values() if call.is_edit)
ASKED = frozenset(call.method for call in CALLS.values()) - EDITS

PARTS = {
    "queue": "waiting for a worker, and looking at the script's files",
    "encode": "reading the values that travel with the exec, and putting it into a line",
    "wire": "the way there and back, once for each turn, and reading what came",
    "decode": "the bridge: from the line to Main",
    "script": "Main itself, its waits for answers left out",
    "calls": "the host: reading variables that the script asked for, logging",
    "edits": "the host: writing variables and headers",
}


class TimedHost:
    """
    A host that adds up the time spent in it once the exec is under way.

    Args:
        host: Answers.
        spent: Of the exec; ``calls`` and ``edits`` are put there.
    """

    def __init__(self, host: Host, spent: dict[str, int]) -> None:
        self._host = host
        self._spent = spent
        spent |= {"calls": 0, "edits": 0}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._host, name)
        part = "edits" if name in EDITS else "calls" if name in ASKED else None
        if part is None:
            return found

        def timed(*args: Any) -> Any:
            began = time.perf_counter_ns()
            try:
                return found(*args)
            finally:
                if "encode" in self._spent:
                    self._spent[part] += time.perf_counter_ns() - began

        return timed


def parts_us(timing: dict[str, int], spent: dict[str, int]) -> dict[str, float]:
    """
    The parts of one exec in microseconds, in the order of ``PARTS``.

    Args:
        timing: ``queue`` and ``load`` in microseconds.
        spent: As ``ExecOutcome.spent``, with what a ``TimedHost`` put there.
    """
    parts = {part: spent.get(part, 0) / US for part in PARTS}
    parts["queue"] = float(timing["queue"] + timing["load"])
    elsewhere = sum(parts[part] for part in ("decode", "script", "calls", "edits"))
    parts["wire"] = max(0.0, spent.get("turns", 0) / US - elsewhere)
    return parts


def table(results: Sequence[Outcome]) -> None:
    """Medians of several execs, one part a line."""
    profiles = [result.profile_us for result in results if result.profile_us]
    if not profiles:
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("profile", "median", "share"):
        shown.add_column(name, justify="left" if name == "profile" else "right")
    shown.add_column("")
    medians = {part: statistics.median(profile[part] for profile in profiles) for part in PARTS}
    whole = sum(medians.values()) or 1.0
    for part, meaning in PARTS.items():
        shown.add_row(part, f"{medians[part]:.1f} us", f"{medians[part] / whole:.0%}", meaning)
    show.table(shown)
