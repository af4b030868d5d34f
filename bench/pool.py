"""Workers: the first exec after a change, two workers against one, start, memory, and many execs."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from bench.library import HERE, MESSAGE, settings
from bench.measure import Row, Times, against, noise, rounds, within
from runner import sip
from runner.build import compile_script, ensure_bridge
from runner.client.lease import Lease
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from tests.running_daemon import RunningDaemon

CHANGES = 100  # for each script in each of two rounds
BETWEEN_S = 0.05
SPIN_S = 2.0
SETTLE_S = 1.5  # until all clients run the script, each with a worker that has it loaded
ROUNDS = 4
EXECS = int(os.environ.get("EXECS", "200000"))
MAX_WORKERS = 4
START_TRIES = 6
_BUILD = "BUILD0000".encode("utf-16-le")


def sixty() -> str:
    """The source of the script with sixty methods."""
    text = (HERE / "scripts" / "Sixty.cs").read_text(encoding="utf-8")
    methods = "\n".join(
        f"    static int M{n}(string t) {{ return t.Where(c => c > '{chr(65 + n % 26)}').Select(c => (int)c).Sum() % 7 "
        f'+ Regex.Matches(t, "[a-{chr(97 + n % 26)}]+").Count + new[] {{ {n}, 2, 3 }}.OrderBy(x => x).First(); }}'
        for n in range(60)
    )
    calls = " + ".join(f"M{n}(text)" for n in range(60))
    return text.replace("METHODS", calls).replace("    }\n\n}", "    }\n\n" + methods + "\n}")


def three() -> str:
    """The source of the 3-call script, with its build in the header."""
    text = (HERE / "scripts" / "Three.cs").read_text(encoding="utf-8")
    return text.replace("X-Script: ok", "X-Build: BUILD0000")


def first_exec_after_a_change(name: str, source: str) -> tuple[list[float], int]:
    """
    The first exec of each of ``CHANGES`` builds, while another thread runs the script all the time.

    Returns:
        The seconds of each, and how many answered with an older build.
    """
    times, stale = [], 0
    parsed = sip.parse(MESSAGE.read_bytes())
    with tempfile.TemporaryDirectory() as directory:
        cs, script = Path(directory) / f"{name}.cs", Path(directory) / f"{name}.exe"
        cs.write_text(source, encoding="utf-8")
        command = ["mcs", f"-r:{ensure_bridge().sr_dll}", "-r:System.Core", f"-out:{script}", str(cs)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        built = script.read_bytes()
        with Runner(settings(observer="inotify", num_workers=2, max_workers=4, max_loads=0)) as runner:
            ended = threading.Event()

            def load() -> None:
                while not ended.wait(0.002):
                    runner.mono_exec(script, host=MessageHost(parsed))

            thread = threading.Thread(target=load)
            thread.start()
            try:
                # The change should hit a running script, not a new one: what mono compiles of its own libraries, the
                # first time that a worker needs it, is no matter of a change.
                settled = time.monotonic() + SETTLE_S
                while time.monotonic() < settled:
                    runner.mono_exec(script, host=MessageHost(parsed))
                for number in range(1, CHANGES + 1):
                    new = script.with_suffix(".new")
                    new.write_bytes(built.replace(_BUILD, f"BUILD{number:04}".encode("utf-16-le")))
                    new.rename(script)
                    time.sleep(BETWEEN_S)  # a deployment comes shortly before the next request, not at the same instant
                    host = MessageHost(parsed)
                    began = time.perf_counter()
                    result = runner.mono_exec(script, host=host)
                    times.append(time.perf_counter() - began)
                    stale += not result.ok or f"BUILD{number:04}" not in host.reply_headers[-1]
            finally:
                ended.set()
                thread.join()
    return times, stale


def _spin(socket_path: str, script: str, begins: float) -> int:
    """One client: how often the script ran in ``SPIN_S`` seconds from ``begins``. Earlier runs are not counted."""
    assert time.monotonic() < begins, "the machine is too busy to start the clients in time"
    parsed = sip.parse(MESSAGE.read_bytes())
    count = 0
    with closing(Lease(socket_path)) as lease:
        while (now := time.monotonic()) < begins + SPIN_S:
            outcome = lease.exec(script, None, MessageHost(parsed), now + 10)
            assert outcome.code == 0
            count += begins <= now
    return count


def spun(workers: int, clients: int) -> list[float]:
    """
    Execs a second of a script that computes for a millisecond, in client processes that share one daemon's workers.

    Where there are more clients than workers, they take turns. One value of a side for ``rounds``.
    """
    config = f"num_workers = {workers}\nmax_workers = {workers}\nspare_workers = 0\nallocate_timeout_s = 10.0"
    with tempfile.TemporaryDirectory() as directory, RunningDaemon(Path(directory), config) as daemon:
        script = daemon.scripts / "Spins.exe"
        script.write_bytes(compile_script(HERE / "scripts" / "Spins.cs").read_bytes())
        begins = time.monotonic() + SETTLE_S
        with ProcessPoolExecutor(clients) as processes:
            asked = [processes.submit(_spin, str(daemon.socket), str(script), begins) for _ in range(clients)]
            counts = [client.result() for client in asked]
    assert all(counts), f"one client had no turn: {counts}"
    return [sum(counts) / SPIN_S]


def cpu_bound() -> tuple[list[Row], dict[str, dict[int, float]]]:
    """The rows about many workers, and their throughput for the plot."""
    sides = ((1, 1), (1, 2), (2, 2), (4, 4))
    found = rounds({f"{workers} for {clients}": partial(spun, workers, clients) for workers, clients in sides}, ROUNDS)
    rates = dict(zip(sides, found.values(), strict=True))
    name = "CPU-bound script, two clients of one pool: two workers / one"
    rows = [
        against(name, rates[2, 2], rates[1, 2], unit="1/s"),
        against("CPU-bound script, two workers and clients / one and one", rates[2, 2], rates[1, 1], unit="1/s"),
    ]
    shown = {
        "1 ms of work a call, a client for each worker": {1: rates[1, 1], 2: rates[2, 2], 4: rates[4, 4]},
        "1 ms of work a call, two clients": {1: rates[1, 2], 2: rates[2, 2]},
    }
    return rows, {name: {count: rate.median for count, rate in line.items()} for name, line in shown.items()}


def memory_mib(pid: int) -> float:
    """Resident memory of one process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+)", text)
    return int(found[1]) / 1024 if found else 0.0


