"""An exec from Python: ours, an echo as the floor, pythonnet inside Python, and a cold mono."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench import lanes
from bench.lanes import LANES, told_by
from bench.measure import Row, Times, against, alternate
from runner import sip
from runner.build import compile_script, ensure_bridge
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
ROOT = HERE.parent
MESSAGE = ROOT / "examples" / "messages" / "invite.sip"
PEERS = ROOT / "build" / "bench"
LINE = b"x" * 170 + b"\n"  # as long as the line of the 3-call exec
THINK_S = 35e-6  # pause between two turns of the echo: the time that an exec needs outside its turn
BLOCKS, SIZE = 20, 300
FEW, MANY = "3 calls", "15 calls"
COLD_SIZE = 3  # a cold mono takes as long as a hundred execs


def settings(**values: object) -> Settings:
    """One worker, no spare, and long timeouts."""
    plain = {"spare_workers": 0, "exec_timeout_s": 10, "allocate_timeout_s": 10, "observer": "none"} | values
    return Settings(**plain)  # type: ignore[arg-type]


def execs(runner: Runner, script: str) -> Callable[[int], list[float]]:
    """A side: ``mono_exec``, each time with a new message."""
    parsed = sip.parse(MESSAGE.read_bytes())

    def block(count: int) -> list[float]:
        times = []
        for _ in range(count):
            host = MessageHost(parsed)
            began = time.perf_counter()
            result = runner.mono_exec(script, host=host)
            times.append(time.perf_counter() - began)
            assert result.ok, result.error
        return times

    return block


def echo(stack: ExitStack) -> dict[str, Callable[[int], list[float]]]:
    """
    Sides: one line there and back, with the same pause between two turns as in an exec.

    First over a socket pair with the two processes where the kernel puts them, then with both on one CPU, and then over
    two pipes on one CPU.
    """
    PEERS.mkdir(parents=True, exist_ok=True)
    program = PEERS / "Echo.exe"
    subprocess.run(["mcs", f"-out:{program}", str(HERE / "Echo.cs")], check=True, stdout=subprocess.DEVNULL)
    ours, theirs = socket.socketpair()
    paired = stack.enter_context(
        subprocess.Popen(["mono", str(program)], stdin=theirs.fileno(), stdout=theirs.fileno())
    )
    theirs.close()
    stack.callback(ours.close)
    piped = subprocess.Popen(["mono", str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stack.enter_context(piped)
    assert piped.stdin is not None
    assert piped.stdout is not None

    def block(count: int, writes: int, reads: int) -> list[float]:
        times = []
        for _ in range(count):
            began = time.perf_counter()
            os.write(writes, LINE)
            os.read(reads, 65536)
            ended = time.perf_counter()
            times.append(ended - began)
            until = ended + THINK_S
            while time.perf_counter() < until:
                pass
        return times

    def on_one_cpu(count: int, process: subprocess.Popen[bytes], writes: int, reads: int) -> list[float]:
        own = os.sched_getaffinity(0)
        place(process.pid, {min(own)})
        try:
            return block(count, writes, reads)
        finally:
            place(process.pid, own)

    def place(pid: int, cpus: set[int]) -> None:
        os.sched_setaffinity(0, cpus)
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cpus)

    pair, pipes = (ours.fileno(), ours.fileno()), (piped.stdin.fileno(), piped.stdout.fileno())
    return {
        "echo": lambda count: block(count, *pair),
        "echo, one CPU": lambda count: on_one_cpu(count, paired, *pair),
        "echo, pipes, one CPU": lambda count: on_one_cpu(count, piped, *pipes),
    }


def pythonnet(stack: ExitStack, script: str) -> Callable[[int], list[float]]:
    """
    A side: mono inside a Python process that has an environment of its own.

    Raises:
        OSError, subprocess.SubprocessError: It cannot be installed or run on this machine.
    """
    python = PEERS / "pythonnet" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "pythonnet==3.0.5"], check=True)
    program, library = built(script), PEERS / "SRBridge.dll"
    command = ["mcs", "-t:library", f"-out:{library}", f"-r:{ensure_bridge().sr_dll}", str(HERE / "PeerHost.cs")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    process = stack.enter_context(
        subprocess.Popen(
            [str(python), "-W", "ignore", str(HERE / "pythonnet_peer.py"), str(library), str(program), str(MESSAGE)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )
    )  # fmt: skip
    stack.callback(process.kill)

    block = told_by(process, "pythonnet did not start; it needs netstandard.dll (Debian package mono-devel)")
    block(1)
    return block


def cold() -> Callable[[int], list[float]]:
    """A side: ``mono script.exe`` for one call. Nobody answers the script: this is only mono's start and end."""
    program = built("Three")

    def block(_: int) -> list[float]:
        times = []
        for _ in range(COLD_SIZE):
            began = time.perf_counter()
            done = subprocess.run(["mono", str(program)], check=False)
            times.append(time.perf_counter() - began)
            assert done.returncode == 1, "without a host $ru is null, and the script says so"
        return times

    return block


