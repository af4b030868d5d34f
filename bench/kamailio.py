"""A SIP transaction through a real Kamailio: no script, embedded app_mono, and ours."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
import struct
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import US, Row, Times, against, alternate, noise, rounds
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, has_module, preamble
from tests.kamailio.routes import built_for_app_mono
from tests.places import ROOT
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPT = ROOT / "bench" / "scripts" / "Three.cs"
OURS = ROOT / "kamailio" / "app_mono.py"
MODULES = ("kex", "sl", "pv", "textops")
BLOCKS, SIZE = 20, 150
CHILDREN = 4
WINDOW, BATCH = 32, 8  # for the throughput: requests in flight, and requests sent in one call
UDP_SEGMENT = 103
SATURATED_S = 2.0
ROUNDS = 4
CPU_REQUESTS = 4000
FIRST_CALLS = 8
DEFAULT = "ours, together"  # the default of the setting placement, for which the targets are
# Kamailio's managers of memory. Debian's takes the first by default, whose search for free memory is half of the CPU of
# an empty route, so what a script adds depends on it.
ALLOCATORS = ("qm", "fm")
RESTARTS = 2  # of each side: where its memory lies is another place each time
PEERS = ROOT / "bench" / "peers"
EMPTY_CALL = "empty Python call"
IN_PROCESS = ("embedded", "app_python3", "app_lua")


@dataclass(slots=True)
class Side:
    """One Kamailio, and the processes that work for it."""

    kamailio: Kamailio
    peer: Peer
    daemon: RunningDaemon | None = None
    loaded_s: list[float] = field(default_factory=list)
    generator_s: list[float] = field(default_factory=list)

    def processes(self) -> list[int]:
        """The processes of Kamailio, of the daemon and of its workers."""
        pids = [self.kamailio.pid, *self.kamailio.children()]
        if self.daemon is not None:
            path = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children")
            pids += [self.daemon.pid, *map(int, path.read_text(encoding="ascii").split())]
        return pids

    def threads(self) -> Iterator[int]:
        """The threads of all of them."""
        for pid in self.processes():
            with contextlib.suppress(OSError):
                yield from map(int, os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - names are all that is wanted

    def cpu_s(self) -> float:
        """CPU time until now, from schedstat."""
        used = 0
        for thread in self.threads():
            with contextlib.suppress(OSError):
                used += int(Path(f"/proc/{thread}/schedstat").read_text(encoding="ascii").split()[0])
        return used / 1e9

    def place(self, cpus: set[int]) -> None:
        """Keep all of them on these CPUs."""
        for thread in self.threads():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, cpus)

    def requests(self) -> Callable[[int], list[float]]:
        """A side for ``alternate``: one OPTIONS after another."""
        request = self.peer.request()

        def block(count: int) -> list[float]:
            times = []
            for _ in range(count):
                began = time.perf_counter()
                reply = self.peer.ask(request)
                times.append(time.perf_counter() - began)
                assert reply is not None, self.kamailio.log()
            return times

        return block

    def saturate(self) -> list[float]:
        """
        Requests answered in a second, with up to ``WINDOW`` in flight all the time; one value of a side for ``rounds``.

        The generator's own CPU time would distort the result, so it sends ``BATCH`` requests in one call, which the
        kernel splits (UDP_SEGMENT, udp(7)). Also notes the CPU time of a request, of the server and of the generator.
        """
        answered = 0
        before, own_before = self.cpu_s(), time.thread_time()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.connect(("127.0.0.1", self.kamailio.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0))
            request = self.peer.request().replace(b":%d;" % self.peer.port, b":%d;" % sock.getsockname()[1])
            sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(request))
            batch = request * BATCH
            for _ in range(WINDOW // BATCH):
                sock.send(batch)
            ends = time.perf_counter() + SATURATED_S
            while time.perf_counter() < ends:
                for _ in range(BATCH):
                    sock.recv(4096)
                answered += BATCH
                sock.send(batch)
        self.loaded_s.append((self.cpu_s() - before) / answered)
        self.generator_s.append((time.thread_time() - own_before) / answered)
        return [answered / SATURATED_S]

    def cpu_of_a_request_s(self) -> list[float]:
        """CPU time of one request, all processes together; one value of a side for ``rounds``."""
        before = self.cpu_s()
        self.requests()(CPU_REQUESTS)
        return [(self.cpu_s() - before) / CPU_REQUESTS]


def sides(stack: ExitStack, directory: Path, children: int, allocator: str) -> dict[str, Side]:
    """Start every side that this machine has; those in Kamailio's own Python and Lua with one child only."""
    script = built_for_app_mono(SCRIPT, directory / "scripts")

    def start(name: str, modules: tuple[str, ...], lines: str, call: str, daemon: RunningDaemon | None = None) -> Side:
        port = free_udp_port()
        cfg = preamble(port, [*MODULES, *modules], children=children) + lines
        cfg += f'\nrequest_route {{\n\t{call}\n\tsl_send_reply("200", "OK");\n}}\n'
        env = {"APP_MONO_CONFIG": str(daemon.config)} if daemon else {}
        manager = ("-x", allocator, "-X", allocator)
        kamailio = stack.enter_context(Kamailio(cfg, directory / name, port, env, manager))
        return Side(kamailio, stack.enter_context(Peer(port)), daemon)

    found = {"no script": start("plain", (), "", "")}
    if has_module("app_mono"):
        found["embedded"] = start("embedded", ("app_mono",), f'modparam("app_mono", "load", "{script}")', "mono_run();")
    if children == 1:
        python = f'modparam("app_python3", "load", "{PEERS / "three.py"}")'
        found[EMPTY_CALL] = start("nothing", ("app_python3",), python, 'python_exec("nothing");')
        found["app_python3"] = start("python", ("app_python3",), python, 'python_exec("three");')
        if has_module("app_lua"):
            lua = f'modparam("app_lua", "load", "{PEERS / "three.lua"}")'
            found["app_lua"] = start("lua", ("app_lua",), lua, 'lua_run("three");')
    for placement in ("together", "free"):
        place = directory / placement
        own = place / "scripts" / script.name  # a daemon runs what is in its script_dirs
        own.parent.mkdir(parents=True)
        own.write_bytes(script.read_bytes())
        workers = f"num_workers = {children + 1}\nmax_workers = {children + 2}\nexec_timeout_s = 5.0"
        config = f'load = "{own}"\nplacement = "{placement}"\n{workers}'
        daemon = stack.enter_context(RunningDaemon(place, config))
        lines = f'modparam("app_python3", "load", "{OURS}")'
        found[f"ours, {placement}"] = start(
            f"ours-{placement}", ("app_python3",), lines, 'python_exec("mono_run");', daemon
        )
    return found


