"""
What a fault does to a Kamailio: embedded app_mono beside ours. ``python -m bench.faults [WORDS]`` prints the table.

Each fault gets a Kamailio of its own with one SIP process, so that the next request reaches the same process. The
script misbehaves only for the user "bad" (bench/fault_scripts.py). The table shows the answer to that request, the time
until the next request that is true, what is left of Kamailio, and the first line that our log has about the fault.

Both sides have the same limits: 512 processes and threads (a cgroup) and, where memory is filled, RLIMIT_AS.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.fault_scripts import SCRIPTS, SOURCE
from tests.faults.cgroup import PidsGroup, pids_group
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.kamailio.routes import built_for_app_mono
from tests.places import ROOT
from tests.programs import until
from tests.running_daemon import RunningDaemon

PATIENCE_S = 3.0
LOOK_S = 1.0
LONGEST_LINE = 100  # of the log
MOST_PROCESSES = 512
MOST_MEMORY = 3 << 30
OURS = ROOT / "kamailio" / "app_mono.py"
ROUTE = '\nrequest_route {{\n\tif ({call}) sl_send_reply("200", "True"); else sl_send_reply("404", "False");\n}}\n'
SETTINGS = 'max_workers = 4\nmax_address_space_mib = 2048\nload = "{script}"'
SIGNALS = {
    f"{name} of the process that runs the scripts": number
    for name, number in (("SIGKILL", signal.SIGKILL), ("SIGSEGV", signal.SIGSEGV), ("SIGSTOP", signal.SIGSTOP))
}
DAEMON = "SIGKILL of the daemon"


@dataclass
class Seen:
    """What was observed of a fault on one side."""

    answer: str
    next_true: str
    fate: str
    log: str = ""

    def __str__(self) -> str:
        return f"{self.answer}; the next is {self.next_true}; {self.fate}"


class Side:
    """One Kamailio with its scripts, and the daemon if it is our side."""

    def __init__(self, name: str, script: Path, directory: Path, stack: ExitStack) -> None:
        port = free_udp_port()
        env: dict[str, str] = {}
        cfg = preamble(port, ["kex", "sl", "pv", "app_mono" if name == "embedded" else "app_python3"], children=1)
        self.daemon: RunningDaemon | None = None
        if name == "embedded":
            cfg += f'modparam("app_mono", "load", "{script}")' + ROUTE.format(call="mono_run()")
        else:
            self.daemon = stack.enter_context(RunningDaemon(directory, SETTINGS.format(script=script)))
            env = {"APP_MONO_CONFIG": str(self.daemon.config)}
            cfg += f'modparam("app_python3", "load", "{OURS}")' + ROUTE.format(call='python_exec("mono_run")')
        self.kamailio = stack.enter_context(Kamailio(cfg, directory / name, port, env))
        self.peer = stack.enter_context(Peer(port))
        self._asked = 0
        # Wait until the process that runs scripts is known, and until the spare worker has started.
        self.runs_scripts = 0
        until(self._knows_its_process, "a first request is true")
        until(self._has_a_spare, "the spare is there")
        self._ask("good", PATIENCE_S)
        self.children = sorted(self.kamailio.children())
        self._log_begins = [len(log) for log in self._logs()]

    def _has_a_spare(self) -> bool:
        return self.daemon is None or self.daemon.log().count("started worker") > 1

    def _knows_its_process(self) -> bool:
        reply = self._ask("good", LOOK_S) or b""
        found = re.search(rb"X-Process: (\d+)", reply)
        self.runs_scripts = int(found[1]) if found else 0
        return reply.startswith(b"SIP/2.0 200")

    def _ask(self, user: str, timeout_s: float) -> bytes | None:
        self._asked += 1
        call_id = f"{user}-{self._asked}"
        deadline = time.monotonic() + timeout_s
        self.peer.send(self.peer.request(uri=f"sip:{user}@example.com", call_id=call_id))
        while (left := deadline - time.monotonic()) > 0 and self.kamailio.is_alive:
            reply = self.peer.receive(min(left, 0.1))
            if reply is not None and f"Call-ID: {call_id}\r\n".encode() in reply:
                return reply
        return None

    def _logs(self) -> list[str]:
        return [self.kamailio.log(), self.daemon.log() if self.daemon else ""]

    def meets(self, fault: str) -> Seen:
        """Cause the fault, and observe what follows."""
        if fault in SIGNALS:
            os.kill(self.runs_scripts, SIGNALS[fault])
        if fault == DAEMON and self.daemon:
            self.daemon.kill()
        began = time.monotonic()
        answer = self._answer_to("good" if fault in {*SIGNALS, DAEMON} else "bad", began)
        answered = time.monotonic()
        next_true = "never"
        last = "no answer"
        while time.monotonic() < answered + PATIENCE_S and self.kamailio.is_alive:
            reply = self._ask("good", LOOK_S)
            if reply is not None and reply.startswith(b"SIP/2.0 200"):
                next_true = f"true after {(time.monotonic() - answered) * 1000:.0f} ms"
                break
            last = "no answer" if reply is None else "false"
        if next_true == "never":
            next_true = f"{last} for {PATIENCE_S:g} s" if self.kamailio.is_alive else "not answered"
        return Seen(answer, next_true, self._fate(next_true))

    def _answer_to(self, user: str, began: float) -> str:
        reply = self._ask(user, PATIENCE_S)
        if reply is None:
            return "no answer"
        is_true = reply.startswith(b"SIP/2.0 200")
        return f"{'true' if is_true else 'false'} after {(time.monotonic() - began) * 1000:.0f} ms"

    def _fate(self, next_true: str) -> str:
        if not self.kamailio.is_alive:
            return "**Kamailio has ended**"
        if set(self.children) - set(self.kamailio.children()):
            return "**a process of Kamailio has died**"
        if "no answer" in next_true:
            return "**a process of Kamailio never comes back**"
        return "Kamailio lives"

    def left_over(self, group: PidsGroup) -> int:
        """How many processes that the script started still exist."""
        deadline = time.monotonic() + LOOK_S
        while (left := len(set(group.members()) - self._known())) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def _known(self) -> set[int]:
        ours = [self.daemon.pid, *started_by(self.daemon.pid)] if self.daemon else []
        return {self.runs_scripts, *started_by(self.kamailio.pid), *ours}

    def first_log_line(self) -> str:
        """The first new log line about it, without the parts that differ between runs; empty when there is none."""
        deadline = time.monotonic() + LOOK_S
        while not (line := self._first_line()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return line

    def _first_line(self) -> str:
        logs = zip(self._logs(), self._log_begins, strict=True)
        lines = [line for log, begin in logs for line in log[begin:].splitlines()]
        ours = (line for line in lines if ("app_mono: " in line or "worker " in line) and "started worker" not in line)
        text = re.sub(r"^.*?app_mono: ", "", next(ours, ""))
        text = re.sub(r"\b\d{3,}\b", "N", re.sub(r"(?:/[^/\s:]+)+/(?=[^/\s]+\.sock)", "", text))
        return text[:LONGEST_LINE]


def run(fault: str, directory: Path) -> list[Seen]:
    """Cause one fault on both sides; returns embedded, then ours."""
    directory.mkdir()
    source = directory / "Fault.cs"
    source.write_text(SOURCE.format(SCRIPTS.get(fault, "")), encoding="utf-8")
    script = built_for_app_mono(source, directory / "scripts")
    seen = []
    for name in ("embedded", "ours"):
        with ExitStack() as stack:
            group = stack.enter_context(pids_group())
            side = Side(name, script, directory, stack)
            for pid in [side.daemon.pid, *started_by(side.daemon.pid)] if side.daemon else side.children:
                group.add(pid)
            group.allow(MOST_PROCESSES)
            if name == "embedded" and "allocation" in fault:
                resource.prlimit(side.runs_scripts, resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
            outcome = side.meets(fault)
            if left := side.left_over(group):
                outcome.fate += f"; **{left} processes are left over**"
            if side.daemon:
                outcome.log = side.first_log_line()
            group.end()
            seen.append(outcome)
    return seen


def started_by(pid: int) -> list[int]:
    """The children of all threads of a process."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]


def main() -> None:
    """Print the table; arguments choose faults by a part of their name."""
    print("| fault | embedded app_mono | ours | our log |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)  # mono leaves files in the directory where it crashes
        for number, fault in enumerate([*SCRIPTS, *SIGNALS, DAEMON]):
            if len(sys.argv) > 1 and not any(word in fault for word in sys.argv[1:]):
                continue
            embedded, ours = run(fault, Path(name) / str(number))
            shown = "(there is none)" if fault == DAEMON else str(embedded)
            print(f"| {fault} | {shown} | {ours} | {ours.log} |", flush=True)
        os.chdir("/")


if __name__ == "__main__":
    main()
