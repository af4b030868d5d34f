"""
The system calls of an exec: ``python -m bench.syscalls``. Needs strace, and a container may have to allow ptrace.

In a program and in its worker, a separate process runs the 3-call script ``EXECS`` times, and then twice as often. The
difference is what the execs need, without start and end. Only one side is traced at a time, and only its main thread: a
client that waits for a worker under strace would make calls that it does not make otherwise. In Kamailio, the process
for SIP is traced while it answers requests; what it calls without a script is shown beside it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench.lanes import LANES
from bench.library import HERE, execs, settings
from bench.sides import DEFAULT, FEW, NO_SCRIPT, Rig
from runner.build import compile_script
from runner.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.sides import Side

WARM = 20
EXECS = 2000
TRACED = "--traced"
_CALL = re.compile(r"(\d+) +(\w+)\(")  # the rest of a call that was interrupted begins with "<..."
STRACE = ("strace", "-f", "-qq", "-e", "signal=none", "-o")


def traced(execs_made: int, mono: str) -> None:
    """The program to trace; ``mono`` starts the worker."""
    with Runner(settings(mono=mono)) as runner:
        execs(runner, str(compile_script(HERE / "scripts" / "Three.cs")))(execs_made)


def counted(side: str, execs_made: int, env: Mapping[str, str]) -> Counter[str]:
    """Number of calls of the main thread of one side, by name."""
    with tempfile.TemporaryDirectory() as directory:
        trace, mono = Path(directory) / "trace", Path(directory) / "mono"
        mono.write_text(f'#!/bin/sh\nexec {" ".join(STRACE)} {trace} mono "$@"\n', encoding="utf-8")
        mono.chmod(0o755)
        is_client = side == "client"
        command = [sys.executable, "-m", "bench.syscalls", TRACED, str(execs_made), "mono" if is_client else str(mono)]
        # Without -f, the processes that the client starts run untraced.
        done = subprocess.run(
            [*(word for word in STRACE if word != "-f"), str(trace), *command] if is_client else command,
            env=os.environ | env,
            check=False,
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


def in_program() -> dict[str, Counter[str]]:
    """By side, the calls of ``EXECS`` warm execs."""
    found = {}
    sides = [(f"program, {lane}", "client", env) for lane, env in LANES.items()]
    for name, side, env in (*sides, ("worker", "worker", LANES[DEFAULT])):
        once, twice = counted(side, EXECS, env), counted(side, 2 * EXECS, env)
        twice.subtract(once)
        found[name] = twice
    return found


def in_kamailio() -> dict[str, Counter[str]]:
    """By side, the calls of Kamailio's process for SIP while it answers ``EXECS`` requests."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        rig = Rig(stack, Path(directory), 1, "qm")
        sides = rig.plain()
        for lane in LANES:
            sides |= rig.ours(lane, lane, FEW)
        names = {name: name if name == NO_SCRIPT else f"Kamailio, {name.removesuffix(f', {FEW}')}" for name in sides}
        return {names[name]: served(side, Path(directory) / "trace") for name, side in sides.items()}


def served(side: Side, trace: Path) -> Counter[str]:
    """The calls of the process that answers, which is the one that uses the CPU."""
    ask = side.requests()
    ask(WARM)
    before = {pid: cpu_ns(pid) for pid in side.kamailio.children()}
    ask(WARM)
    server = max(before, key=lambda pid: cpu_ns(pid) - before[pid])
    command = [word for word in STRACE if word not in {"-f", "-qq"}]
    with subprocess.Popen([*command, str(trace), "-p", str(server)], stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        if "attached" not in said:
            sys.exit(f"strace cannot trace Kamailio; a container may have to allow ptrace: {said}")
        ask(EXECS)
        strace.send_signal(signal.SIGINT)
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    return Counter(call[2] for line in lines if (call := _CALL.match(f"1 {line}")))


def cpu_ns(pid: int) -> int:
    """CPU time of a process with one thread."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


def main() -> None:
    """Print how often one exec makes each system call, on each side."""
    if shutil.which("strace") is None:
        sys.exit("strace is not installed: apt-get install strace")
    compile_script(HERE / "scripts" / "Three.cs")
    found = in_program() | in_kamailio()
    found = {side: Counter({call: n for call, n in calls.items() if n > EXECS // 100}) for side, calls in found.items()}
    print(f"system calls of one exec, from {EXECS} warm execs of the 3-call script")
    shown = Table(box=None, pad_edge=False)
    for name in ("call", *found):
        shown.add_column(name, justify="left" if name == "call" else "right")
    total = sum(found.values(), Counter[str]())
    for call, _ in total.most_common():
        shown.add_row(call, *(f"{calls[call] / EXECS:.3f}" if calls[call] else "" for calls in found.values()))
    Console(width=160).print(shown)


if __name__ == "__main__":
    if sys.argv[1:2] == [TRACED]:
        traced(int(sys.argv[2]), sys.argv[3])
    else:
        main()
