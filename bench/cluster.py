"""
Which node a lease should lead to: a simulation with service times measured here; ``python -m bench.cluster``.

First it measures an exec with 15 calls, and the load of a build, in a worker of this machine. Then it simulates 3, 30
and 300 nodes of ``CORES`` cores each. A client is a process of a SIP host: it holds a lease, executes one script at a
time at random moments, and gets another lease after ``EXECS_A_LEASE`` execs. Execs on one node share its cores
(processor sharing). Scripts are chosen by Zipf's law. At the start workers are of any age. A worker loads a script at
its first exec there, which affinity may save; nothing is loaded ahead, unlike in a real node.

The policies: *random*, any node that has a free worker, as a queue group of NATS does it; *least busy*, the node with
the fewest workers lent, which somebody has to know; *affinity*, the node that a hash of the script names (highest
random weight), or the next one by that hash when it has no free worker.
"""

from __future__ import annotations

import heapq
import random
import statistics
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench import report
from bench.library import HERE, MESSAGE, settings
from runner import sip
from runner.build import compile_script
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runner.job import Timing

CORES = 8
SCRIPTS = 20
EXECS_A_LEASE = 1000
EXECS_A_WORKER = 10_000  # then it is replaced
EXECS = 60_000  # simulated for each row, after half as many to settle
MEASURED, LOADS = 3000, 12
HELD = 0.8  # of all workers are lent
PEAK = 95  # percent, beside the median and the 99th percentile


@dataclass(frozen=True, slots=True)
class Service:
    """
    What one worker of this machine takes.

    Attributes:
        execs: Seconds of single execs, as they were measured.
        load: Seconds of the load of a build, the median.
    """

    execs: tuple[float, ...]
    load: float


