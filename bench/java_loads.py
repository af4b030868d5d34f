"""
A script in Java from its source, which is compiled once for all workers, and from its class file: what that costs.

A change is compared with javac as a program. Alone: ``python -m bench.java_loads``.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import report
from bench.library import HERE, MESSAGE, settings
from bench.measure import Row, Times, against, rounds
from bench.pool import memory_mib
from runner import sip
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.runtimes import classes, java
from runner.runtimes.known import JAVA

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 8
SAVES = 20  # of which the first ones warm the compiler up
WARM = 10
WORKERS = 4
SOURCE = HERE / "scripts" / "Three.java"

_number = itertools.count()


def measure() -> list[Row]:
    """Rows for the first load in a new worker, memory after it, and a change; none without a JDK."""
    if missing := JAVA.missing():
        print(f"loads in Java are left out: {missing}")
        return []
    sizes: dict[str, list[float]] = {"new": [], "kept": [], "class": [], "compiler": []}
    with tempfile.TemporaryDirectory(prefix="app-mono-bench-") as aside:
        script = Path(aside) / SOURCE.name
        script.write_text(SOURCE.read_text("utf-8"), "utf-8")
        javac = ["javac", "-cp", str(java.ensure().sr), str(script)]
        changes = script.with_name("Changes.java")
        sides: dict[str, Callable[[], list[float]]] = {
            "javac": lambda: _seconds(javac),
            "new": lambda: _first_of_new(script.with_name("New.java"), sizes),
            "kept": lambda: _first(script, sizes["kept"]),
            "class": lambda: _first(script.with_suffix(".class"), sizes["class"]),
            "change": partial(_changes, changes, 1),
            "changes": partial(_changes, changes, WORKERS),
        }
        sides["javac"]()  # makes the class file
        sides["kept"]()
        times = rounds(sides, TRIES)
    kept, compiled, compiler = (Times.of(sizes[kind]) for kind in ("kept", "class", "compiler"))
    return [
        against("first load in a new worker, new .java / .class", times["new"], times["class"]),
        against("first load in a new worker, .java compiled before / .class", times["kept"], times["class"]),
        against("memory of that worker, .java / .class", kept, compiled, unit="MiB"),
        against("memory of the compiler / of a worker", compiler, compiled, unit="MiB"),
        against("load of a change, .java / javac", times["change"], times["javac"]),
        against(f"load of a change by {WORKERS} workers / by one", times["changes"], times["change"]),
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


def _save(script: Path) -> None:
    """Write a script that was never compiled before."""
    script.write_text(f"{SOURCE.read_text('utf-8')}// {os.getpid()} {next(_number)} {time.time_ns()}\n", "utf-8")


def _first(script: Path, sizes: list[float]) -> list[float]:
    with Runner(settings(max_workers=1), begins_with=["java"]) as runner:
        spent = _load(runner, script)
        sizes.append(memory_mib(runner.snapshot().pids[0]))
    return [spent]


def _first_of_new(script: Path, sizes: dict[str, list[float]]) -> list[float]:
    """As ``_first``, with a compiler that is started for it."""
    compiler = classes.process(JAVA.command)
    compiler.stop()
    _save(script)
    spent = _first(script, sizes["new"])
    sizes["compiler"].append(memory_mib(compiler.pid or 0))
    return spent


def _changes(script: Path, workers: int) -> list[float]:
    """Of each change, the time that so many workers need to load it, one after the other."""
    spent = []
    with Runner(settings(max_workers=workers), begins_with=["java"]) as runner:
        for _ in range(SAVES):
            _save(script)
            with ExitStack() as held:
                loads = []
                for _ in range(workers):
                    loads.append(_load(runner, script))
                    held.enter_context(runner.pools.of("java").pool.lease(None, time.monotonic() + 10))
                spent.append(sum(loads))
    return spent[WARM:]


if __name__ == "__main__":
    report.table(measure())
