"""The daemon frozen or out of descriptors, threads, workers, places: callers fail fast, and then it is as before."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import socket
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from runner.client.lease import Lease
from runner.control.connection import PROTOCOL, Control, ask
from runner.errors import PoolExhausted, RunnerError
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE
from tests.programs import WAIT_S, stop, until
from tests.running_daemon import RunningDaemon, app_mono, compiled

RETURNS = "static int Main(string[] a) {{ return {0}; }}"
CALLERS = 30


def run(lease: Lease, script: Path, timeout_s: float = WAIT_S) -> int | None:
    return lease.exec(str(script), None, MessageHost(INVITE), time.monotonic() + timeout_s).code


def run_or_none(lease: Lease, script: Path) -> int | None:
    try:
        return run(lease, script)
    except RunnerError:
        return None


def descriptors(daemon: RunningDaemon) -> int:
    return len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))


def all_at_once(leases: list[Lease], script: Path) -> list[str]:
    """One exec of each, in threads; what each came to."""
    came: list[str] = []

    def one(lease: Lease) -> None:
        try:
            came.append(str(run(lease, script, 2.0)))
        except PoolExhausted as error:
            came.append(re.sub(r"at \S+:", "at it:", str(error)))

    threads = [threading.Thread(target=one, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    return came


def test_a_frozen_daemon_costs_each_process_one_wait_and_nothing_is_asked_of_it_for_a_while(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path) as daemon, ExitStack() as stack:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        leases = [stack.enter_context(closing(Lease(str(daemon.socket)))) for _ in range(CALLERS)]
        stop(daemon.pid)

        first = all_at_once(leases, script)
        connected = [lease for lease in leases if lease._link.control is not None]
        again = [lease._link.is_pausing() for lease in leases]
        begin = time.thread_time(), time.monotonic()
        seconds = all_at_once([lease for lease, is_off in zip(leases, again, strict=True) if is_off], script)
        waited_s = time.monotonic() - begin[1]
        daemon.signal(signal.SIGCONT)

        assert len(first) == CALLERS
        assert all("no daemon at it: it did not answer in time" in text for text in first), first
        assert connected == []
        assert all(text in first for text in seconds), "the outage is known, so nobody asked"
        assert waited_s < CALLERS * 0.2, "not each of them waited"
        until(lambda: run_or_none(leases[0], script) == 0, "it works again by itself")


def test_a_frozen_daemon_and_a_new_build_leave_the_known_build_running_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.client.lease.SHARE_OF_KNOWN", 0.9)  # for what runs, also on a busy machine
    with RunningDaemon(tmp_path) as daemon, closing(Lease(str(daemon.socket))) as lease:
        script = compiled(daemon.scripts, "Changes", RETURNS.format(1))
        run(lease, script)
        assert lease._held is not None
        worker = lease._held.conversation.pid
        compiled(daemon.scripts, "Changes", RETURNS.format(2))

        stop(daemon.pid)
        meanwhile = [run(lease, script, 10.0) for _ in range(5)]
        held = lease._held.conversation.pid
        daemon.signal(signal.SIGCONT)

        assert meanwhile == [1] * 5
        assert held == worker
        # The daemon sees who hung up on it and ends their workers: the exec that meets this is false.
        until(lambda: run_or_none(lease, script) == 2, "the new build runs when the daemon answers again")


def test_a_daemon_out_of_descriptors_goes_on_when_there_are_some_again(tmp_path: Path) -> None:
    with (
        RunningDaemon(tmp_path, "allocate_timeout_s = 0.1\nidle_ttl_s = 0.5") as daemon,
        closing(Lease(str(daemon.socket))) as lease,
        closing(Lease(str(daemon.socket))) as late,
    ):
        script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        run(lease, script)
        until(lambda: len(daemon.children()) == 2, "the spare one is there")
        until(lambda: daemon.status()["clients"] == 2, "nobody else is connected")  # this lease and the question itself
        before, workers = descriptors(daemon), len(daemon.children())
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, hard))

        held = [run(lease, script) for _ in range(3)]
        with socket.socket(socket.AF_UNIX) as first:  # the accept that waits already has its descriptor
            first.connect(str(daemon.socket))
        with pytest.raises(PoolExhausted, match="no daemon"):
            run(late, script, 0.4)
        compiled(daemon.scripts, "Fine", RETURNS.format(1))
        unread = [run(lease, script) for _ in range(3)]
        for worker in daemon.children():
            os.kill(worker, signal.SIGKILL)
        until(lambda: run_or_none(lease, script) is None, "no worker is left, and none can be started")
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (hard, hard))

        assert (held, unread) == ([0] * 3, [0] * 3)
        until(lambda: run_or_none(lease, script) == 1, "it runs what could not be read before")
        until(lambda: run_or_none(late, script) == 1, "and serves new clients")
        late.close()
        until(lambda: len(daemon.children()) == workers, "as many workers as before")
        until(lambda: descriptors(daemon) <= before, f"as many descriptors as before, {before}")
        assert "Too many open files" in daemon.log()
        assert "internal error" not in daemon.log(), daemon.log()


@pytest.mark.parametrize("left", [256, 2300])
def test_a_daemon_that_can_start_no_thread_serves_who_comes_later(tmp_path: Path, left: int) -> None:
    """With so many pages left there is none for a thread's stack, or for its stack and nothing else."""
    with RunningDaemon(tmp_path) as daemon, ExitStack() as stack, closing(Lease(str(daemon.socket))) as lease:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        run(lease, script)
        pages = int(Path(f"/proc/{daemon.pid}/statm").read_text("ascii").split()[0])
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_AS)
        resource.prlimit(daemon.pid, resource.RLIMIT_AS, ((pages + left) * resource.getpagesize(), hard))

        def fails() -> bool:
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(str(daemon.socket))
            return "cannot serve a connection" in daemon.log()

        until(fails, "threads of clients take all address space")
        held = [run(lease, script) for _ in range(3)]
        resource.prlimit(daemon.pid, resource.RLIMIT_AS, (hard, hard))

        assert held == [0] * 3
        # The connections before it are accepted first, and a busy machine may take its time for them.
        until(lambda: app_mono("status", "--socket", str(daemon.socket)).returncode == 0, "who comes later is served")
        assert daemon.status()["pid"] == daemon.pid


