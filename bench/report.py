"""The table, ``build/bench.json`` and the plot."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench.measure import Row
from bench.summary import lines as summary_lines
from bench.summary import number
from bench.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.measure import Times

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
PAGE = ROOT / "docs" / "performance.md"
PLOT = "bench.svg"
COLUMNS = ("row", "ours", "peer", "unit", "ratio", "target", "", "noise")


def machine() -> str:
    """The machine and the versions that were measured."""
    cpus = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in cpus if "model name" in line]
    mono = subprocess.run(["mono", "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    kernel, python = platform.release(), platform.python_version()
    model = (models or [platform.machine()])[0]
    return f"{os.cpu_count()} x {model}, Linux {kernel}, {mono.split(' (')[0]}, Python {python}"


def table(rows: Sequence[Row]) -> None:
    """Print the results, one row on each line, with the target and whether it is met."""
    shown = Table(box=None, pad_edge=False)
    for name in COLUMNS:
        shown.add_column(name or " ", justify="left" if name in {"row", "unit", ""} else "right")
    for row in rows:
        shown.add_row(*_cells(row))
    console = Console(width=160)
    console.print(machine())
    console.print(shown)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        number(row.ours),
        "" if row.peer is None else number(row.peer),
        row.unit,
        number(row.ratio),
        row.target,
        {True: "met", False: "missed", None: ""}[row.is_met],
        "" if row.noise is None else f"{row.noise:.0%}",
    )


def write(rows: Sequence[Row]) -> None:
    """Write ``build/bench.json``."""
    BUILD.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), "rows": [dataclasses.asdict(row) for row in rows]}, indent=1)
    (BUILD / "bench.json").write_text(text + "\n", encoding="utf-8")


def into_page(page: Path = PAGE, results: Path = BUILD / "bench.json") -> None:
    """
    Write the rows of ``build/bench.json`` into docs/performance.md: what they say in short, and all of them as a table.

    A row that has a target and was not measured there has no figures.
    """
    try:
        found = json.loads(results.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit(f"expected the results of `make bench` in {results}, found no such file")
    rows = {record["name"]: Row(**record) for record in found["rows"]}
    text = page.read_text(encoding="utf-8")
    for part, new in (("summary", summary_lines(rows)), ("table", as_markdown(rows, found["machine"]))):
        begin, end = f"<!-- {part} of make bench -->\n", f"<!-- end of the {part} -->\n"
        before, begins, rest = text.partition(begin)
        _, ends, after = rest.partition(end)
        if not begins or not ends:
            sys.exit(f"{page}: expected the lines {begin.strip()!r} and, below it, {end.strip()!r}")
        text = f"{before}{begin}\n{new}\n\n{end}{after}"
    page.write_text(text, encoding="utf-8")
    if rows:
        shutil.copy(results.with_name(PLOT), page.with_name(PLOT))


def as_markdown(rows: Mapping[str, Row], where: str) -> str:
    """All rows that were measured, and those that have a target and were not."""
    empty = ("",) * 4
    cells = [_cells(row) for row in rows.values()]
    cells += [(name, *empty, target, "not measured", "") for name, target in TARGETS.items() if name not in rows]
    lines = [f"| {' | '.join(row)} |" for row in (COLUMNS, ("---",) * len(COLUMNS), *cells)]
    plotted = [f"\n![latencies and throughput]({PLOT})"] if rows else []
    return "\n".join([f"{where}.\n", *lines, *plotted])


def plot(latencies: Mapping[str, Times], throughput: Mapping[str, Mapping[int, float]]) -> Path:
    """Plot distributions of latency on the left and throughput over workers on the right; returns the file."""
    import matplotlib as mpl  # noqa: PLC0415 - only needed for plotting

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5))
    for position, (name, times) in enumerate(latencies.items()):
        values = [time * 1e6 for time in times.all]
        style = "-" if position < 10 else "--"  # noqa: PLR2004 - the number of colours
        left.plot(values, [number / len(values) for number in range(len(values))], style, label=name)
    left.set(xscale="log", xlabel="microseconds", ylabel="share of runs that were as fast", title="latency")
    if latencies:
        left.legend(fontsize=7)
    for name, counts in throughput.items():
        right.plot(list(counts), list(counts.values()), marker="o", label=name)
    right.set(xlabel="workers", ylabel="execs a second", title="throughput", ylim=(0, None))
    if throughput:
        right.legend(fontsize=7)
    figure.tight_layout()
    place = BUILD / PLOT
    figure.savefig(place)
    return place
