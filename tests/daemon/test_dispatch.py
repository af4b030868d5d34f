"""daemon.dispatch: a malformed message is its client's fault; any other is the daemon's, and its log says where."""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import signal
import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.control import connection
from runner.control.connection import PROTOCOL, Control, ControlError, OtherEndGone, ask
from runner.control.messages import LeaseAnswer, Swap
from runner.daemon import borrower, reports
from runner.daemon.daemon import Daemon
from runner.errors import RunnerError
from runner.settings import Settings
from runner.wire.channel import ENDS, received
from tests.programs import WAIT_S, until
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.control.messages import Worker
    from runner.wire.channel import Channel


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    user = pwd.getpwuid(os.geteuid()).pw_name
    settings = Settings(
        socket=tmp_path / "c.sock", script_dirs=(scripts,), worker_user=user, num_workers=1, allocate_timeout_s=WAIT_S
    )
    with Daemon(settings) as daemon:
        thread = threading.Thread(target=daemon.serve)
        thread.start()
        yield daemon
        daemon.end(keeps_loans=False)
        thread.join(WAIT_S)


@pytest.fixture
def script(daemon: Daemon) -> Path:
    assert daemon.settings.script_dirs is not None
    return compiled(daemon.settings.script_dirs[0], "Fine", "static int Main() { return 0; }")


class Client:
    """It says what a test wants, and knows the answer's code."""

    def __init__(self, daemon: Daemon) -> None:
        self.control = Control.connect(str(daemon.settings.socket), time.monotonic() + WAIT_S)
        self.ask("hello", protocol=PROTOCOL, have=None)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return ask(self.control, method, params, time.monotonic() + WAIT_S)

    def error(self, method: str, **params: Any) -> dict[str, Any]:
        self.control.send({"id": 1, "method": method, "params": params}, time.monotonic() + WAIT_S)
        found: dict[str, Any] = self.control.receive(time.monotonic() + WAIT_S)["error"]
        return found

    def tell(self, method: str, **params: Any) -> None:
        self.control.send({"method": method, "params": params}, time.monotonic() + WAIT_S)

    def lease(self, script: Path) -> tuple[Worker, Channel]:
        worker = LeaseAnswer.read(self.ask("lease", path=str(script), have=None)).worker
        wire = received(self.control.take_descriptors(ENDS))
        assert worker is not None
        assert wire is not None
        return worker, wire


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    made = Client(daemon)
    with closing(made.control):
        yield made


def breaks(*_: object) -> None:
    raise KeyError("nothing of a client's")


