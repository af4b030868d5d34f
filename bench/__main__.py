"""
``make bench``: measures all that this machine allows, against its peers, in one run. See docs/performance.md.

Arguments name groups: library, kamailio, kemi, languages, pool, start; none means all. ``--table`` measures nothing and
writes the table of the last run into docs/performance.md.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from bench import compilers, counting, java_loads, kamailio, kemi, languages, library, pool, report, start
from bench.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.measure import Row, Times

TABLE = "--table"
GROUPS = ("library", "kamailio", "kemi", "languages", "pool", "start")


def main() -> None:
    """Measure the chosen groups, and print and write the results."""
    if sys.argv[1:] == [TABLE]:
        report.into_page()
        return
    # As Ctrl-C: what was started ends, and its directories go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        measure(sys.argv[1:] or GROUPS)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def measure(wanted: Sequence[str]) -> None:
    """The groups that are wanted."""
    if unknown := set(wanted) - set(GROUPS):
        sys.exit(f"expected groups of {', '.join(GROUPS)}, or {TABLE}, got {', '.join(unknown)}")
    rows: list[Row] = []
    latencies: dict[str, Times] = {}
    throughput: dict[str, dict[int, float]] = {}
    if "library" in wanted:
        found, times = library.measure()
        rows += found
        latencies |= times
    if "kamailio" in wanted:
        found, times = kamailio.measure()
        rows += found + counting.measure()
        latencies |= times
    if "kemi" in wanted:
        rows += kemi.measure()
    if "languages" in wanted:
        rows += languages.measure() + java_loads.measure() + compilers.measure()
    if "pool" in wanted:
        found, throughput = pool.measure()
        rows += found
    if "start" in wanted:
        rows += start.measure()
    report.table(rows)
    report.write(rows)
    if set(wanted) == set(GROUPS) and (missing := TARGETS.keys() - {row.name for row in rows}):
        print(f"not measured here: {'; '.join(sorted(missing))}")
    print(f"written: build/bench.json, {report.plot(latencies, throughput).relative_to(report.BUILD.parent)}")


if __name__ == "__main__":
    main()
