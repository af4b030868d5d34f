"""Whatever clients of the daemon do, others are served as before, and nothing of theirs is left."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.client.lease import Lease
from runner.control.connection import PROTOCOL, Control, ControlError, ask
from runner.daemon import daemon as daemon_module
from runner.daemon.access import KEPT_PLACES
from runner.daemon.quiet import PAUSE_S
from runner.errors import PoolExhausted, RunnerError
from runner.hosts.embedded.host import MessageHost
from runner.settings import Settings
from runner.wire.channel import ENDS, received
from tests.places import INVITE, MESSAGE
from tests.programs import WAIT_S, stop, until
from tests.running_daemon import ENVIRONMENT, RunningDaemon, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

FINE = "static int Main() { return 0; }"
SLEEPS = 'static int Main() { SR.Core.Log(1, "in"); Thread.Sleep(Timeout.Infinite); return 0; }'
CONNECTIONS = 1000
MAX_CLIENTS = 64
CLIENT = """
import sys, time
from runner.client.lease import Lease
from runner import MessageHost
host = MessageHost(open(sys.argv[3], "rb").read())
Lease(sys.argv[1]).exec(sys.argv[2], None, host, time.monotonic() + 60)
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    settings = f"max_workers = 4\nmax_clients = {MAX_CLIENTS}\nidle_ttl_s = 0.5\nallocate_timeout_s = {WAIT_S}"
    # On a busy machine a thousand connections may take longer than one of them may say nothing.
    silent = {"runner.daemon.daemon.FIRST_S": 120.0}
    with RunningDaemon(tmp_path_factory.mktemp("clients"), settings, constants=silent) as running:
        yield running


@pytest.fixture
def fine(daemon: RunningDaemon) -> Path:
    script = daemon.scripts / "Fine.exe"
    return script if script.exists() else compiled(daemon.scripts, "Fine", FINE)


@pytest.fixture(autouse=True)
def _nothing_is_left(daemon: RunningDaemon, fine: Path) -> Iterator[None]:
    """After each test, a new client is served, and threads, descriptors and workers are as before it."""
    if not AT_REST:
        assert works(daemon, fine)
        AT_REST.extend(rest(daemon))

    yield

    until(lambda: daemon.status()["clients"] == 1, "who was connected has gone")  # the one is the question itself
    assert works(daemon, fine)
    until(
        lambda: all(now <= then for now, then in zip(used(daemon), AT_REST, strict=True)),
        f"at most {AT_REST} threads, descriptors and workers, as before",
    )
    assert "internal error" not in daemon.log()


AT_REST: list[int] = []


def rest(daemon: RunningDaemon) -> tuple[int, int, int]:
    """What it has when nothing happens: the same at many looks."""
    looks: list[tuple[int, int, int]] = []
    until(lambda: looks.append(used(daemon)) or (len(looks) > 100 and len(set(looks[-100:])) == 1), "it is at rest")  # type: ignore[func-returns-value]
    return looks[-1]


def works(daemon: RunningDaemon, script: Path) -> bool:
    with closing(Lease(str(daemon.socket))) as lease:
        return run(lease, script) == 0


def used(daemon: RunningDaemon) -> tuple[int, int, int]:
    """Threads, descriptors and workers of a daemon at rest; what a process that starts or ends needs comes and goes."""
    process = Path(f"/proc/{daemon.pid}")
    return len(list(process.glob("task/*"))), len(list(process.glob("fd/*"))), len(daemon.children())


def run(lease: Lease, script: Path) -> int | None:
    return lease.exec(str(script), None, MessageHost(INVITE), time.monotonic() + WAIT_S).code


def connected(daemon: RunningDaemon) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(WAIT_S)
    until(lambda: sock.connect_ex(str(daemon.socket)) == 0, "there is room in the backlog")
    return sock


def request(method: str, params: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"


HELLO = request("hello", {"protocol": PROTOCOL, "have": None})


def test_a_half_line_holds_up_nobody_else(daemon: RunningDaemon, fine: Path) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connected(daemon)).send(b'{"jsonrpc":"2.0","id":1,"meth')

        assert works(daemon, fine)


def test_a_line_without_an_end_is_cut_off_and_takes_no_memory(daemon: RunningDaemon, fine: Path) -> None:
    with connected(daemon) as sock, pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012  # one deed
        while True:
            sock.sendall(b"x" * 65536)

    assert works(daemon, fine)