def starts() -> tuple[Times, Times]:
    """Seconds from the daemon's start until four workers are ready, and MiB of each idle one."""
    times, sizes = [], []
    for _ in range(START_TRIES):
        with tempfile.TemporaryDirectory() as directory:
            daemon = RunningDaemon(Path(directory), f"num_workers = {MAX_WORKERS - 1}")  # and the spare worker
            began = time.monotonic()
            with daemon:
                while daemon.log().count("started worker") < MAX_WORKERS:
                    time.sleep(0.005)
                times.append(time.monotonic() - began)
                workers = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text(encoding="ascii").split()
                sizes.append(tuple(memory_mib(int(pid)) for pid in workers))
    return Times.of(times), Times(tuple(sizes))


def many() -> list[Row]:
    """``EXECS`` execs in one slot with recycling: memory of the last tenth over the second, and how many failed."""
    script = str(compile_script(HERE / "scripts" / "Three.cs"))
    parsed = sip.parse(MESSAGE.read_bytes())
    samples: list[list[float]] = [[] for _ in range(10)]
    failed = 0
    with Runner(settings(max_jobs=EXECS // 100)) as runner:
        for number in range(EXECS):
            failed += not runner.mono_exec(script, host=MessageHost(parsed)).ok
            if number % (EXECS // 2000) == 0 and (alive := runner.snapshot().workers):  # none: it is being replaced
                # The worker that has just run: a new one that waits to replace it is smaller and would hide growth.
                running = min(alive, key=lambda worker: worker.unused_s)
                samples[number * 10 // EXECS].append(memory_mib(running.pid))
    first, last = Times.of(samples[1]), Times.of(samples[-1])
    ratio = statistics.mean(last.all) / statistics.mean(first.all)
    print(f"many execs: {EXECS}")
    return [
        Row("many execs, memory of the last tenth / second", ratio, None, ratio, noise(first, last), ""),
        Row("many execs, failed", failed, None, failed, None, ""),
    ]


def measure() -> tuple[list[Row], dict[str, dict[int, float]]]:
    """The rows about workers, and throughput over their number for the plot."""
    rows = []
    stale = 0

    def changed(name: str, source: str) -> list[float]:
        nonlocal stale
        times, old = first_exec_after_a_change(name, source)
        stale += old
        return times

    changes = {"3 calls": partial(changed, "Changed", three()), "60 methods": partial(changed, "Sixty", sixty())}
    for name, times in rounds(changes, 2).items():
        rows.append(within(f"first exec after a change, {name}, p99", times, 5000, tail=True))
    rows.append(Row("execs after a change that an older build answered", stale, None, stale, None, ""))
    found, throughput = cpu_bound()
    times, sizes = starts()
    rows += [
        *found,
        within("daemon start to 4 workers ready", times, 0.6, unit="s"),
        within("resident memory of an idle worker", sizes, 25, unit="MiB"),
        *many(),
    ]
    return rows, throughput
