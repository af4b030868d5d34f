"""
``make chaos``: a real Kamailio under sipp's steady traffic while faults are put into everything behind it.

``python -m tools.chaos [SECONDS [SEED [ROUTE [RUNTIME]]]]``. ROUTE is cfg, where kamailio.cfg runs the script, kemi,
where the script is Kamailio's routing script, or cluster, which is cfg with nodes behind NATS; RUNTIME is mono, python,
node or java, what the script runs in. Every kind of fault is injected in turn, in shuffled rounds. At the end it prints
a table. The exit status is 1 when a request was lost that no fault had hit, when nothing was answered for a second,
when a kind of fault never happened, when an internal error was logged (the first ones are shown), or when anything is
left over.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import re
import socket
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kamailio.rig import Peer
from tests.programs import until
from tests.sipp.sipp import Sipp
from tools.chaos_cluster import ClusterFaults, ClusterSite
from tools.chaos_faults import Faults, Site, small_file_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CLUSTER = "cluster"
RATE = 100  # of sipp, calls a second
SCRAPE_S = 0.5
PROBE_S = 0.02
PAUSE_S = 0.25  # between two faults
LATE_S = 0.5  # T1: a client sends again
LOST_S = 3.0
LONGEST_GAP_S = 1.0
# With four faults a second; a process that has just lost its worker answers false while the daemon is away, and until
# another one has started, which takes a JVM five times as long as mono.
MOST_FALSE = {"mono": 0.2, "python": 0.2, "node": 0.3, "java": 0.5}
MOST_FALSE_OF_A_CLUSTER = 0.4  # some faults there take half of the workers, or all but one, until a node has started
MOST_DAEMON_MIB = 120  # it takes 50 when it has served some clients; what grows with each request goes past this soon
SHOWN_ERRORS = 5
TELL_OF_AN_ERROR = ("internal error", "upkeep failed", "Traceback (most recent")
GO_ON = ("Traceback (most recent", "During handling", "The above exception", " ")


@dataclass
class Report:
    """The result of a run; times in seconds."""

    seed: int
    runtime: str = "mono"
    most_false: float = MOST_FALSE["mono"]
    sent: int = 0
    answered: int = 0
    late: int = 0
    lost: int = 0
    false: int = 0
    longest_gap_s: float = 0.0
    killed: int = 0
    daemon_mib: int = 0
    scraped: int = 0
    scrape_errors: list[str] = field(default_factory=list)
    internal_errors: list[str] = field(default_factory=list)
    sipp_calls: int = 0
    sipp_failed: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    left_over: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """What went wrong; empty when nothing did."""
        found = [f"never happened: {kind}" for kind, count in self.faults.items() if not count]
        if self.lost:
            found.append(f"{self.lost} requests were lost")
        if self.false > self.most_false * self.sent:
            found.append(f"{self.false} of {self.sent} runs were false")
        if self.sipp_failed:
            found.append(f"{self.sipp_failed} calls of sipp failed")
        if self.longest_gap_s >= LONGEST_GAP_S:
            found.append(f"nothing was answered for {self.longest_gap_s:.2f} s")
        if self.daemon_mib > MOST_DAEMON_MIB:
            found.append(f"a daemon had {self.daemon_mib} MiB of memory, more than {MOST_DAEMON_MIB}")
        if not self.scraped or self.scrape_errors:
            found.append(f"/metrics was answered {self.scraped} times, and otherwise: {self.scrape_errors[:3]}")
        if self.internal_errors:
            kinds: dict[str, str] = {}
            for error in self.internal_errors:
                kinds.setdefault(re.sub(r"\d+", "N", error), error)
            first = "\n".join(list(kinds.values())[:SHOWN_ERRORS])
            found.append(f"{len(self.internal_errors)} internal errors of {len(kinds)} kinds were logged:\n{first}")
        return found + [f"left over: {what}" for what in self.left_over]

    def __str__(self) -> str:
        rows = [
            ("seed", self.seed),
            ("runtime", self.runtime),
            ("requests sent", self.sent),
            ("answered", self.answered),
            (f"answered after {LATE_S} s", self.late),
            ("lost", self.lost),
            ("false: their worker or the daemon was hit", self.false),
            ("calls of sipp, and failed", f"{self.sipp_calls}, {self.sipp_failed}"),
            ("workers killed", self.killed),
            ("most memory of a daemon", f"{self.daemon_mib} MiB"),
            ("metrics scraped", self.scraped),
            ("internal errors logged", len(self.internal_errors)),
            ("longest time without an answer", f"{self.longest_gap_s:.2f} s"),
            *((f"fault: {kind}", count) for kind, count in self.faults.items()),
            ("left over", ", ".join(self.left_over) or "nothing"),
        ]
        return "\n".join(f"{name:42} {value}" for name, value in rows)


class Probe:
    """One request every ``PROBE_S`` seconds, each of its own Call-ID, in a thread; times of the answers."""

    def __init__(self, port: int) -> None:
        self._peer = Peer(port)
        self._ended = threading.Event()
        self.sent: dict[str, float] = {}
        self.answered: dict[str, tuple[float, bool]] = {}
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._send, self._hear)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        number = 0
        while not self._ended.wait(PROBE_S):
            number += 1
            call_id = f"probe-{number}"
            self.sent[call_id] = time.monotonic()
            self._peer.send(self._peer.request(call_id=call_id))

    def _hear(self) -> None:
        while not self._ended.is_set() or len(self.answered) < len(self.sent):
            reply = self._peer.receive(LOST_S if self._ended.is_set() else 0.5)
            if reply is None:
                if self._ended.is_set():
                    return
                continue
            call_id = next(line for line in reply.split(b"\r\n") if line.startswith(b"Call-ID:")).split()[1].decode()
            self.answered[call_id] = time.monotonic(), reply.startswith(b"SIP/2.0 200 OK")

    def close(self) -> None:
        """Send no more, and wait for the last answers."""
        self._ended.set()
        for thread in self._threads:
            thread.join(2 * LOST_S)
        self._peer.close()

    def into(self, report: Report) -> None:
        """Count."""
        report.sent, report.answered = len(self.sent), len(self.answered)
        report.lost = len(self.sent.keys() - self.answered.keys())
        waits = [when - self.sent[call_id] for call_id, (when, _) in self.answered.items()]
        report.late = sum(wait > LATE_S for wait in waits)
        report.false = sum(not is_true for _, is_true in self.answered.values())
        report.longest_gap_s = longest_gap((self.sent[call_id], when) for call_id, (when, _) in self.answered.items())


def longest_gap(requests: Iterable[tuple[float, float]]) -> float:
    """
    The longest time in which a request waited and none was answered, in seconds.

    Args:
        requests: When each was sent, and when it was answered.
    """
    answers = sorted((answered, sent) for sent, answered in requests)
    gaps, since = [], math.inf  # since when one waits that has no answer before
    for (before, _), (after, sent) in reversed(list(pairwise(answers))):
        since = min(since, sent)
        gaps.append(after - max(before, since))
    return max(gaps, default=LOST_S)


class Scraper:
    """Prometheus, in a thread: asks for /metrics while there is a daemon, and says what is no answer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended = threading.Event()
        self.answered = 0
        self.errors: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(SCRAPE_S):
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:  # there may be no daemon now
                sock.settimeout(LOST_S)
                sock.connect(str(self._path))
                sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                with sock.makefile("rb") as file:
                    answer = file.read()
                if answer.startswith(b"HTTP/1.0 200 OK\r\n"):
                    self.answered += 1
                elif answer:  # nothing: the daemon was killed
                    self.errors.append(answer[:80].decode("latin-1"))

    def close(self, report: Report) -> None:
        """Ask no more, and count."""
        self._ended.set()
        self._thread.join(2 * LOST_S)
        report.scraped, report.scrape_errors = self.answered, self.errors


