"""Workers: the first exec after a change, two against one, start, memory, and many execs."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.library import HERE, MESSAGE, execs, settings
from bench.measure import US, Row
from runner.build import compile_script, ensure_bridge
from runner.hosts import sip
from runner.hosts.message import MessageHost
from runner.runner import Runner
from tests.daemon import RunningDaemon

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

CHANGES = 200
BETWEEN_S = 0.05
SPIN_S = 2.0
EXECS = int(os.environ.get("EXECS", "200000"))
MAX_WORKERS = 4
START_TRIES = 5
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
        The seconds of each, and how many gave an older build's answer.
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
                for number in range(1, CHANGES + 1):
                    new = script.with_suffix(".new")
                    new.write_bytes(built.replace(_BUILD, f"BUILD{number:04}".encode("utf-16-le")))
                    new.rename(script)
                    time.sleep(BETWEEN_S)  # a deployment is a moment before the next request, not in the same instant
                    host = MessageHost(parsed)
                    began = time.perf_counter()
                    result = runner.mono_exec(script, host=host)
                    times.append(time.perf_counter() - began)
                    stale += not result.ok or f"BUILD{number:04}" not in host.reply_headers[-1]
            finally:
                ended.set()
                thread.join()
    return times, stale


def _spin(start: Barrier, told: multiprocessing.Queue[int]) -> None:
    script = str(compile_script(HERE / "scripts" / "Spins.cs"))
    with Runner(settings()) as runner:
        block = execs(runner, script)
        block(20)
        start.wait()
        until, count = time.perf_counter() + SPIN_S, 0
        while time.perf_counter() < until:
            block(10)
            count += 10
        told.put(count)


def spun(clients: int) -> float:
    """Execs a second of a script that works for a millisecond, each client a process with its worker."""
    start = multiprocessing.Barrier(clients)
    told: multiprocessing.Queue[int] = multiprocessing.Queue()
    processes = [multiprocessing.Process(target=_spin, args=(start, told)) for _ in range(clients)]
    for process in processes:
        process.start()
    counted = sum(told.get() for _ in processes)
    for process in processes:
        process.join()
    return counted / SPIN_S


def memory_mib(pid: int) -> float:
    """Resident memory of one process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+)", text)
    return int(found[1]) / 1024 if found else 0.0


def starts() -> tuple[float, float]:
    """Seconds from the daemon's start until four workers are ready, and MiB of each idle one; medians."""
    times, sizes = [], []
    for _ in range(START_TRIES):
        with tempfile.TemporaryDirectory() as directory:
            daemon = RunningDaemon(Path(directory), f"num_workers = {MAX_WORKERS - 1}")  # and the spare one
            began = time.monotonic()
            with daemon:
                while daemon.log().count("started worker") < MAX_WORKERS:
                    time.sleep(0.005)
                times.append(time.monotonic() - began)
                workers = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text(encoding="ascii").split()
                sizes += [memory_mib(int(pid)) for pid in workers]
    return sorted(times)[START_TRIES // 2], sorted(sizes)[len(sizes) // 2]


def many() -> tuple[float, int]:
    """``EXECS`` execs in one slot with recycling: memory of the last tenth over the second, and how many failed."""
    script = str(compile_script(HERE / "scripts" / "Three.cs"))
    parsed = sip.parse(MESSAGE.read_bytes())
    samples: list[list[float]] = [[] for _ in range(10)]
    failed = 0
    with Runner(settings(max_jobs=EXECS // 20)) as runner:
        for number in range(EXECS):
            failed += not runner.mono_exec(script, host=MessageHost(parsed)).ok
            if number % (EXECS // 200) == 0:
                # The one that has just run: a fresh one that waits to replace it is smaller and would hide growth.
                running = min(runner.snapshot().workers, key=lambda worker: worker.unused_s)
                samples[number * 10 // EXECS].append(memory_mib(running.pid))
    means = [sum(tenth) / len(tenth) for tenth in samples]
    return means[-1] / means[1], failed


def measure() -> tuple[list[Row], dict[str, dict[int, float]]]:
    """The rows of workers, and throughput over their number for the plot."""
    rows = []
    for name, source in (("Changed", three()), ("Sixty", sixty())):
        times, stale = first_exec_after_a_change(name, source)
        p99 = sorted(times)[int(len(times) * 0.99)] * US
        rows.append(
            Row(
                f"first exec after a change, p99, {name}, {stale} stale, limit 5000 us", p99, 5000, p99 / 5000, "<= 1.0"
            )
        )
    rates = {clients: spun(clients) for clients in (1, 2, 4)}
    rows.append(
        Row("CPU-bound script, two workers / one", rates[2], rates[1], rates[2] / rates[1], ">= 1.8", None, "1/s")
    )
    start_s, idle_mib = starts()
    rows.append(Row("daemon start to 4 workers ready, limit 0.6 s", start_s, 0.6, start_s / 0.6, "<= 1.0", None, "s"))
    rows.append(
        Row("resident memory of an idle worker, limit 25 MiB", idle_mib, 25, idle_mib / 25, "<= 1.0", None, "MiB")
    )
    ratio, failed = many()
    rows.append(
        Row(
            f"{EXECS} execs, memory of the last tenth / second, {failed} failed",
            ratio,
            None,
            ratio,
            "<= 1.05",
            None,
            "",
        )
    )
    return rows, {"1 ms of work a call": rates}
