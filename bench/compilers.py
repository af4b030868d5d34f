"""The manual's sample, compiled again after a change, in each language: as what `--watch` waits for after a save."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.library import HERE
from bench.measure import Row, against, alternate, within
from runner.build import compile_script
from runner.compilers.languages import CSHARP, CSHARP8, FSHARP, VB

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.compilers.languages import Language

BLOCKS, SIZE = 5, 5
LIMIT_US = 60_000
EXAMPLES = HERE.parent / "examples"


def measure() -> list[Row]:
    """Rows for each language whose compiler is installed, as a ratio to mcs, and with the limit of 60 ms."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="app-mono-bench-") as aside:
        sides = {}
        for language in (CSHARP, CSHARP8, VB, FSHARP):
            if missing := language.compiler.missing():
                print(f"{language.title} is left out: {missing}")
                continue
            directory = Path(aside) / language.name
            directory.mkdir()
            sides[language.name] = _compiles(language, directory / f"MySRTest{language.suffix}")
        times = alternate(sides, BLOCKS, SIZE)
    for name in times.keys() - {CSHARP.name}:
        rows.append(against(f"compile a change, {name} / mcs", times[name], times[CSHARP.name]))
        if name != FSHARP.name:
            rows.append(within(f"compile a change, {name}", times[name], LIMIT_US))
    return sorted(rows, key=lambda row: row.name)


def _compiles(language: Language, source: Path) -> Callable[[int], list[float]]:
    comment = "'" if language is VB else "//"
    text = (EXAMPLES / source.name).read_text(encoding="utf-8")
    if language is CSHARP8:
        text = f"// app-mono: -langversion:8\n{text}"
    numbers = itertools.count()

    def compiles(count: int) -> list[float]:
        spent = []
        for number in itertools.islice(numbers, count):
            source.write_text(f"{text}{comment} {number}\n", encoding="utf-8")
            begun = time.perf_counter()
            compile_script(source)
            spent.append(time.perf_counter() - begun)
        return spent

    return compiles
