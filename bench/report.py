"""The table, ``build/bench.json`` and the plot."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.measure import Row, Times

BUILD = Path(__file__).parent.parent / "build"


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
    for name in ("row", "ours", "peer", "unit", "ratio", "target", "met", "noise"):
        shown.add_column(name, justify="left" if name in {"row", "unit", "met"} else "right")
    for row in rows:
        shown.add_row(
            row.name,
            f"{row.ours:.4g}",
            "" if row.peer is None else f"{row.peer:.4g}",
            row.unit,
            f"{row.ratio:.3g}",
            row.target,
            {True: "yes", False: "NO", None: ""}[row.is_met],
            "" if row.noise is None else f"{row.noise:.0%}",
        )
    console = Console(width=140)
    console.print(machine())
    console.print(shown)


def write(rows: Sequence[Row]) -> None:
    """Write ``build/bench.json``; units other than microseconds are in the names of the rows."""
    BUILD.mkdir(exist_ok=True)
    records = [
        {
            "name": row.name if row.unit in {"us", ""} else f"{row.name} [{row.unit}]",
            "ours_us": round(row.ours, 4),
            "peer_us": None if row.peer is None else round(row.peer, 4),
            "ratio": round(row.ratio, 4),
            "target": row.target,
            "met": row.is_met,
            "noise": None if row.noise is None else round(row.noise, 3),
        }
        for row in rows
    ]
    text = json.dumps({"machine": machine(), "rows": records}, indent=1)
    (BUILD / "bench.json").write_text(text + "\n", encoding="utf-8")


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
    place = BUILD / "bench.svg"
    figure.savefig(place)
    return place