def run(seconds: float, seed: int, directory: Path, route: str = "cfg", runtime: str = "mono") -> Report:
    """
    Inject faults for so many seconds.

    Args:
        seconds: How long; each kind of fault comes once even when that takes longer.
        seed: Of the order of faults.
        directory: For everybody's files; nothing of theirs is there or in the temporary directory afterwards.
        route: Of ``chaos_faults.ROUTES``: what runs the script; or ``CLUSTER``.
        runtime: Of ``chaos_faults.RUNTIMES``: what it runs in.
    """
    numbers = random.Random(seed)  # noqa: S311 - so that a run can be repeated
    report = Report(seed, runtime)
    (directory / "tmp").mkdir()
    with small_file_system(directory / "tmp") as can_be_full:
        kind = ClusterSite if route == CLUSTER else Site
        report.most_false = MOST_FALSE_OF_A_CLUSTER if route == CLUSTER else MOST_FALSE[runtime]
        make = partial(kind, directory, can_be_full=can_be_full, route=route, runtime=runtime)
        site = _inject(seconds, numbers, directory, report, make)
        # A daemon that was killed cannot remove its own directory; the next one does, and there was one.
        for place in site.places():
            report.left_over += [f"process {pid}" for pid in processes_in(place)]
            report.left_over += [str(path) for path in place.iterdir()]
    if (directory / "control.sock").exists():
        report.left_over.append("the control socket")
    if (directory / "http.sock").exists():
        report.left_over.append("the socket of http")
    return report


