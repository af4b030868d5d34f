"""
A script in Java from its source, which the worker compiles itself, and from its class file: what the compiler costs.

The compiler in a worker that has loaded sources before is compared with javac as a program, which is what a cache of
classes that workers share would have to wait for after a save. Alone: ``python -m bench.java_loads``.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import report
from bench.library import HERE, MESSAGE, settings
from bench.measure import Row, Times, against, rounds
from bench.pool import memory_mib
from runner import sip
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.runtimes import java
from runner.runtimes.known import JAVA

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 8
SAVES = 20  # of which the first ones warm the compiler up
WARM = 10
SOURCE = HERE / "scripts" / "Three.java"


def measure() -> list[Row]:
    """Rows for the first load in a new worker, the size of the worker after it, and a change; none without a JDK."""
    if missing := JAVA.missing():
        print(f"loads in Java are left out: {missing}")
        return []
    sizes: dict[str, list[float]] = {".java": [], ".class": []}
    with tempfile.TemporaryDirectory(prefix="app-mono-bench-") as aside:
        script = Path(aside) / SOURCE.name
        script.write_text(SOURCE.read_text("utf-8"), "utf-8")
        javac = ["javac", "-cp", str(java.ensure().sr), str(script)]
        sides: dict[str, Callable[[], list[float]]] = {
            "javac": lambda: _seconds(javac),
            ".java": lambda: _first(script, sizes[".java"]),
            ".class": lambda: _first(script.with_suffix(".class"), sizes[".class"]),
            "change": lambda: _changes(script.with_name("Changes.java")),
        }
        sides["javac"]()  # makes the class file
        times = rounds(sides, TRIES)
    source, compiled = (Times.of(sizes[kind]) for kind in sizes)
    return [
        against("first load in a new worker, .java / its .class", times[".java"], times[".class"]),
        against("memory after it, .java / its .class", source, compiled, unit="MiB"),
        against("load of a change, .java in a warm worker / javac", times["change"], times["javac"]),
    ]


def _seconds(command: list[str]) -> list[float]:
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return [time.perf_counter() - began]


def _load(runner: Runner, script: Path) -> float:
    result = runner.mono_exec(script, host=MessageHost(sip.parse(MESSAGE.read_bytes())))
    if not result.ok:
        raise RuntimeError(f"{script} gave {result}")
    return result.timing.load_us / 1e6


def _first(script: Path, sizes: list[float]) -> list[float]:
    with Runner(settings(max_workers=1), begins_with=["java"]) as runner:
        spent = _load(runner, script)
        sizes.append(memory_mib(runner.snapshot().pids[0]))
    return [spent]


def _changes(script: Path) -> list[float]:
    text = SOURCE.read_text("utf-8")
    spent = []
    with Runner(settings(max_workers=1), begins_with=["java"]) as runner:
        for number in range(SAVES):
            script.write_text(f"{text}// {number}\n", "utf-8")
            spent.append(_load(runner, script))
    return spent[WARM:]


if __name__ == "__main__":
    report.table(measure())
