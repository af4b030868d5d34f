"""
The system calls of an exec, in the client and in its worker: ``python -m bench.syscalls``. Needs strace.

A separate process runs the 3-call script ``EXECS`` times, and then twice as often. The difference is what the execs
need, without start and end. Only one side is traced at a time, and only its main thread: a client that waits for a
worker under strace would make calls that it does not make otherwise.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.library import HERE, execs, settings
from runner.build import compile_script
from runner.runner import Runner

EXECS = 2000
TRACED = "--traced"
_CALL = re.compile(r"(\d+) +(\w+)\(")  # the rest of a call that was interrupted begins with "<..."
STRACE = ("strace", "-f", "-qq", "-e", "signal=none", "-o")


def traced(execs_made: int, mono: str) -> None:
    """The program to trace; ``mono`` starts the worker."""
    with Runner(settings(mono=mono)) as runner:
        execs(runner, str(compile_script(HERE / "scripts" / "Three.cs")))(execs_made)


def counted(side: str, execs_made: int) -> Counter[str]:
    """Number of calls of the main thread of one side, by name."""
    with tempfile.TemporaryDirectory() as directory:
        trace, mono = Path(directory) / "trace", Path(directory) / "mono"
        mono.write_text(f'#!/bin/sh\nexec {" ".join(STRACE)} {trace} mono "$@"\n', encoding="utf-8")
        mono.chmod(0o755)
        is_client = side == "client"
        command = [sys.executable, "-m", "bench.syscalls", TRACED, str(execs_made), "mono" if is_client else str(mono)]
        # Without -f, the processes that the client starts run untraced.
        done = subprocess.run(
            [*(word for word in STRACE if word != "-f"), str(trace), *command] if is_client else command, check=False
        )
        if done.returncode != 0:
            sys.exit(f"strace, or what it ran, ended with {done.returncode}; a container may have to allow ptrace")
        found: Counter[str] = Counter()
        main = ""
        with trace.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if call := _CALL.match(line if not is_client else f"1 {line}"):
                    main = main or call[1]
                    found[call[2]] += call[1] == main
    return found


def main() -> None:
    """Print how often one exec makes each system call, on each side."""
    if shutil.which("strace") is None:
        sys.exit("strace is not installed: apt-get install strace")
    compile_script(HERE / "scripts" / "Three.cs")
    found = {}
    for side in ("client", "worker"):
        once, twice = counted(side, EXECS), counted(side, 2 * EXECS)
        twice.subtract(once)
        found[side] = Counter({call: count for call, count in twice.items() if count > EXECS // 100})
    print(f"system calls of one exec, from {EXECS} warm execs of the 3-call script")
    shown = Table(box=None, pad_edge=False)
    for name in ("call", *found):
        shown.add_column(name, justify="left" if name == "call" else "right")
    total = sum(found.values(), Counter[str]())
    for call, _ in total.most_common():
        shown.add_row(call, *(f"{calls[call] / EXECS:.3f}" if calls[call] else "" for calls in found.values()))
    Console().print(shown)


if __name__ == "__main__":
    if sys.argv[1:2] == [TRACED]:
        traced(int(sys.argv[2]), sys.argv[3])
    else:
        main()
