"""
What was counted of execs, added up by script and build, and as people see it.

Must not know who counts, nor who asks.
"""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING

from .counters import COUNTS, FIRST_BUCKET, FIRST_SUM, OUTCOMES, SUMS, quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .status import BuildStatus, ScriptStatus

MOST_SCRIPTS = 64  # that are counted by name, the others together
MOST_BUILDS = 8  # of a script that are counted one by one: the ones that ran last
OTHERS = ""
EARLIER = "earlier"
NO_RELOADS = (0, 0.0, 0.0)
NS_PER_S = 1_000_000_000

Builds = dict[str, list[int]]
"""By the id of the build, the one that ran last at the end; the numbers are those of ``control.counters``."""


class Counted:
    """Sums by script and build. For one thread at a time."""

    __slots__ = ("_last", "_scripts")

    def __init__(self) -> None:
        self._scripts: dict[str, Builds] = {}
        self._last: tuple[str, str, list[int]] | None = None  # what `row` gave last: nearly always what it gives next

    def row(self, script: str, build: str) -> list[int]:
        """
        The counts of a build, which runs now; they may be added to until the next call.

        Args:
            script: Its path; ``OTHERS`` for none that is known. Those beyond ``MOST_SCRIPTS`` are counted there, too.
            build: Its id.
        """
        last = self._last
        if last is not None and last[1] == build and last[0] == script:
            return last[2]
        row = self._row(script, build)
        self._last = script, build, row
        return row

    def _row(self, script: str, build: str) -> list[int]:
        if script not in self._scripts and len(self._scripts) >= MOST_SCRIPTS:
            script = OTHERS
        builds = self._scripts.setdefault(script, {})
        key = build if script else ""
        row = builds[key] = builds.pop(key, [0] * COUNTS)
        while len(builds) > MOST_BUILDS + (EARLIER in builds):
            oldest = next(build for build in builds if build != EARLIER)
            earlier = builds.pop(EARLIER, [0] * COUNTS)
            builds[EARLIER] = list(map(add, earlier, builds.pop(oldest)))
        return row

    def add(self, script: str, build: str, counts: Iterable[int]) -> None:
        """Add to those of a build, as for ``row``."""
        row = self.row(script, build)
        row[:] = map(add, row, counts)

    def scripts(self) -> dict[str, Builds]:
        """
        All of them.

        Returns:
            By path, as a copy. ``OTHERS`` are execs of no script that is known, and those beyond ``MOST_SCRIPTS``;
            ``EARLIER`` are the builds of a script before the ``MOST_BUILDS`` that ran last.
        """
        return {script: {build: list(own) for build, own in builds.items()} for script, builds in self._scripts.items()}

    def all(self) -> Iterator[list[int]]:
        """The counts of each build."""
        return (counts for builds in self._scripts.values() for counts in builds.values())


def status(scripts: Mapping[str, Builds], reloads: Mapping[str, tuple[int, float, float]]) -> tuple[ScriptStatus, ...]:
    """What ``Counted.scripts`` gives, for people; ``reloads`` as ``CurrentScripts.reloads`` has them."""
    from .status import ScriptStatus  # noqa: PLC0415 - a program that only counts needs no messages, and starts sooner

    return tuple(
        ScriptStatus(
            path=path,
            reloads=reloads.get(path, NO_RELOADS)[0],
            live_s=round(reloads.get(path, NO_RELOADS)[1], 3),
            live_at=round(reloads.get(path, NO_RELOADS)[2], 3),
            builds=tuple(_build(build, counts) for build, counts in builds.items()),
        )
        for path, builds in scripts.items()
    )


def outages(scripts: Mapping[str, Builds]) -> int:
    """How often a client was without a daemon."""
    return sum(counts[FIRST_SUM + SUMS.index("outages")] for builds in scripts.values() for counts in builds.values())


def _build(build: str, counts: list[int]) -> BuildStatus:
    from .status import BuildStatus  # noqa: PLC0415 - as above

    times = counts[FIRST_BUCKET:FIRST_SUM]
    sums = dict(zip(SUMS, counts[FIRST_SUM:], strict=True))
    return BuildStatus(
        build=build,
        outcomes={name: count for name, count in zip(OUTCOMES, counts, strict=False) if count},
        times=tuple(times),
        p50_s=quantile(times, 0.5),
        p99_s=quantile(times, 0.99),
        time_s=sums["time_ns"] / NS_PER_S,
        queue_s=sums["queue_ns"] / NS_PER_S,
        load_s=sums["load_ns"] / NS_PER_S,
        questions=sums["questions"],
        edits=sums["edits"],
        texts=sums["texts"],
    )
