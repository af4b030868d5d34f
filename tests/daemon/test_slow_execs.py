"""daemon.slow_execs: an exec that takes long leaves its stacks while it runs, once, and goes on to its result."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from typing import TYPE_CHECKING

from runner.cli.admin import request
from runner.client.lease import Lease
from runner.control.messages import StatusRequest
from runner.control.status import RUNNING, IncidentStatus, Status
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
SLOW_S = 0.05


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
    """The execs of one client that takes more than ``SLOW_S`` for slow."""

    def __init__(self, daemon: RunningDaemon, script: Path) -> None:
        self.lease = Lease(str(daemon.socket))
        self.lease.tally.watch(SLOW_S, 0.0)
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
    with RunningDaemon(tmp_path, PATIENT) as daemon, contextlib.ExitStack() as stack:
        execs = stack.enter_context(contextlib.closing(Execs(daemon, ponders(daemon, language.suffix))))
        with execs.one(tmp_path / "first") as codes:
            until(lambda: bool(running(daemon)), "the daemon has its stacks")

            (told,) = running(daemon)
            threading.Event().wait(4 * SLOW_S)
            assert running(daemon) == [told]  # once an exec

        assert codes == [7]
        assert re.search(r"Ponders\.[a-z]+: still runs after [0-9.]+ s$", told.message)
        assert re.search(r"ms  PV\.GetS\('\$rU'\)", told.detail)
        assert re.search(r"[Pp]onder\b(?!s)", told.detail), told.detail
        assert told.call_id
        assert told.build
        assert f"still runs after {told.took_s:.3g} s (Call-ID {told.call_id}); its stacks follow" in daemon.log()
        assert [execs.run(tmp_path / "first") for _ in range(50)] == [7] * 50  # what asked for them left nothing behind
        assert request(str(daemon.socket), StatusRequest, Status).ended == {}
