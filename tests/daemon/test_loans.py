"""runner.daemon.loans: who holds which worker, and how it comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.build import ensure_bridge
from runner.client.lease import Lease
from runner.errors import PoolExhausted
from tests.daemon.leases import RETURNS, held, run
from tests.places import ROOT
from tests.programs import MCS, until
from tests.running_daemon import ENVIRONMENT, RunningDaemon, app_mono, compiled


def test_a_borrowed_worker_with_threads_left_in_it_is_given_back_and_replaced(
    shared: RunningDaemon, borrower: Lease
) -> None:
    script = compiled(
        shared.scripts,
        "Threads",
        "static int Main() { new Thread(() => Thread.Sleep(Timeout.Infinite)).Start(); return 0; }",
    )
    fine = compiled(shared.scripts, "Fine", RETURNS.format(0))
    assert run(borrower, fine) == 0
    before = held(shared)

    assert run(borrower, script) == 0
    assert run(borrower, fine) == 0

    assert held(shared) != before
    until(lambda: "its script left threads running" in shared.log(), "the daemon says why")


def test_a_worker_killed_between_execs_is_replaced_without_a_failure(shared: RunningDaemon, borrower: Lease) -> None:
    script = compiled(shared.scripts, "Fine", RETURNS.format(0))
    run(borrower, script)

    worker = held(shared)
    os.kill(worker, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{worker}").exists(), "it has ended and is reaped")

    assert run(borrower, script) == 0


def test_the_worker_of_a_client_that_was_killed_ends(shared: RunningDaemon) -> None:
    script = compiled(shared.scripts, "Fine", RETURNS.format(0))
    program = (
        "import sys, time\nfrom runner.client.lease import Lease\nfrom runner import MessageHost\n"
        "lease = Lease(sys.argv[1])\n"
        "lease.exec(sys.argv[2], None, MessageHost(open(sys.argv[3], 'rb').read()), time.monotonic() + 60)\n"
        "print('held', flush=True)\ntime.sleep(60)\n"
    )
    message = ROOT / "examples" / "messages" / "invite.sip"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(shared.socket), str(script), str(message)],
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"held\n"
        (worker,) = [worker["pid"] for worker in shared.workers() if worker["client"] == client.pid]
        client.kill()

        until(lambda: not Path(f"/proc/{worker}").exists(), "its worker has ended")


def test_more_clients_than_workers_are_all_served(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "max_workers = 2\nnum_workers = 2\nallocate_timeout_s = 2.0") as daemon:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        daemon.until_idle(2)
        leases = [Lease(str(daemon.socket)) for _ in range(5)]
        try:
            run(leases[0], script)
            run(leases[1], script)
            with pytest.raises(PoolExhausted):  # both workers are held by clients that are not running anything
                run(leases[2], script)

            def are_given_back() -> bool:
                codes = run(leases[0], script), run(leases[1], script)
                return codes == (0, 0) and [lease._held for lease in leases[:2]] == [None, None]

            until(are_given_back, "they are asked for them")

            codes = [run(lease, script) for _ in range(5) for lease in leases]

            assert codes == [0] * 25
            assert "set max_workers to at least 5" in str(daemon.status()["advice"])
            told = app_mono("doctor", "--config", str(daemon.config))
            assert "set max_workers to at least 5" in " ".join(told.stdout.split())
            assert told.returncode == 0, told.stdout
        finally:
            for lease in leases:
                lease.close()


def test_helpers_that_conflict_get_workers_of_their_own(shared: RunningDaemon, borrower: Lease) -> None:
    scripts = []
    sr_dll = ensure_bridge().sr_dll
    for number in (1, 2):
        place = shared.scripts / str(number)
        compiled(place, "H", f"public static int Value() {{ return {number}; }} static void Main() {{}}")
        library = place / "H.dll"
        subprocess.run([MCS, "-t:library", f"-out:{library}", str(place / "H.cs"), f"-r:{sr_dll}"], check=True)
        (place / "H.exe").unlink()
        source = place / "Uses.cs"
        source.write_text("public class Uses { static int Main() { return H.Value(); } }\n", "utf-8")
        subprocess.run([MCS, f"-r:{library}", f"-out:{place / 'Uses.exe'}", str(source)], check=True)
        scripts.append(place / "Uses.exe")

    assert [run(borrower, script) for _ in range(3) for script in scripts] == [1, 2] * 3
