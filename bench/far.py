"""
What an exec on a node costs, and how far that goes; ``python -m bench.far``. Needs the server of NATS that tests have.

First it measures an exec with 15 calls in a worker of this machine and in one of a node, in turns: its time, and the
CPU time of each process that takes part. All of them share the cores here, so it takes longer than between machines
that have their own; a network adds its own time. Then it computes from the CPU times, with ``CORES`` cores for each
node, how much 3, 30 and 300 nodes run, and how many SIP hosts and servers of NATS that takes.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench import report
from bench.cluster import CORES
from bench.library import HERE
from runner.build import compile_script
from runner.client.lease import Lease
from runner.hosts.embedded.host import MessageHost
from tests.cluster.running_node import RunningNode
from tests.cluster.servers import Servers
from tests.places import INVITE
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WARM, BLOCKS, SIZE = 2000, 10, 500
PATIENT_S = 10.0
PARTS = ("client", "daemon", "NATS", "node", "worker")


class Rig:
    """
    One daemon with a worker of this machine, and one whose worker is a node's.

    Args:
        stack: Ends all of it.
        place: A directory.
    """

    def __init__(self, stack: ExitStack, place: Path) -> None:
        for name in ("here", "far"):
            (place / name).mkdir()
        patient = f"allocate_timeout_s = {PATIENT_S}\nexec_timeout_s = {PATIENT_S}\n"
        self.servers = stack.enter_context(Servers(place))
        self.node = stack.enter_context(RunningNode(place, "node", self.servers.urls("node"), "max_workers = 1"))
        own = json.dumps(self.servers.urls("sip"))
        self.here = stack.enter_context(RunningDaemon(place / "here", f"{patient}max_workers = 1"))
        self.far = stack.enter_context(RunningDaemon(place / "far", f"{patient}nats = {own}\nmax_workers = 0"))
        self.node.await_start()

    def pids(self) -> dict[str, tuple[int, ...]]:
        """The processes of the far side; the client is this one."""
        (worker,) = children(self.node.pid)
        return {
            "daemon": (self.far.pid,),
            "NATS": tuple(self.servers.pids),
            "node": (self.node.pid,),
            "worker": (worker,),
        }


def children(pid: int) -> list[int]:
    """Of a process, those that are no threads."""
    found = [path.read_text("ascii").split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for some in found for child in some]


def cpu_s(pids: tuple[int, ...]) -> float:
    """CPU time of processes, with all their threads (proc(5), schedstat)."""
    stats = [path for pid in pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(path.read_text("ascii").split()[0]) for path in stats) / 1e9


def side(daemon: RunningDaemon, assembly: Path) -> Callable[[int], list[float]]:
    """Runs the script through a daemon; gives the seconds of each exec."""
    script = str(shutil.copy(assembly, daemon.scripts))
    lease = Lease(str(daemon.socket))

    def block(count: int) -> list[float]:
        seconds = []
        for _ in range(count):
            host = MessageHost(INVITE)
            began = time.perf_counter()
            outcome = lease.exec(script, None, host, time.monotonic() + PATIENT_S)
            seconds.append(time.perf_counter() - began)
            if outcome.code != 0:
                raise RuntimeError(f"{script} gave {outcome.code}")
        return seconds

    return block


def measure() -> tuple[dict[str, float], dict[str, float]]:
    """The median time of an exec on each side, and the CPU time of each part of the far one; in seconds."""
    times: dict[str, list[float]] = {"here": [], "far": []}
    spent: dict[str, list[float]] = {part: [] for part in PARTS}
    with tempfile.TemporaryDirectory(prefix="app-mono-bench-") as place, ExitStack() as stack:
        rig = Rig(stack, Path(place))
        assembly = compile_script(HERE / "scripts" / "Fifteen.cs")
        sides = {"here": side(rig.here, assembly), "far": side(rig.far, assembly)}
        for block in sides.values():
            block(WARM)
        pids = rig.pids()
        for _ in range(BLOCKS):
            times["here"] += sides["here"](SIZE)
            before = {part: cpu_s(of) for part, of in pids.items()} | {"client": time.process_time()}
            times["far"] += sides["far"](SIZE)
            after = {part: cpu_s(of) for part, of in pids.items()} | {"client": time.process_time()}
            for part in PARTS:
                spent[part].append((after[part] - before[part]) / SIZE)
    return (
        {name: statistics.median(values) for name, values in times.items()},
        {part: statistics.median(values) for part, values in spent.items()},
    )


def capacity(nodes: int, spent: Mapping[str, float]) -> tuple[float, float, float]:
    """
    What so many nodes give, from CPU times alone.

    Returns:
        Execs a second; the daemons that pass them on, each with one thread for that; and the cores for servers of
        NATS.
    """
    execs = nodes * CORES / (spent["node"] + spent["worker"])
    return execs, execs * spent["daemon"], execs * spent["NATS"]


def main() -> None:
    """Measure, compute, print."""
    times, spent = measure()
    console = Console(width=140)
    console.print(report.machine())
    console.print(
        f"exec with 15 calls: {times['here'] * 1e6:.0f} us here, {times['far'] * 1e6:.0f} us on a node, "
        f"ratio {times['far'] / times['here']:.1f}"
    )
    console.print("CPU us of one on a node: " + ", ".join(f"{part} {spent[part] * 1e6:.0f}" for part in PARTS))
    shown = Table(box=None, pad_edge=False)
    for name in ("nodes", "execs/s", "daemons", "cores for NATS"):
        shown.add_column(name, justify="right")
    for nodes in (3, 30, 300):
        execs, daemons, cores = capacity(nodes, spent)
        shown.add_row(str(nodes), f"{execs:,.0f}", f"{daemons:.1f}", f"{cores:.1f}")
    console.print(shown)


if __name__ == "__main__":
    main()
