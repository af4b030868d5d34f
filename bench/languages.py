"""An exec with 3 calls in each language, as a ratio to C#'s in the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.library import BLOCKS, HERE, SIZE, execs, settings
from bench.measure import Row, against, alternate
from runner.build import compile_script
from runner.runner import Runner
from runner.runtimes.known import Runtimes

if TYPE_CHECKING:
    from bench.measure import Times

SCRIPTS = {"java": "Three.java", "node": "Three.js", "python": "Three.py"}
WARM_EXECS = 5000  # a virtual machine compiles what it has run often


def measure() -> list[Row]:
    """A row for each runtime that is installed, where the two are placed together and where the kernel places them."""
    rows: list[Row] = []
    scripts = {"mono": str(compile_script(HERE / "scripts" / "Three.cs"))}
    for name, script in SCRIPTS.items():
        if missing := Runtimes(settings()).named(name).missing():
            print(f"{name} is left out: {missing}")
        else:
            scripts[name] = str(HERE / "scripts" / script)
    for placement, told in (("together", ""), ("free", ", placed by the kernel")):
        with Runner(settings(placement=placement, max_workers=1)) as runner:
            sides = {name: execs(runner, script) for name, script in scripts.items()}
            for side in sides.values():
                side(WARM_EXECS)
            times: dict[str, Times] = alternate(sides, BLOCKS, SIZE)
        peers = [name for name in scripts if name != "mono"]
        rows += [against(f"exec, 3 calls, {name} / mono{told}", times[name], times["mono"]) for name in peers]
    return rows