def first_calls(directory: Path) -> list[Row]:
    """
    The first ``mono_exec`` in a process of Kamailio, the only one that the embedded module survives.

    Each time a new Kamailio is started, so each value is the time of one request. Ours has a worker ready to borrow.
    """
    if not has_module("app_mono"):
        return []
    script = built_for_app_mono(SCRIPT, directory / "scripts")
    daemon_place = directory / "daemon"
    daemon_place.mkdir()
    times: dict[str, list[float]] = {"embedded": [], "ours": []}
    with RunningDaemon(daemon_place, "exec_timeout_s = 5.0") as daemon:
        (daemon.scripts / script.name).write_bytes(script.read_bytes())
        calls = {
            "embedded": (("app_mono",), "", f'mono_exec("{script}");'),
            "ours": (
                ("app_python3",),
                f'modparam("app_python3", "load", "{OURS}")',
                f'python_exec("mono_exec", "{daemon.scripts / script.name}");',
            ),
        }
        for number in range(FIRST_CALLS):
            for side, (modules, lines, call) in random.sample(list(calls.items()), len(calls)):
                port = free_udp_port()
                cfg = preamble(port, [*MODULES, *modules]) + lines
                cfg += f'\nrequest_route {{\n\tif (is_method("MESSAGE")) {{\n\t\t{call}\n\t}}\n'
                cfg += '\tsl_send_reply("200", "OK");\n}\n'
                env = {"APP_MONO_CONFIG": str(daemon.config)}
                with Kamailio(cfg, directory / f"{side}{number}", port, env) as kamailio, Peer(port) as peer:
                    assert peer.ask(peer.request()) is not None, kamailio.log()  # Kamailio itself is warm
                    request = peer.request("MESSAGE")
                    began = time.perf_counter()
                    assert peer.ask(request) is not None, kamailio.log()
                    times[side].append(time.perf_counter() - began)
    ours, embedded = (Times((tuple(times[side][::2]), tuple(times[side][1::2]))) for side in ("ours", "embedded"))
    return [against("first mono_exec of a process: ours / embedded", ours, embedded, "")]