def test_a_thousand_connections_leave_a_client_its_worker_and_end_in_a_few_lines(
    daemon: RunningDaemon, fine: Path
) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a user's soft limit is 1024
    with closing(Lease(str(daemon.socket))) as lease, ExitStack() as stack:
        run(lease, fine)
        begin, began = len(daemon.log()), time.monotonic()
        socks = [stack.enter_context(connected(daemon)) for _ in range(CONNECTIONS)]
        told = [sock for sock in socks[MAX_CLIENTS + KEPT_PLACES :] if b"max_clients" in sock.recv(4096)]

        assert len(told) == CONNECTIONS - MAX_CLIENTS - KEPT_PLACES
        assert [run(lease, fine) for _ in range(20)] == [0] * 20
        lines = daemon.log()[begin:].splitlines()
        most_lines = 2 + (time.monotonic() - began) / PAUSE_S
        assert 1 <= len([line for line in lines if "a client is refused" in line]) <= most_lines

        for sock in socks:
            sock.close()
    until(lambda: daemon.status()["clients"] == 1, "only who asks is connected")


def test_a_process_that_is_refused_fails_fast_until_there_is_a_place(daemon: RunningDaemon, fine: Path) -> None:
    with closing(Lease(str(daemon.socket))) as lease, ExitStack() as stack:
        for _ in range(MAX_CLIENTS):
            stack.enter_context(connected(daemon)).send(HELLO)

        with pytest.raises(PoolExhausted, match="max_clients"):
            until(lambda: run(lease, fine) != 0, "it is refused")
        stack.close()

        until(lambda: run_or_none(lease, fine) == 0, "it is served when others have gone")


def run_or_none(lease: Lease, script: Path) -> int | None:
    try:
        return run(lease, script)
    except RunnerError:
        return None


def test_who_connects_and_says_nothing_loses_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_module, "FIRST_S", 0.2)
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    user = pwd.getpwuid(os.geteuid()).pw_name
    settings = Settings(socket=tmp_path / "c.sock", script_dirs=(scripts,), max_clients=1, worker_user=user)
    with daemon_module.Daemon(settings) as daemon:
        thread = threading.Thread(target=daemon.serve)
        thread.start()
        try:
            with socket.socket(socket.AF_UNIX) as silent:
                silent.settimeout(WAIT_S)
                silent.connect(str(settings.socket))
                assert silent.recv(1) == b"", "the daemon hangs up"
            until(lambda: not daemon.status().clients, "its place is free")
            monkeypatch.setattr(daemon_module, "FIRST_S", WAIT_S)  # the next one does say something
            with closing(Control.connect(str(settings.socket), time.monotonic() + WAIT_S)) as control:
                assert ask(control, "hello", {"protocol": PROTOCOL, "have": None}, time.monotonic() + WAIT_S) == {
                    "refused": []
                }
        finally:
            daemon.end(keeps_loans=False)
            thread.join(WAIT_S)


def test_who_leases_and_vanishes_costs_a_worker_that_is_replaced(daemon: RunningDaemon, fine: Path) -> None:
    def vanish() -> None:
        with closing(Control.connect(str(daemon.socket), time.monotonic() + WAIT_S)) as control:
            deadline = time.monotonic() + WAIT_S
            ask(control, "hello", {"protocol": PROTOCOL, "have": None}, deadline)
            ask(control, "lease", {"path": str(fine), "have": None}, deadline)

    with closing(Lease(str(daemon.socket))) as lease:
        threads = [threading.Thread(target=vanish) for _ in range(10)]
        for thread in threads:
            thread.start()
        codes = [run(lease, fine) for _ in range(20)]
        for thread in threads:
            thread.join(WAIT_S)

        assert codes == [0] * 20
    until(lambda: not any(worker["client"] for worker in daemon.status()["workers"]), "nothing is lent any more")


def test_a_client_that_goes_while_a_worker_is_passed_to_it_costs_nobody_anything(
    daemon: RunningDaemon, fine: Path
) -> None:
    lease = request("lease", {"path": str(fine), "have": None})
    for number in range(60):
        with connected(daemon) as sock:
            sock.send(HELLO + lease)
            if number % 3 == 0:
                sock.shutdown(socket.SHUT_RD)  # its answer finds nobody
            elif number % 3 == 1:
                sock.recv(len(HELLO))  # it goes between the two, or with a wire in its queue

    until(lambda: not any(worker["client"] for worker in daemon.status()["workers"]), "nothing is lent any more")


