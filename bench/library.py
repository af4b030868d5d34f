"""An exec from Python: ours, an echo as the floor, pythonnet inside Python, and a cold mono."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

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

    def block(count: int) -> list[float]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{count}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise OSError("pythonnet did not start; it needs netstandard.dll (Debian package mono-devel)")
        return [int(nanoseconds) / 1e9 for nanoseconds in line.split()]

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
    three, fifteen = (str(compile_script(HERE / "scripts" / f"{name}.cs")) for name in ("Three", "Fifteen"))
    with ExitStack() as stack:
        together = stack.enter_context(Runner(settings()))
        free = stack.enter_context(Runner(settings(placement="free")))
        sides = {
            "3 calls": execs(together, three),
            "3 calls, placed by the kernel": execs(free, three),
            "15 calls": execs(together, fifteen),
        }
        sides |= echo(stack)
        missing = ""
        try:
            sides |= {
                "pythonnet, 3 calls": pythonnet(stack, "Three"),
                "pythonnet, 15 calls": pythonnet(stack, "Fifteen"),
            }
        except (OSError, subprocess.SubprocessError) as error:
            missing = str(error)
        sides["cold mono"] = cold()
        times = alternate(sides, BLOCKS, SIZE)
    three_calls, fifteen_calls, floor = times["3 calls"], times["15 calls"], times["echo"]
    free_calls = times["3 calls, placed by the kernel"]
    rows = [
        against("library exec, 3 calls / echo floor", three_calls, floor, "<= 2.0"),
        against("the same, placed by the kernel / echo floor", free_calls, floor, ""),
        against("library p99, 3 calls / echo floor", three_calls, floor, "", tail=True),
        against("library p99, 15 calls / echo floor", fifteen_calls, floor, "", tail=True),
    ]
    if missing:
        print(f"pythonnet is left out: {missing}")
    else:
        peer_three, peer_fifteen = times["pythonnet, 3 calls"], times["pythonnet, 15 calls"]
        rows += [
            against("library exec, 3 calls / pythonnet", three_calls, peer_three, "<= 1.0"),
            against("library p99, 3 calls / pythonnet", three_calls, peer_three, "", tail=True),
            against("library exec, 15 calls / pythonnet", fifteen_calls, peer_fifteen, ""),
            against("library p99, 15 calls / pythonnet", fifteen_calls, peer_fifteen, "", tail=True),
        ]
    rows += [
        against("library exec, 3 calls / echo on one CPU", three_calls, times["echo, one CPU"], ""),
        against("library exec, 3 calls / echo over pipes, one CPU", three_calls, times["echo, pipes, one CPU"], ""),
        against("library exec, 15 calls / 3 calls", fifteen_calls, three_calls, ""),
        against("library exec, 3 calls / cold mono", three_calls, times["cold mono"], "<= 0.005"),
    ]
    return rows, times