def built(name: str) -> Path:
    """Compile a script for a peer, with SR.dll beside it."""
    PEERS.mkdir(parents=True, exist_ok=True)
    sr_dll = ensure_bridge().sr_dll
    beside, content = PEERS / "SR.dll", sr_dll.read_bytes()
    if not beside.exists() or beside.read_bytes() != content:  # a running peer has the file mapped
        beside.write_bytes(content)
    program = PEERS / f"{name}.exe"
    command = ["mcs", f"-out:{program}", f"-r:{sr_dll}", str(HERE / "scripts" / f"{name}.cs")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return program


def measure() -> tuple[list[Row], dict[str, Times]]:
    """The rows of the library, and the times behind them for the plot."""
    PEERS.mkdir(parents=True, exist_ok=True)
    scripts = {"3 calls": "Three", "15 calls": "Fifteen"}
    with ExitStack() as stack:
        free = stack.enter_context(Runner(settings(placement="free")))
        sides: dict[str, Callable[[int], list[float]]] = {"cold mono": cold()}
        for what, script in scripts.items():
            program = str(compile_script(HERE / "scripts" / f"{script}.cs"))
            sides |= {f"{what}: {lane}": lanes.library(stack, lane, program) for lane in LANES}
            if what == FEW:
                sides["placed by the kernel"] = execs(free, program)
        sides |= echo(stack)
        try:
            sides |= {f"{what}: pythonnet": pythonnet(stack, script) for what, script in scripts.items()}
        except (OSError, subprocess.SubprocessError) as error:
            print(f"pythonnet is left out: {error}")
        times = alternate(sides, BLOCKS, SIZE)
    floor, first = times["echo"], next(iter(LANES))
    few, many = times[f"{FEW}: {first}"], times[f"{MANY}: {first}"]
    rows: list[Row] = []
    for what, lane in itertools.product(scripts, LANES):
        ours, peer = times[f"{what}: {lane}"], times.get(f"{what}: pythonnet")
        if peer is not None:
            rows.append(against(f"library, {what}: {lane} / pythonnet", ours, peer))
            rows.append(against(f"library p99, {what}: {lane} / pythonnet", ours, peer, tail=True))
        rows.append(against(f"library, {what}: {lane} / echo floor", ours, floor))
    rows += [
        against("library, 3 calls, placed by the kernel / echo floor", times["placed by the kernel"], floor),
        against("library, 3 calls / echo on one CPU", few, times["echo, one CPU"]),
        against("library, 3 calls / echo over pipes, one CPU", few, times["echo, pipes, one CPU"]),
        against("library, 15 calls / 3 calls", many, few),
        against("library, 3 calls / cold mono", few, times["cold mono"]),
    ]
    return rows, times
