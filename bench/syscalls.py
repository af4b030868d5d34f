"""
The system calls of an exec, in the client and in its worker: ``python -m bench.syscalls``. Needs strace.

A process of its own runs the 3-call script until all is warm and learned, then ``EXECS`` times between two marks that
strace writes down with the rest; what lies between them is counted by process.
"""

from __future__ import annotations

import json
import os
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

WARM, EXECS = 300, 2000
BEGIN, END = "/execs-begin-here", "/execs-end-here"
TRACED = "--traced"
_CALL = re.compile(r"(\d+) +(\w+)\(")  # the rest of a call that was interrupted begins with "<..."


def threads(pid: int) -> list[int]:
    """Of one process."""
    return [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]


def traced() -> None:
    """What strace runs; prints the threads of the client and of the worker."""
    script = str(compile_script(HERE / "scripts" / "Three.cs"))
    with Runner(settings()) as runner:
        block = execs(runner, script)
        block(WARM)
        Path(BEGIN).exists()
        block(EXECS)
        Path(END).exists()
        (worker,) = runner.snapshot().pids
        print(json.dumps({"client": threads(os.getpid()), "worker": threads(worker)}))


def counted(trace: Path, threads_of: dict[str, list[int]]) -> dict[str, Counter[str]]:
    """Calls between the marks, by process and name."""
    who = {thread: name for name, threads in threads_of.items() for thread in threads}
    found: dict[str, Counter[str]] = {name: Counter() for name in threads_of}
    is_between = False
    with trace.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if BEGIN in line or END in line:
                is_between = BEGIN in line
            elif is_between and (call := _CALL.match(line)) and int(call[1]) in who:
                found[who[int(call[1])]][call[2]] += 1
    return found


def main() -> None:
    """Print, for each system call, how many of it one exec makes on each side."""
    if shutil.which("strace") is None:
        sys.exit("strace is not installed: apt-get install strace")
    compile_script(HERE / "scripts" / "Three.cs")
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory) / "trace"
        command = ["strace", "-f", "-qq", "-e", "signal=none", "-o", str(trace)]
        done = subprocess.run(
            [*command, sys.executable, "-m", "bench.syscalls", TRACED], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode != 0:
            sys.exit(f"strace, or what it ran, ended with {done.returncode}; a container may have to allow ptrace")
        found = counted(trace, json.loads(done.stdout))
    print(f"system calls of one exec, from {EXECS} warm execs of the 3-call script")
    shown = Table(box=None, pad_edge=False)
    for name in ("call", *found):
        shown.add_column(name, justify="left" if name == "call" else "right")
    total = sum(found.values(), Counter[str]())
    for call, _ in total.most_common():
        shown.add_row(call, *(f"{calls[call] / EXECS:.3f}" if calls[call] else "" for calls in found.values()))
    Console().print(shown)


if __name__ == "__main__":
    if TRACED in sys.argv[1:]:
        traced()
    else:
        main()
