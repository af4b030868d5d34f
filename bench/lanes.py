"""The lanes that this machine has: the common exec in C, where that was built, and in Python. Each is a side."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack

VARIABLE = "APP_MONO_LANE"


def _lanes() -> dict[str, Mapping[str, str]]:
    try:
        importlib.import_module("runner.lane._lane")
    except ImportError:
        return {"Python lane": {}}
    return {"C lane": {VARIABLE: "c"}, "Python lane": {VARIABLE: "python"}}


LANES = _lanes()
"""By name, what the environment has to say; the one that runs by default comes first."""


def library(stack: ExitStack, lane: str, script: str) -> Callable[[int], list[float]]:
    """A side for ``alternate``: ``mono_exec`` with this lane, in a process of its own, which chooses its lane once."""
    command = [sys.executable, "-m", "bench.in_lane", script]
    process = stack.enter_context(
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ | LANES[lane], text=True
        )
    )
    return told_by(process, f"{lane}: the process of this side ended")


def told_by(process: subprocess.Popen[str], why_not: str) -> Callable[[int], list[float]]:
    """
    A side that another process runs: it reads a number of runs, and writes the nanoseconds of each in one line.

    Raises:
        OSError: ``why_not``; when it writes nothing.
    """

    def block(count: int) -> list[float]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{count}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise OSError(why_not)
        return [int(nanoseconds) / 1e9 for nanoseconds in line.split()]

    return block
