"""daemon.slow_execs: an exec that takes long leaves its stacks while it runs, once, and goes on to its result."""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

from runner.cli.admin import request
from runner.client.lease import Lease
from runner.control.messages import StatusRequest
from runner.control.status import RUNNING, IncidentStatus, Status, StillRuns
from runner.daemon.borrower import Client
from runner.daemon.counting import Counting
from runner.daemon.slow_execs import AT_A_TIME, SlowExecs
from runner.hosts.embedded.host import MessageHost
from runner.hosts.recorded import Recorded
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, compiled
from tests.siblings import MONO, SIBLINGS, Language, each

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Each ponders until a file is there, and gives 7 when all of its calls had the right answer.
PONDERS = {
    ".exe": """
        static int Main(string[] args) {
            string to = PV.GetS("$rU");
            Ponder(args[0]);
            return to + PV.GetS("$fU") == "bobalice" ? 7 : 8;
        }
        static void Ponder(string flag) { while (!System.IO.File.Exists(flag)) Thread.Sleep(5); }
    """,
    ".py": """
import os, time
from SR import PV

def main(args):
    to = PV.GetS("$rU")
    ponder(args[0])
    return 7 if to + PV.GetS("$fU") == "bobalice" else 8

def ponder(flag):
    while not os.path.exists(flag):
        time.sleep(0.005)
""",
    ".js": """
const { PV } = require("SR");
const fs = require("fs");
const cell = new Int32Array(new SharedArrayBuffer(4));
exports.main = (args) => {
    const to = PV.GetS("$rU");
    ponder(args[0]);
    return to + PV.GetS("$fU") === "bobalice" ? 7 : 8;
};
function ponder(flag) {
    while (!fs.existsSync(flag)) Atomics.wait(cell, 0, 0, 5);
}
""",
    ".java": """
import SR.PV;
import java.io.File;
class Ponders {
    public static int main(String[] args) throws Exception {
        String to = PV.getS("$rU");
        ponder(args[0]);
        return (to + PV.getS("$fU")).equals("bobalice") ? 7 : 8;
    }
    static void ponder(String flag) throws Exception {
        while (!new File(flag).exists()) Thread.sleep(5);
    }
}
""",
}
PATIENT = (
    f"exec_timeout_s = {WAIT_S}\nfirst_exec_timeout_s = {WAIT_S}\nallocate_timeout_s = {WAIT_S}\nmax_workers = 2\n"
)
SLOW_S = 1.0  # the first call of an exec is behind it by then, also on a busy machine


def ponders(daemon: RunningDaemon, suffix: str) -> Path:
    if suffix == ".exe":
        return compiled(daemon.scripts, "Ponders", PONDERS[suffix])
    script = daemon.scripts / f"Ponders{suffix}"
    script.write_text(PONDERS[suffix], encoding="ascii")
    return script


def running(daemon: RunningDaemon) -> list[IncidentStatus]:
    """What the daemon shows of execs that had not ended."""
    told = request(str(daemon.socket), StatusRequest, Status).incidents
    return [incident for incident in told if incident.outcome == RUNNING]


class Execs:
    """The execs of one client that takes more than ``SLOW_S`` for slow, from the first ``one`` on."""

    def __init__(self, daemon: RunningDaemon, script: Path) -> None:
        self.lease = Lease(str(daemon.socket))
        self._script = str(script)
        self._codes: list[int | None] = []

    def close(self) -> None:
        self.lease.close()

    def run(self, flag: Path) -> int | None:
        """Until the file is there; the code of the script."""
        began, host = time.monotonic(), Recorded(MessageHost(INVITE))
        outcome = self.lease.exec(self._script, str(flag), host, began + WAIT_S)
        self.lease.note(self._script, outcome, began, host)
        return outcome.code

    @contextlib.contextmanager
    def one(self, flag: Path) -> Iterator[list[int | None]]:
        """One of them during a ``with`` block, at whose end the file is made; then its code is in the list."""
        self.lease.tally.watch(SLOW_S, 0.0)
        codes: list[int | None] = []
        thread = threading.Thread(target=lambda: codes.append(self.run(flag)))
        thread.start()
        try:
            yield codes
        finally:
            flag.touch()
            thread.join(WAIT_S)


@each((MONO, *SIBLINGS))
def test_an_exec_that_is_slow_tells_its_stacks_and_goes_on(tmp_path: Path, language: Language) -> None:
    places = map(tmp_path.joinpath, map(str, itertools.count()))

    def tells_its_stacks() -> bool:
        """As in tests/faults/test_stuck.py: a busy machine may give a worker no time to write them."""
        place = next(places)
        place.mkdir()
        with RunningDaemon(place, PATIENT) as daemon, contextlib.ExitStack() as stack:
            execs = stack.enter_context(contextlib.closing(Execs(daemon, ponders(daemon, language.suffix))))
            (place / "before").touch()
            assert execs.run(place / "before") == 7  # the first run takes longest until its first call
            with execs.one(place / "first") as codes:
                until(lambda: bool(running(daemon)), "the daemon has been told")

                (told,) = running(daemon)
                threading.Event().wait(2 * SLOW_S)
                assert running(daemon) == [told]  # once an exec

            assert codes == [7]
            assert re.search(r"Ponders\.[a-z]+: still runs after [0-9.]+ s$", told.message)
            assert re.search(r"ms  PV\.GetS\('\$rU'\)", told.detail)
            assert told.call_id
            assert told.build
            assert f"still runs after {told.took_s:.3g} s (Call-ID {told.call_id}); its stacks follow" in daemon.log()
            assert [execs.run(place / "first") for _ in range(50)] == [
                7
            ] * 50  # what asked for them left nothing behind
            assert request(str(daemon.socket), StatusRequest, Status).ended == {}
        return bool(re.search(r"[Pp]onder\b(?!s)", told.detail))

    until(tells_its_stacks, "the daemon has its stacks")


class Stuck:
    """A worker that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = threading.Event()

    def stacks(self, reason: str) -> str:
        self.asked.append(reason)
        self.may_answer.wait(WAIT_S)
        return "at S.Main"


def notice(lease: str) -> StillRuns:
    return StillRuns(outcome=RUNNING, message="slow", detail="calls", build="b", call_id="a@b", took_s=1.0, lease=lease)


def borrower(pid: int, worker: Stuck) -> Client:
    client = Client(None, pid, 0)  # type: ignore[arg-type]  # nothing is sent to it
    client.loans["1e"] = SimpleNamespace(slot=SimpleNamespace(living=worker))  # type: ignore[assignment]
    return client


def test_a_client_that_tells_again_and_again_has_its_worker_asked_once_and_few_are_asked_at_a_time() -> None:
    counting, worker = Counting(lambda _path: True), Stuck()
    slow = SlowExecs(counting)
    clients = [borrower(pid, worker) for pid in range(1, AT_A_TIME + 4)]
    for client in clients:
        for _ in range(5):
            slow.still_runs(client, notice("1e"))
    slow.still_runs(clients[0], notice("other"))
    worker.may_answer.set()
    until(lambda: sum(told.count for told in counting.incidents()) == 5 * len(clients) + 1, "all are noted")

    assert worker.asked == ["slow (Call-ID a@b)"] * AT_A_TIME
    assert counting.incidents()[-1].detail == "calls\n\nat S.Main"
