"""First runs that end in no ordinary way: none is counted for ever, and none has another one's worker or blame."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from runner.control.connection import PROTOCOL, Control, ask
from runner.control.messages import Report
from runner.daemon.borrower import Client, Loan
from runner.daemon.daemon import Daemon
from runner.daemon.loans import Loans
from runner.errors import ExecTimeout, PoolExhausted, RunnerError, ScriptRefused
from runner.pool.slot import Slot
from runner.pool.warming import Warming
from runner.settings import Settings
from runner.wire.channel import ENDS, Channel, received
from runner.worker.holdings import Holdings
from tests.daemon.test_first_runs import (
    LOOPS,
    clients,
    host,
    is_warm,
    library,
    outcome,
    slow_until,
    until_there,
    until_warm,
    warming,
)
from tests.pool.test_warming import SOON_S, build, later
from tests.programs import MCS, WAIT_S, until
from tests.running_daemon import RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.runner import Runner
    from runner.worker.worker import Worker

NO_GRACE = {"runner.scripts.builds.DELETED_GRACE_S": 0.0}
SEVEN = "static int Main() { return 7; }"
LATER_LOOPS = "static int s_calls; static int Main() { if (s_calls++ == 1) Thread.Sleep(60000); return 0; }"
PLUGS = """static int s_seven; static int Main() {{
    if (s_seven == 0) {{ s_seven = -1; {0} s_seven = (int)System.Reflection.Assembly.Load("Plug")
        .GetType("Plug").GetMethod("Seven").Invoke(null, null); }}
    return s_seven; }}"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    patient = "allocate_timeout_s = 20.0\nexec_timeout_s = 20.0\nspare_workers = 0"
    with RunningDaemon(tmp_path, f"num_workers = 3\nmax_workers = 4\n{patient}", constants=NO_GRACE) as daemon:
        yield daemon


class Raw:
    """A client that says what it likes. Its workers end with its connection."""

    def __init__(self, daemon: RunningDaemon) -> None:
        self._control = Control.connect(str(daemon.socket), time.monotonic() + WAIT_S)
        self.ask("hello", {"protocol": PROTOCOL, "have": None})
        self.wire: Channel | None = None
        self.worker = ""

    def lease(self, script: Path, have: str | None = None, wait_s: float = WAIT_S) -> str:
        """The name of the error, or "" when it was answered."""
        known = None if have is None else self.report(have)
        try:
            answer = self.ask("lease", {"path": str(script), "have": known, "wait_s": wait_s})
        except RunnerError as error:
            return type(error).__name__
        if answer["worker"]:
            self.worker, self.wire = answer["worker"]["lease"], received(self._control.take_descriptors(ENDS))
        return ""

    def release(self) -> None:
        assert self.wire is not None
        message = {"method": "release", "params": self.report(self.worker)}
        self._control.send(message, time.monotonic() + WAIT_S, self.wire.descriptors())
        self.wire.close()
        self.ask("status", {})

    def close(self) -> None:
        self._control.close()
        if self.wire is not None:
            self.wire.close()

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return ask(self._control, method, params, time.monotonic() + WAIT_S)

    @staticmethod
    def report(lease: str) -> dict[str, Any]:
        return {"lease": lease, "execs": 0, "loads": 0, "bound": {}, "loaded": {}, "ran": {}, "retire_reason": ""}


@contextlib.contextmanager
def raw(daemon: RunningDaemon, count: int) -> Iterator[list[Raw]]:
    made = [Raw(daemon) for _ in range(count)]
    try:
        yield made
    finally:
        for client in made:
            client.close()


@contextlib.contextmanager
def in_background(step: Any, *arguments: Any) -> Iterator[list[Any]]:
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(step(*arguments)))
    thread.start()
    try:
        yield result
    finally:
        thread.join(WAIT_S)


def leased(daemon: RunningDaemon) -> int:
    return sum(worker["state"] == "leased" for worker in daemon.status()["workers"])


# Counts.