def service() -> Service:
    """Measure it, with the sample of 15 calls."""
    text = (HERE / "scripts" / "Fifteen.cs").read_text("utf-8")
    loads: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="app-mono-bench-") as aside,
        Runner(settings(max_workers=1)) as runner,
    ):
        for number in range(LOADS):
            source = Path(aside) / f"Fifteen{number}.cs"
            source.write_text(f"{text}// {number}\n", "utf-8")
            assembly = compile_script(source)
            loads.append(_exec(runner, assembly).load_us / 1e6)
        execs = [_exec(runner, assembly).run_us / 1e6 for _ in range(MEASURED)]
    return Service(tuple(execs[MEASURED // 10 :]), statistics.median(loads))


def _exec(runner: Runner, assembly: Path) -> Timing:
    result = runner.mono_exec(assembly, host=MessageHost(sip.parse(MESSAGE.read_bytes())))
    if not result.ok:
        raise RuntimeError(f"{assembly} gave {result}")
    return result.timing


@dataclass(slots=True)
class Node:
    """
    One node: execs share its cores.

    Attributes:
        lent: Workers that clients hold.
        free: What each of its other workers has loaded.
        done: Work that each exec here has got since the start, in seconds; all get the same at the same time.
        seen: When ``done`` was right.
        ends: The value of ``done`` at which each exec ends, its client, and when it began.
        turn: Counts changes, so that an end that was foreseen before one is not believed.
    """

    free: list[set[int]]
    lent: int = 0
    done: float = 0.0
    seen: float = 0.0
    ends: list[tuple[float, int]] = field(default_factory=list)
    turn: int = 0

    def go_on(self, now: float) -> None:
        """Share the cores from ``seen`` to now."""
        if self.ends:
            self.done += (now - self.seen) * min(1.0, CORES / len(self.ends))
        self.seen = now

    def next_end(self) -> float:
        """When the first of the execs here ends if none begins before."""
        return self.seen + (self.ends[0][0] - self.done) / min(1.0, CORES / len(self.ends))


@dataclass(slots=True)
class Client:
    """A process of a SIP host."""

    node: int = -1
    loaded: set[int] = field(default_factory=set)
    left: int = 0
    began: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """
    What one row has.

    Attributes:
        execs: Seconds from the request to the result, sorted.
        loads: The share of execs that had to load their script.
        busiest: The largest number of execs at once on a node, as a share of its cores.
    """

    execs: Sequence[float]
    loads: float
    busiest: float

    def percentile(self, percent: float) -> float:
        """Seconds."""
        return self.execs[int(len(self.execs) * percent / 100)]


class Site:
    """
    The nodes and their clients, and what happens next.

    Args:
        nodes: How many there are.
        workers: Of each node.
        load: Work that arrives, as a share of all cores.
        policy: One of ``POLICIES``.
        taken: The times of an exec and of a load.
    """

    def __init__(self, nodes: int, workers: int, load: float, policy: str, taken: Service) -> None:
        self._dice = dice = random.Random(1)  # noqa: S311 - a simulation
        self._weights = [1 / (rank + 1) for rank in range(SCRIPTS)]
        self._nodes = [Node([_loaded(self._weights, dice) for _ in range(workers)]) for _ in range(nodes)]
        self._clients = [Client(left=1 + dice.randrange(EXECS_A_LEASE)) for _ in range(int(nodes * workers * HELD))]
        self._rate = load * nodes * CORES / statistics.fmean(taken.execs) / len(self._clients)
        self._place = POLICIES[policy]
        self._taken = taken
        # When; the client that begins, or -1 for the end of an exec; the node and its turn in one number.
        self._events: list[tuple[float, int, int]] = []
        self._seconds: list[float] = []
        self._begun = self._loads = self._busiest = 0

    def simulate(self, execs: int) -> Found:
        """Until so many have ended, after half as many to settle."""
        for number in range(len(self._clients)):
            self._think(0.0, number)
        while len(self._seconds) < execs * 3 // 2:
            now, number, turn_and_node = heapq.heappop(self._events)
            if number >= 0:
                self._begin(now, number)
            else:
                turn, at = divmod(turn_and_node, len(self._nodes))
                if self._nodes[at].turn == turn:
                    self._end(now, at)
        return Found(sorted(self._seconds[execs // 2 :]), self._loads / self._begun, self._busiest / CORES)

    def _think(self, now: float, number: int) -> None:
        heapq.heappush(self._events, (now + self._dice.expovariate(self._rate), number, 0))

    def _foresee(self, at: int) -> None:
        node = self._nodes[at]
        node.turn += 1
        if node.ends:
            heapq.heappush(self._events, (node.next_end(), -1, node.turn * len(self._nodes) + at))

    def _end(self, now: float, at: int) -> None:
        node = self._nodes[at]
        node.go_on(now)
        number = heapq.heappop(node.ends)[1]
        self._seconds.append(now - self._clients[number].began)
        self._foresee(at)
        self._think(now, number)

    def _begin(self, now: float, number: int) -> None:
        client = self._clients[number]
        script = self._dice.choices(range(SCRIPTS), self._weights)[0]
        if client.node < 0 or client.left == 0:
            self._lend(client, script)
        client.left -= 1
        client.began = now
        work = self._dice.choice(self._taken.execs)
        self._begun += 1
        if script not in client.loaded:
            client.loaded.add(script)
            work += self._taken.load
            self._loads += 1
        node = self._nodes[client.node]
        node.go_on(now)
        heapq.heappush(node.ends, (node.done + work, number))
        self._busiest = max(self._busiest, len(node.ends))
        self._foresee(client.node)

    def _lend(self, client: Client, script: int) -> None:
        """Another worker, which has the script where the node has such a one free."""
        if client.node >= 0:
            is_replaced = self._dice.random() < EXECS_A_LEASE / EXECS_A_WORKER
            self._nodes[client.node].free.append(set() if is_replaced else client.loaded)
            self._nodes[client.node].lent -= 1
        client.node = self._place(self._nodes, script, self._dice)
        node = self._nodes[client.node]
        node.lent += 1
        client.loaded = node.free.pop(next((at for at, loaded in enumerate(node.free) if script in loaded), 0))
        client.left = client.left or EXECS_A_LEASE


def _loaded(weights: Sequence[float], dice: random.Random) -> set[int]:
    """What a worker of a random age has loaded."""
    age = dice.randrange(EXECS_A_WORKER)
    return {script for script, weight in enumerate(weights) if dice.random() > (1 - weight / sum(weights)) ** age}


def _random(nodes: list[Node], _script: int, dice: random.Random) -> int:
    while True:
        at = dice.randrange(len(nodes))
        if nodes[at].free:
            return at


def _least_busy(nodes: list[Node], _script: int, _dice: random.Random) -> int:
    return min((at for at, node in enumerate(nodes) if node.free), key=lambda at: nodes[at].lent)


def _affinity(nodes: list[Node], script: int, _dice: random.Random) -> int:
    return max((at for at, node in enumerate(nodes) if node.free), key=lambda at: zlib.crc32(b"%d %d" % (script, at)))


POLICIES: dict[str, Callable[[list[Node], int, random.Random], int]] = {
    "random": _random,
    "least busy": _least_busy,
    "affinity": _affinity,
}


def rows(taken: Service) -> Iterator[tuple[str, ...]]:
    """A row for each number of nodes, workers of each, load, and policy."""
    for nodes in (3, 30, 300):
        for workers in (CORES, 2 * CORES):
            for load in (0.5, 0.7):
                for policy in POLICIES:
                    found = Site(nodes, workers, load, policy, taken).simulate(EXECS)
                    times = (f"{found.percentile(percent) * 1e3:.2f}" for percent in (50, PEAK, 99))
                    shares = (f"{found.loads:.2%}", f"{found.busiest:.2f}")
                    yield (str(nodes), str(workers), f"{load:.0%}", policy, *times, *shares)


def main() -> None:
    """Measure, simulate, print."""
    taken = service()
    shown = Table(box=None, pad_edge=False)
    for name in ("nodes", "workers", "load", "policy", "p50 ms", f"p{PEAK} ms", "p99 ms", "loads", "busiest"):
        shown.add_column(name, justify="left" if name == "policy" else "right")
    for row in rows(taken):
        shown.add_row(*row)
    console = Console(width=140)
    console.print(report.machine())
    console.print(
        f"measured: exec with 15 calls, median {statistics.median(taken.execs) * 1e6:.0f} us; "
        f"load {taken.load * 1e3:.1f} ms; "
        f"{CORES} cores a node, {HELD:.0%} of the workers lent, {SCRIPTS} scripts"
    )
    console.print(shown)


if __name__ == "__main__":
    main()