def rows_of(times: dict[str, Times], where: str, target: str, tail: str) -> list[Row]:
    """
    Ours, in both placements, against what runs in Kamailio's own process, and against no script at all.

    What it adds to no script means something only beside what an empty call of Python adds, which may be less than
    nothing: it changes where Kamailio's memory lies.
    """
    rows = []
    for name in [name for name in times if name.startswith("ours")]:
        ours = times[name]
        for peer in [peer for peer in IN_PROCESS if peer in times]:
            wanted, wanted_tail = (target, tail) if name == DEFAULT and peer == "embedded" else ("", "")
            rows.append(against(f"SIP, {where}: {name} / {peer}", ours, times[peer], wanted))
            rows.append(against(f"SIP p99, {where}: {name} / {peer}", ours, times[peer], wanted_tail, tail=True))
    plain = times["no script"]
    for name in [name for name in times if name.startswith("ours") or name == EMPTY_CALL]:
        added = (times[name].median - plain.median) * US
        rows.append(Row(f"SIP, {where}: {name}, added to no script", added, None, added, "", noise(times[name], plain)))
    return rows


def transactions(allocator: str) -> tuple[dict[str, Times], dict[str, Times]]:
    """One request after another, where the kernel puts the server and on one CPU; of the latter none without two."""
    cpus = sorted(os.sched_getaffinity(0))
    blocks = max(1, BLOCKS // RESTARTS)
    found: tuple[list[dict[str, Times]], list[dict[str, Times]]] = ([], [])
    for _ in range(RESTARTS):
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            one = sides(stack, Path(name), 1, allocator)
            requests = {side: started.requests() for side, started in one.items()}
            found[0].append(alternate(requests, blocks, SIZE))
            if len(cpus) > 1:
                os.sched_setaffinity(0, {cpus[0]})
                for started in one.values():
                    started.place({cpus[1]})
                found[1].append(alternate(requests, blocks, SIZE))
                os.sched_setaffinity(0, set(cpus))
    free, on_one = ({side: _joined(runs, side) for side in runs[0]} if runs else {} for runs in found)
    return free, on_one


def _joined(runs: list[dict[str, Times]], side: str) -> Times:
    """The blocks of one side in all runs, in turns, so that its noise is that of a restart as well."""
    return Times(tuple(itertools.chain.from_iterable(zip(*(run[side].blocks for run in runs), strict=True))))


def under_load(allocator: str) -> list[Row]:
    """How many requests four children answer, and the CPU time of one."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        four = sides(stack, Path(name), CHILDREN, allocator)
        for found in four.values():
            found.requests()(50 * CHILDREN)
        rates = rounds({side: found.saturate for side, found in four.items()}, ROUNDS)
        costs = rounds({side: found.cpu_of_a_request_s for side, found in four.items()}, ROUNDS)
    rows: list[Row] = []
    for side in [side for side in four if side.startswith("ours") and "embedded" in four]:
        throughput, cpu = (">= 0.6", "<= 2.0") if (side, allocator) == (DEFAULT, ALLOCATORS[0]) else ("", "")
        loaded, peer = (Times.of(four[name].loaded_s) for name in (side, "embedded"))
        name = f"{allocator}, throughput, 4 children: {side} / embedded"
        rows.append(against(name, rates[side], rates["embedded"], throughput, unit="1/s"))
        rows.append(against(f"{allocator}, CPU of a request, under that load: {side} / embedded", loaded, peer, cpu))
        name = f"{allocator}, CPU of a request, one at a time: {side} / embedded"
        rows.append(against(name, costs[side], costs["embedded"], cpu))
    slowest = min(rates, key=lambda side: rates[side].median)
    name = f"{allocator}, the generator: no script / slowest side"
    rows.append(against(name, rates["no script"], rates[slowest], ">= 2.0", unit="1/s"))
    own, theirs = Times.of(four["no script"].generator_s), Times.of(four["no script"].loaded_s)
    rows.append(against(f"{allocator}, the generator: its CPU of a request / Kamailio's, no script", own, theirs, ""))
    return rows


def measure() -> tuple[list[Row], dict[str, Times]]:
    """The rows of Kamailio, and the times behind them for the plot, which are those of Debian's default."""
    rows: list[Row] = []
    shown: dict[str, Times] = {}
    for allocator in ALLOCATORS:
        free, on_one = transactions(allocator)
        is_default = allocator == ALLOCATORS[0]
        rows += rows_of(free, f"{allocator}, free", "<= 1.6" if is_default else "", "")
        if on_one:
            targets = ("<= 1.4", "<= 2.0") if is_default else ("", "")
            rows += rows_of(on_one, f"{allocator}, one CPU for the server", *targets)
        if is_default:
            shown = {f"SIP, free: {side}": found for side, found in free.items()}
        rows += under_load(allocator)
    with tempfile.TemporaryDirectory() as name:
        rows += first_calls(Path(name))
    return rows, shown
