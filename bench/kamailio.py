"""A SIP transaction through a real Kamailio: no script, embedded app_mono, what runs in its own process, and ours."""

from __future__ import annotations

import itertools
import os
import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench.lanes import LANES
from bench.measure import US, Row, Times, against, alternate, noise, rounds
from bench.sides import BY_THE_KERNEL, COLD, DEFAULT, EMPTY_CALL, FEW, IN_PROCESS, MANY, MODULES, NO_SCRIPT, OURS, Rig
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, has_module, preamble
from tests.kamailio.routes import built_for_app_mono
from tests.places import ROOT
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from bench.sides import Side

BLOCKS, SIZE = 20, 150
CHILDREN = 4
ROUNDS = 2  # of each start
FIRST_CALLS = 8
# Kamailio's managers of memory. Debian's takes the first by default, whose search for free memory is half of the CPU of
# an empty route, so what a script adds depends on it.
ALLOCATORS = ("qm", "fm")
RESTARTS = 2  # of each side: where its memory lies is another place each time


def one_child(rig: Rig) -> dict[str, Side]:
    """Every side that this machine has."""
    found = rig.ours(BY_THE_KERNEL, DEFAULT, FEW, "free")
    for what in (FEW, MANY):
        found |= rig.embedded(what) | rig.in_process(what)
        for lane in LANES:
            found |= rig.ours(lane, lane, what)
    return found | rig.plain() | rig.empty_call() | rig.cold()


def four_children(rig: Rig) -> dict[str, Side]:
    """The sides whose throughput is measured."""
    found = rig.plain() | rig.embedded(FEW)
    for lane in LANES:
        found |= rig.ours(lane, lane, FEW)
    return found | rig.ours(BY_THE_KERNEL, DEFAULT, FEW, "free")


def first_calls(directory: Path) -> list[Row]:
    """
    The first ``mono_exec`` in a process of Kamailio, the only one that the embedded module survives.

    Each time a new Kamailio is started, so each value is the time of one request. Ours has a worker ready to borrow.
    """
    if not has_module("app_mono"):
        return []
    script = built_for_app_mono(ROOT / "bench" / "scripts" / "Three.cs", directory / "scripts")
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
    return [against("first mono_exec of a process: ours / embedded", ours, embedded)]


def rows_of(times: dict[str, Times], where: str) -> list[Row]:
    """
    Ours against what runs in Kamailio's own process, against a cold process, and against no script at all.

    What it adds to no script means something only beside what an empty call of Python adds, which may be less than
    nothing: it changes where Kamailio's memory lies.
    """
    rows = []
    for what, name in itertools.product((FEW, MANY), (*LANES, BY_THE_KERNEL)):
        ours = times.get(f"{name}, {what}")
        for peer in IN_PROCESS:
            other = times.get(f"{peer}, {what}")
            if ours is None or other is None or (peer != "embedded" and name != DEFAULT):
                continue
            rows.append(against(f"SIP, {where}, {what}: {name} / {peer}", ours, other))
            if peer == "embedded" and what == FEW:
                rows.append(against(f"SIP p99, {where}, {what}: {name} / {peer}", ours, other, tail=True))
    ours, plain = times[f"{DEFAULT}, {FEW}"], times[NO_SCRIPT]
    rows.append(against(f"SIP, {where}, {FEW}: {DEFAULT} / {COLD}", ours, times[COLD]))
    for name, found in ((f"{FEW}, {DEFAULT}", ours), (EMPTY_CALL, times[EMPTY_CALL])):
        added = (found.median - plain.median) * US
        rows.append(Row(f"SIP, {where}, {name}: added to no script", added, None, added, noise(found, plain)))
    return rows


def transactions(allocator: str) -> tuple[dict[str, Times], dict[str, Times]]:
    """One request after another, where the kernel puts the server and on one CPU; of the latter none without two."""
    cpus = sorted(os.sched_getaffinity(0))
    blocks = max(1, BLOCKS // RESTARTS)
    found: tuple[list[dict[str, Times]], list[dict[str, Times]]] = ([], [])
    for _ in range(RESTARTS):
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            sides = one_child(Rig(stack, Path(name), 1, allocator))
            requests = {side: started.requests() for side, started in sides.items()}
            found[0].append(alternate(requests, blocks, SIZE))
            if len(cpus) > 1:
                os.sched_setaffinity(0, {cpus[0]})
                for started in sides.values():
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
    runs: list[tuple[dict[str, Times], dict[str, Times], dict[str, Times], dict[str, Times]]] = []
    for _ in range(RESTARTS):
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            sides = four_children(Rig(stack, Path(name), CHILDREN, allocator))
            for found in sides.values():
                found.requests()(50 * CHILDREN)
            rates = rounds({side: found.saturate for side, found in sides.items()}, ROUNDS)
            costs = rounds({side: found.cpu_of_a_request_s for side, found in sides.items()}, ROUNDS)
        loaded = {side: Times.of(found.loaded_s) for side, found in sides.items()}
        runs.append((rates, costs, loaded, {NO_SCRIPT: Times.of(sides[NO_SCRIPT].generator_s)}))
    rates, costs, loaded, generator = (
        {side: _joined([run[what] for run in runs], side) for side in runs[0][what]} for what in range(4)
    )
    rows: list[Row] = []
    for name in (*LANES, BY_THE_KERNEL):
        ours, peer = f"{name}, {FEW}", f"embedded, {FEW}"
        if peer not in rates:
            continue
        rows += [
            against(f"throughput, {allocator}: {name} / embedded", rates[ours], rates[peer], unit="1/s"),
            against(f"CPU of a request under load, {allocator}: {name} / embedded", loaded[ours], loaded[peer]),
            against(f"CPU of a request, one at a time, {allocator}: {name} / embedded", costs[ours], costs[peer]),
        ]
    slowest = min(rates, key=lambda side: rates[side].median)
    name = f"the generator, {allocator}"
    rows.append(against(f"{name}: no script / slowest side", rates[NO_SCRIPT], rates[slowest], unit="1/s"))
    own, theirs = generator[NO_SCRIPT], loaded[NO_SCRIPT]
    rows.append(against(f"{name}: its CPU of a request / Kamailio's, no script", own, theirs))
    return rows


def measure() -> tuple[list[Row], dict[str, Times]]:
    """The rows of Kamailio, and the times behind them for the plot, which are those of Debian's default."""
    rows: list[Row] = []
    shown: dict[str, Times] = {}
    for allocator in ALLOCATORS:
        free, on_one = transactions(allocator)
        rows += rows_of(free, f"{allocator}, free")
        if on_one:
            rows += rows_of(on_one, f"{allocator}, one CPU")
        if allocator == ALLOCATORS[0]:
            shown = {f"SIP, free: {side}": found for side, found in free.items() if side != COLD}
        rows += under_load(allocator)
    with tempfile.TemporaryDirectory() as name:
        rows += first_calls(Path(name))
    return rows, shown