def test_a_script_that_goes_while_a_client_waits_for_its_first_run_is_not_counted(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", SEVEN)
    with raw(daemon, 3) as (first, second, third):
        assert first.lease(script) == ""
        with in_background(second.lease, script) as waited:
            until(lambda: leased(daemon) == 2, "the second one has a worker, and waits")
            script.rename(script.with_suffix(".gone"))
            first.release()
        assert waited == ["ScriptNotFound"]
        script.with_suffix(".gone").rename(script)

        assert third.lease(script, wait_s=10.0) == ""


def test_a_loan_that_ends_while_its_client_waits_for_a_first_run_is_not_counted() -> None:
    counts, generation = Warming(Settings(max_workers=4)), build()
    kept = SimpleNamespace(pool=SimpleNamespace(warming=counts))
    pools = SimpleNamespace(of=lambda _runtime: kept)
    loans = Loans(cast("Runner", SimpleNamespace(settings=counts.settings, pools=pools)), lambda: None)
    slot: Slot = Slot(max_jobs=0, worker=cast("Worker", SimpleNamespace(pid=1, holdings=Holdings())))
    client = Client(cast("Control", None), 1, os.getuid())
    client.loans["1"] = Loan("1", slot, 0.0)
    counts.begin(generation, later(), client.uid)
    with in_background(loans._admit, client, client.loans["1"], None, generation, later()):
        until(lambda: counts._changed._waiters, "it waits")  # type: ignore[attr-defined]
        assert client.give_back("1") is not None
        counts.ended(generation, client.uid, has_run=False)

    counts.begin(generation, later(SOON_S), client.uid)


def test_a_message_that_is_refused_before_its_first_run_is_not_counted(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", SEVEN)
    with clients(daemon, 2) as (refused, other):
        assert refused.run(compiled(daemon.scripts, "Y", SEVEN), limit_s=WAIT_S) == 7
        refused._lease._refusals.until[(str(script), "bad")] = time.monotonic() + WAIT_S

        assert refused.run(script, "bad", limit_s=WAIT_S) == ScriptRefused.__name__
        assert other.run(script, limit_s=10.0) == 7


def test_more_workers_than_one_client_may_hold_are_not_lent_for_a_slow_build(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "num_workers = 5\nmax_workers = 8") as daemon:
        slow = compiled(daemon.scripts, "X", slow_until(flag := daemon.directory / "flag"))
        other = compiled(daemon.scripts, "Y", SEVEN)
        daemon.until_idle(5)
        with raw(daemon, 1) as (greedy,):
            assert greedy.lease(other) == ""
            first = greedy.worker
            with clients(daemon, 2) as (one, two):
                with in_background(one.run, slow):
                    two.run(slow)
                flag.touch()
                until_warm(daemon, runs=2)

            assert [greedy.lease(slow, first) for _ in range(2)] == ["", PoolExhausted.__name__]
            assert leased(daemon) == 2


def test_a_client_keeps_its_worker_of_an_earlier_daemon_while_others_run_the_build_first(daemon: RunningDaemon) -> None:
    """It was refused, and its call was false, though that worker could have run it."""
    script = compiled(daemon.scripts, "X", SEVEN)
    with raw(daemon, 2) as (first, second):
        assert first.lease(script) == ""
        assert second.lease(script, "ab" * 8) == ""
        until(
            lambda: any(worker["loaded"] for worker in daemon.workers() if not worker["client"]),
            "a worker that is free has loaded it ahead",
        )

        assert second.lease(script, "ab" * 8) == ""
        assert second.wire is None
        first.release()


def test_a_reload_changes_how_many_may_run_a_build_first(tmp_path: Path) -> None:
    user = {"worker_user": "root"} if os.geteuid() == 0 else {}
    settings = Settings(max_workers=4, socket=tmp_path / "sock", script_dirs=(tmp_path,), **user)  # type: ignore[arg-type]
    with Daemon(settings, lambda: settings.model_copy(update={"max_workers": 16})) as daemon:
        before = daemon.runner.pools.of("mono").pool.warming.share()
        daemon.reload()

        assert (before, daemon.runner.pools.of("mono").pool.warming.share()) == (1, 4)


def test_a_run_that_was_crowded_out_is_no_blame_to_its_build(tmp_path: Path) -> None:
    """A build whose first run is now in time and now not was refused, though every run of it ends."""
    body = """static bool s_ran; static int Main(string[] args) {
        if (!s_ran && args.Length > 0) Thread.Sleep(4000); s_ran = true; return 0; }"""
    script = compiled(tmp_path, "X", body)
    limits = {"num_workers": 4, "poison_losses": 2, "poison_s": 60.0}
    with library(**limits, first_exec_timeout_s=WAIT_S) as runner:
        assert outcome(runner, script, timeout_s=WAIT_S) == 0
        threads = [
            threading.Thread(target=lambda: runner.mono_exec(str(script), "x", host=host(), timeout_s=2.0))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        until(lambda: is_warm(runner), "the worker is warm")

        assert runner.poison.refused() == {}
        assert outcome(runner, script, timeout_s=WAIT_S) == 0


def test_a_daemon_that_stops_while_a_build_warms_does_not_call_it_poison(tmp_path: Path) -> None:
    patient = f"first_exec_timeout_s = {WAIT_S}"  # the command comes before
    with RunningDaemon(tmp_path, f"num_workers = 1\nmax_workers = 4\n{patient}") as daemon:
        script = compiled(daemon.scripts, "X", LOOPS)
        with clients(daemon, 1) as (client,):
            assert client.run(script) == ExecTimeout.__name__
        until(lambda: warming(daemon), "its worker goes on")
        app_mono("stop", "--socket", str(daemon.socket))
        daemon.wait()

        assert "still busy 2 s after close, killed" in daemon.log()
        assert "refused for" not in daemon.log()


def test_a_client_that_began_before_first_runs_were_counted_is_served(daemon: RunningDaemon) -> None:
    """A process of Kamailio goes on with the code that it has when the daemon is replaced."""
    script = compiled(daemon.scripts, "X", SEVEN)
    with raw(daemon, 1) as (old,):
        assert "worker" in old.ask("lease", {"path": str(script), "have": None})
        report = {name: value for name, value in Raw.report("1").items() if name != "ran"}
        assert Report.read(report).ran == {}


# Workers.


def test_a_client_is_served_though_another_one_keeps_the_only_warm_worker_and_rests(tmp_path: Path) -> None:
    """It was to wait for that worker, at each call, until the other one had a call again."""
    with RunningDaemon(tmp_path, f"num_workers = 2\nmax_workers = 4\nallocate_timeout_s = {WAIT_S}") as daemon:
        script = compiled(daemon.scripts, "X", slow_until(flag := daemon.directory / "flag"))
        daemon.until_idle(2)
        with clients(daemon, 2) as (keeps, comes):
            keeps.run(script)
            flag.touch()
            until_warm(daemon)
            flag.unlink()
            assert keeps.run(script, limit_s=WAIT_S) == 1
            assert comes.run(script) == ExecTimeout.__name__
            flag.touch()
            until_warm(daemon, runs=2)

            assert comes.run(script, limit_s=WAIT_S) == 1
            assert keeps.run(script, limit_s=WAIT_S) == 2


def test_an_assembly_that_a_late_run_loads_by_name_is_found(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, f"num_workers = 1\nmax_workers = 4\nallocate_timeout_s = {WAIT_S}") as daemon:
        source = daemon.scripts / "Plug.cs"
        source.write_text("public static class Plug { public static int Seven() { return 7; } }", "utf-8")
        subprocess.run([MCS, "-t:library", f"-out:{source.with_suffix('.dll')}", str(source)], check=True)
        script = compiled(daemon.scripts, "X", PLUGS.format(until_there(flag := daemon.directory / "flag")))
        with clients(daemon, 1) as (client,):
            assert client.run(script) == ExecTimeout.__name__
            flag.touch()
            until_warm(daemon)
            assert client.run(script, limit_s=WAIT_S) == 7


def test_a_later_run_is_not_left_in_the_place_of_a_build_that_did_not_load(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", LATER_LOOPS)
    source = daemon.scripts / "Library.cs"
    source.write_text("public class Library { }", "utf-8")
    subprocess.run([MCS, "-t:library", f"-out:{source.with_suffix('.exe')}", str(source)], check=True)
    with clients(daemon, 1) as (client,):
        assert client.run(script, limit_s=WAIT_S) == 0
        assert client.run(source.with_suffix(".exe"), limit_s=WAIT_S) == "ScriptInvalid"
        assert client.run(script) == ExecTimeout.__name__

        until(lambda: "its stacks follow" in daemon.log(), "the worker is ended")
        assert warming(daemon) == []


def test_a_script_that_is_no_longer_in_script_dirs_runs_no_more_in_workers_that_are_lent(
    daemon: RunningDaemon,
) -> None:
    script = compiled(daemon.scripts, "X", SEVEN)
    elsewhere = daemon.directory / "elsewhere"
    elsewhere.mkdir()
    with clients(daemon, 1) as (client,):
        until(
            lambda: client.run(script, limit_s=WAIT_S) == 7 and client._lease._at_once(str(script)), "it asks no more"
        )
        settings = daemon.config.read_text("utf-8")
        daemon.config.write_text(settings.replace(str(daemon.scripts), str(elsewhere)), "utf-8")
        assert app_mono("reload", "--socket", str(daemon.socket)).returncode == 0

        until(lambda: client.run(script, limit_s=WAIT_S) == "ScriptInvalid", "it asks, and is refused")
