"""
``make bench``: measures all that this machine allows, against its peers, in one run. See docs/performance.md.

Arguments name groups: library, kamailio, kemi, languages, pool, start; none means all.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench import compilers, counting, java_loads, kamailio, kemi, languages, library, pool, report, start

if TYPE_CHECKING:
    from bench.measure import Row, Times

GROUPS = ("library", "kamailio", "kemi", "languages", "pool", "start")


def main() -> None:
    """Measure the chosen groups, and print and write the results."""
    wanted = sys.argv[1:] or GROUPS
    if unknown := set(wanted) - set(GROUPS):
        sys.exit(f"expected groups of {', '.join(GROUPS)}, got {', '.join(unknown)}")
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
    print(f"written: build/bench.json, {report.plot(latencies, throughput).relative_to(report.BUILD.parent)}")


if __name__ == "__main__":
    main()