def test_a_fault_of_ours_is_logged_with_its_traceback_and_answered_as_an_internal_error(
    daemon: Daemon, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A KeyError anywhere inside the pool was "parameters not as expected", and the log said nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(daemon.runner, "current", breaks)

        error = client.error("lease", path="/x.exe", have=None)

    assert error["code"] == connection.INTERNAL_ERROR
    assert error["message"] == "lease: internal error of the daemon, see its log"
    (record,) = [record for record in caplog.records if "internal error in lease" in record.getMessage()]
    assert record.exc_info is not None
    assert "breaks" in caplog.text, "the traceback says where"
    assert client.ask("status")["pid"] == os.getpid(), "the connection goes on"


def test_a_fault_of_ours_at_a_notice_is_logged_and_closes_the_wire_that_came_with_it(
    client: Client, script: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worker, wire = client.lease(script)
    monkeypatch.setattr(reports, "note", breaks)
    report = {"lease": worker.lease, "execs": 1, "loads": 1, "bound": {}, "loaded": {}}

    with closing(wire):
        client.control.send({"method": "release", "params": report}, time.monotonic() + WAIT_S, wire.descriptors())
        with pytest.raises(ControlError):
            client.ask("status")

    assert "internal error" in caplog.text
    assert "breaks" in caplog.text
    until(lambda: not Path(f"/proc/{worker.pid}").exists(), "nobody holds its wire any more")


@pytest.mark.parametrize(
    ("method", "params", "told"),
    [
        ("lease", {"path": 7, "have": None}, "lease: path: expected a text of at most 4096 characters, got 7"),
        ("lease", {"path": "/x.exe"}, "lease: have: expected an object, got nothing"),
        ("lease", {"path": "/x.exe", "have": {"lease": "1"}}, "lease: have.execs: expected a whole number from 0 to"),
        ("find", {"generation": [], "name": "x"}, "find: generation: expected a text of at most 4096 characters"),
    ],
)
def test_a_malformed_request_is_answered_with_what_is_wrong_and_nothing_is_logged_as_our_fault(
    client: Client, caplog: pytest.LogCaptureFixture, method: str, params: dict[str, Any], told: str
) -> None:
    error = client.error(method, **params)

    assert error["code"] == connection.INVALID_PARAMS
    assert error["message"].startswith(told)
    assert "internal error" not in caplog.text


def test_a_malformed_notice_ends_its_connection(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with contextlib.suppress(ControlError):
        client.tell("report", lease="1e", execs="many")
        client.ask("status")

    until(client.control.has_news, "the daemon hangs up")
    assert "internal error" not in caplog.text


def test_a_client_of_another_version_is_told_which_one_this_daemon_speaks(daemon: Daemon) -> None:
    with closing(Control.connect(str(daemon.settings.socket), time.monotonic() + WAIT_S)) as control:
        old = {"protocol": 2, "have": {"pid": 4312, "worn": "threads"}}
        with pytest.raises(RunnerError, match=f"this daemon speaks control protocol {PROTOCOL}, the client 2"):
            ask(control, "hello", old, time.monotonic() + WAIT_S)


def test_each_loan_has_a_name_of_its_own_and_what_is_said_of_another_one_counts_for_nothing(
    daemon: Daemon, client: Client, script: Path
) -> None:
    """A pid is only for signals: elsewhere, or in another namespace, it is another process."""
    worker, wire = client.lease(script)
    with closing(wire):
        nothing = {"reason": "x", "call_id": None, "is_stuck": True, "taken_by": None}
        for lease in (str(worker.pid), "0" * 16):
            client.tell("retire", lease=lease, **nothing)
        lent = {found["pid"]: found["client"] for found in client.ask("status")["workers"] if found["client"]}
        assert lent == {worker.pid: os.getpid()}, "it is still lent"

        client.tell("retire", lease=worker.lease, **nothing)
        until(lambda: worker.pid not in [found.pid for found in daemon.status().workers], "now it has ended")
    again, wire = client.lease(script)
    wire.close()

    assert again.lease != worker.lease


def test_of_a_worker_whose_end_the_daemon_saw_first_its_client_is_heard_as_well(
    client: Client, script: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Both see it at the same time. It was a warning that the worker was not lent to that client."""
    caplog.set_level(logging.INFO, "runner")
    worker, wire = client.lease(script)
    with closing(wire):
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda: "died while lent" in caplog.text, "the daemon has seen it")

        client.tell("retire", lease=worker.lease, reason="x", call_id=None, is_stuck=False, taken_by=None)
        client.ask("status")

    assert f"lease {worker.lease}, client {os.getpid()}, which ended before: x" in caplog.text
    assert "was not lent to its client" not in caplog.text


def test_a_client_goes_when_what_it_counted_has_been_taken(
    daemon: Daemon, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at all that is counted came between, and lacked its last execs."""
    counting, was_there = daemon._loans.counting, []
    leave = counting.leave

    def left(gone: borrower.Client) -> None:
        was_there.append(gone in daemon._loans.clients)
        leave(gone)

    monkeypatch.setattr(counting, "leave", left)
    client.control.shutdown()
    until(lambda: not daemon._loans.clients, "it has gone")

    assert was_there == [True]


def test_a_lease_names_copies_by_their_hash_and_never_where_they_lie(
    daemon: Daemon, client: Client, script: Path
) -> None:
    answer = client.ask("lease", path=str(script), have=None)

    copies = daemon.runner.scripts.copy_of(LeaseAnswer.read(answer).generation.file).parent
    assert copies.is_dir()
    assert str(copies) not in str(answer)
    assert str(copies.parent) not in str(answer)


def test_a_client_that_reads_nothing_is_hung_up_on_and_not_waited_for(tmp_path: Path) -> None:
    """Upkeep waited a second for each, and with enough of them systemd's watchdog ended the daemon."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    daemon = Daemon(Settings(socket=tmp_path / "c.sock", script_dirs=(tmp_path,), worker_user=user))
    ours, theirs = socket.socketpair()
    with closing(Control(ours)) as control, theirs:
        silent = borrower.Client(control, 1, uid=1001)
        for _ in range(10_000):
            daemon._dispatch.notify(silent, Swap(lease="1", reason="x" * 1000))

        theirs.settimeout(WAIT_S)
        begin = time.monotonic()
        while theirs.recv(65536):
            assert time.monotonic() < begin + WAIT_S


def test_a_request_that_a_draining_daemon_refuses_is_the_end_of_its_connection(daemon: Daemon, script: Path) -> None:
    """The refusal was the result of the call, also for a client with a worker that could have run it."""
    client = Client(daemon)
    with closing(client.control):
        daemon._loans.is_draining = True

        with pytest.raises(OtherEndGone, match="the connection has ended"):
            client.ask("lease", path=str(script), have=None)