def test_a_storm_of_reconnects_is_served_to_its_end(daemon: RunningDaemon, fine: Path) -> None:
    answered = []

    def reconnect() -> None:
        for number in range(50):
            with connected(daemon) as sock:
                sock.send(HELLO[: len(HELLO) // 2] if number % 5 == 0 else HELLO)
                answered.append(number % 5 == 0 or sock.recv(4096))

    threads = [threading.Thread(target=reconnect) for _ in range(10)]
    for thread in threads:
        thread.start()
    with closing(Lease(str(daemon.socket))) as lease:
        until(lambda: run_or_none(lease, fine) == 0, "a client gets its worker in the middle of it")
    for thread in threads:
        thread.join(WAIT_S)

    assert len(answered) == 500
    assert all(answered)


def test_a_client_that_is_killed_in_mid_exec_takes_its_worker_along(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "Sleeps", SLEEPS)
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(daemon.socket), str(script), str(MESSAGE)], env=ENVIRONMENT
    ) as client:
        until(lambda: lent_to(daemon, client.pid), "it has a worker")
        (worker,) = lent_to(daemon, client.pid)
        stop(worker)  # or it may end by itself before the daemon ends it, as its wire is closed
        client.send_signal(signal.SIGKILL)

        until(lambda: not Path(f"/proc/{worker}").exists(), "its worker has ended")
        until(lambda: f"worker {worker}: its client has gone" in daemon.log(), "the log says why")


def lent_to(daemon: RunningDaemon, client: int) -> list[int]:
    return [worker["pid"] for worker in daemon.status()["workers"] if worker["client"] == client]


REPORT = {"execs": 1, "loads": 1, "loaded": {}, "bound": {}, "retire_reason": ""}


@pytest.mark.parametrize(
    "params", [REPORT, {}, REPORT | {"execs": "many"}, REPORT | {"bound": 7}, REPORT | {"loads": 1e999}]
)
@pytest.mark.parametrize("method", ["release", "retire", "report"])
def test_a_worker_that_comes_back_without_its_wire_or_with_nonsense_is_not_lost_to_the_pool(
    daemon: RunningDaemon, fine: Path, method: str, params: dict[str, Any]
) -> None:
    """A client out of descriptors, or none of ours. The place of such a worker was taken for ever."""
    with closing(Control.connect(str(daemon.socket), time.monotonic() + WAIT_S)) as control:
        deadline = time.monotonic() + WAIT_S
        ask(control, "hello", {"protocol": PROTOCOL, "have": None}, deadline)
        worker = ask(control, "lease", {"path": str(fine), "have": None}, deadline)["worker"]
        wire = received(control.take_descriptors(ENDS))
        assert wire is not None
        with contextlib.closing(wire):
            told = {"lease": worker["lease"], "reason": "test", "call_id": None, "is_stuck": False, "taken_by": None}
            with contextlib.suppress(ControlError):
                control.send({"method": method, "params": told | params}, deadline)
                ask(control, "status", {}, deadline)

    until(lambda: worker["pid"] not in [found["pid"] for found in daemon.status()["workers"]], "it is replaced")


def test_a_script_that_goes_while_its_client_waits_for_a_worker_takes_no_place(tmp_path: Path) -> None:
    """The worker that came free was leased, and then nobody's: the answer was the error."""
    settings = "num_workers = 1\nmax_workers = 1\nspare_workers = 0\nallocate_timeout_s = 30"
    no_grace = {"runner.scripts.builds.DELETED_GRACE_S": 0.0}
    with RunningDaemon(tmp_path, settings, constants=no_grace) as daemon, ExitStack() as stack:
        script, fine = (compiled(daemon.scripts, name, FINE) for name in ("Goes", "Fine"))
        holder = stack.enter_context(closing(Lease(str(daemon.socket))))
        run(holder, fine)
        waiting = stack.enter_context(connected(daemon))
        waiting.send(HELLO + request("lease", {"path": str(script), "have": None}))
        until(lambda: daemon.status()["waiting"], "it waits")
        script.unlink()
        holder.close()

        answer = b""
        while answer.count(b"\n") < 2:
            answer += waiting.recv(65536)
        assert b"ScriptNotFound" in answer
        assert works(daemon, fine)