def test_a_client_with_a_worker_goes_on_when_a_new_daemon_has_no_place_for_it(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "max_clients = 1") as daemon, closing(Lease(str(daemon.socket))) as lease:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        run(lease, script)
        daemon.kill()
        daemon.start()
        with closing(Control.connect(str(daemon.socket), time.monotonic() + WAIT_S)) as other:
            ask(other, "hello", {"protocol": PROTOCOL, "have": None}, time.monotonic() + WAIT_S)

            assert [run(lease, script) for _ in range(5)] == [0] * 5

        until(lambda: run(lease, script) == 0 and lease._link.control is not None, "it connects when there is a place")


def test_status_shows_the_brake_while_workers_cannot_be_started(tmp_path: Path) -> None:
    mono = tmp_path / "mono"
    works, broken = f'#!/bin/sh\nexec {shutil.which("mono")} "$@"\n', "#!/bin/sh\necho no licence >&2\nexit 3\n"
    mono.write_text(works, "utf-8")
    mono.chmod(0o755)
    with RunningDaemon(tmp_path, f'mono = "{mono}"') as daemon, closing(Lease(str(daemon.socket))) as lease:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        run(lease, script)
        draft = tmp_path / "mono.new"
        draft.write_text(broken, "utf-8")
        draft.chmod(0o755)
        draft.rename(mono)
        for worker in daemon.children():
            os.kill(worker, signal.SIGKILL)
        # Not after the first one: the pause is short then, and a start that is under way is worth a wait.
        until(lambda: int(str(daemon.status()["start_failures"])) > 3, "starts fail")

        with pytest.raises(PoolExhausted, match=r"no worker can be started, next try in .*no licence"):
            until(lambda: run_or_raise(lease, script), "a lost worker is not replaced")
        value = daemon.status()
        told = app_mono("status", "--socket", str(daemon.socket)).stdout
        draft.write_text(works, "utf-8")
        draft.chmod(0o755)
        draft.rename(mono)

        assert "no licence" in str(value["start_error"])
        assert float(str(value["next_start_s"])) <= 30
        assert re.search(
            r"^trouble +\d+ starts failed, (next in [\d.]+ s|trying again now): .*no licence", told, re.MULTILINE
        )
        assert app_mono("reset", "--socket", str(daemon.socket)).returncode == 0  # an administrator need not wait
        until(lambda: run_or_none(lease, script) == 0, "it works again")
        until(lambda: daemon.status()["start_failures"] == 0, "and the trouble is over")


def run_or_raise(lease: Lease, script: Path) -> bool:
    """False for a worker that was just lost; PoolExhausted when there is none."""
    try:
        run(lease, script, 0.4)
    except PoolExhausted as error:
        if "no worker can be started" in str(error):
            raise
    except RunnerError:
        pass
    return False


def test_callers_beyond_the_queue_are_refused_at_once_and_the_queue_does_not_grow(tmp_path: Path) -> None:
    queue, most = 3, "max_queue_size = 3\nnum_workers = 1\nmax_workers = 1\nspare_workers = 0\nallocate_timeout_s = 20"
    with RunningDaemon(tmp_path, most) as daemon, ExitStack() as stack:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        holder = stack.enter_context(closing(Lease(str(daemon.socket))))
        run(holder, script)
        callers = []
        for _ in range(CALLERS):
            control = stack.enter_context(closing(Control.connect(str(daemon.socket), time.monotonic() + WAIT_S)))
            ask(control, "hello", {"protocol": PROTOCOL, "have": None}, time.monotonic() + WAIT_S)
            control.send(
                {"id": 1, "method": "lease", "params": {"path": str(script), "have": None}}, time.monotonic() + WAIT_S
            )
            callers.append(control)

        until(lambda: sum(caller.has_news() for caller in callers) == CALLERS - queue, "all but those who wait know")
        refused = [caller.receive(time.monotonic() + WAIT_S) for caller in callers if caller.has_news()]

        assert daemon.status()["waiting"] == queue
        assert all(answer["error"]["data"]["kind"] == "PoolExhausted" for answer in refused)
        assert all("already waiting" in answer["error"]["message"] for answer in refused)