def _inject(
    seconds: float, numbers: random.Random, directory: Path, report: Report, make: Callable[[ExitStack], Site]
) -> Site:
    with ExitStack() as stack:
        site = make(stack)
        faults = ClusterFaults(site, numbers) if isinstance(site, ClusterSite) else Faults(site, numbers)
        report.faults = dict.fromkeys(faults.kinds, 0)
        with Peer(site.port) as peer:
            until(lambda: b"200 OK" in (peer.ask(peer.request()) or b""), "a first request is true")
        calls = int(seconds * RATE)
        with Sipp("answered", site.port, calls, RATE, directory / "sipp") as sipp:
            probe, scraper = Probe(site.port), Scraper(site.http)
            ends = time.monotonic() + seconds
            while time.monotonic() < ends or not all(report.faults.values()):
                for kind in numbers.sample(list(faults.kinds), len(faults.kinds)):
                    if time.monotonic() >= ends and all(report.faults.values()):
                        break
                    report.daemon_mib = max(report.daemon_mib, most_memory_mib(site.daemon.pid))
                    faults.kinds[kind]()
                    report.faults[kind] += 1
                    time.sleep(PAUSE_S)
            probe.close()
            scraper.close(report)
        probe.into(report)
        counts = sipp.counts()
        report.sipp_calls, report.sipp_failed = counts.created, counts.failed
        report.internal_errors = internal_errors(site.logs())
        report.killed, workers = site.killed(), site.workers()
        descriptors = len(os.listdir(f"/proc/{site.daemon.pid}/fd"))  # noqa: PTH208 - how many is all that is wanted
        if descriptors > 100:
            report.left_over.append(f"{descriptors} descriptors of the daemon")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in workers):
        time.sleep(0.05)
    report.left_over += [f"worker {pid}" for pid in workers if Path(f"/proc/{pid}").exists()]
    return site


def internal_errors(log: str) -> list[str]:
    """
    What a log has of them: each a line that says so, or a traceback nobody announced, and what belongs to it.

    The traceback of a script in Python is not one: it is part of a text, whose later lines are indented.
    """
    found: list[list[str]] = []
    before = None  # the line before, while it belongs to an error
    for line in log.splitlines():
        if before is not None and (not line or line.startswith(GO_ON) or before.startswith(" ")):
            found[-1].append(line)
            before = line
        elif not line.startswith(" ") and any(words in line for words in TELL_OF_AN_ERROR):
            found.append([line])
            before = line
        else:
            before = None
    return ["\n".join(lines).rstrip() for lines in found]


def most_memory_mib(pid: int) -> int:
    """The most resident memory that a process has had until now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) // 1024  # type: ignore[index]


def processes_in(directory: Path) -> list[int]:
    """Processes whose working directory lies in a directory or below: the workers of every daemon there was."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str((process / "cwd").readlink()).startswith(str(directory)):
                found.append(int(process.name))
    return found


def main() -> None:
    """As the module says."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else random.randrange(1 << 31)  # noqa: S311
    route, runtime = (*sys.argv[3:5], "", "")[:2]
    print(f"seed {seed}", flush=True)  # noqa: T201 - a command
    with tempfile.TemporaryDirectory() as name:
        report = run(seconds, seed, Path(name), route or "cfg", runtime or "mono")
    print(report)  # noqa: T201
    for problem in report.problems():
        print(f"PROBLEM: {problem}")  # noqa: T201
    sys.exit(1 if report.problems() else 0)


if __name__ == "__main__":
    main()
