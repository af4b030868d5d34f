"""
A script that is slow the first time: a table that is built, a library that starts. app_mono took that time once.

With the daemon's defaults each call killed its worker before the table was kept, then the script was refused as poison.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.client.lease import Lease
from runner.errors import ExecTimeout, PoolExhausted, RunnerError, ScriptRefused
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_S = 2.0  # the worker has begun by then, also on a busy machine
SLOW = """static object s_table; static int s_calls;
    static int Main() {{ if (s_table == null) {{ {0} s_table = new object(); }} return s_calls++; }}"""
ASKS = 'Core.Log(1, "late"); if (PV.GetS("$ru") != null || PV.SetS("$rU", "x") != -1) return 99;'
LOOPS = SLOW.format("while (true) { }")
WARMS = """static int s_table; public static void Warm() {{ {0} s_table = 7; }}
    static int Main() {{ return s_table; }}"""


def until_there(flag: Path) -> str:
    """C# that waits for a file: no run ends before its caller was answered, however late that is."""
    return f'while (!System.IO.File.Exists("{flag}")) Thread.Sleep(5);'


def slow_until(flag: Path, then: str = "") -> str:
    """A script whose first run goes on until the file is there."""
    return SLOW.format(f"{until_there(flag)} {then}")


def host(call_id: str = "1") -> MessageHost:
    text = "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCall-ID: {}\r\n\r\n"
    return MessageHost(text.format(call_id).encode())


@contextlib.contextmanager
def library(**more: Any) -> Iterator[Runner]:
    values: dict[str, Any] = {"allocate_timeout_s": WAIT_S, "spare_workers": 0, "max_workers": 4, "observer": "none"}
    with Runner(Settings(exec_timeout_s=LIMIT_S, **values | more)) as runner:
        yield runner


def outcome(runner: Runner, script: Path, call_id: str = "1", timeout_s: float = LIMIT_S) -> int | RunnerError | None:
    result = runner.mono_exec(str(script), host=host(call_id), timeout_s=timeout_s)
    return result.exit_code if result.error is None else result.error


def is_warm(runner: Runner) -> bool:
    return not runner.pools.of("mono").pool.warming.now()


class Client:
    """One process of Kamailio, as far as the daemon can tell."""

    def __init__(self, daemon: RunningDaemon) -> None:
        self._lease = Lease(str(daemon.socket))

    def run(self, script: Path, call_id: str = "1", limit_s: float = LIMIT_S) -> int | str | None:
        """The exit code, or the name of the error."""
        began = time.monotonic()
        try:
            return self._lease.exec(str(script), None, host(call_id), began + limit_s).code
        except RunnerError as error:
            return type(error).__name__

    def is_pausing(self) -> bool:
        return self._lease._link.is_pausing()

    def close(self) -> None:
        self._lease.close()


@contextlib.contextmanager
def clients(daemon: RunningDaemon, count: int) -> Iterator[list[Client]]:
    made = [Client(daemon) for _ in range(count)]
    try:
        yield made
    finally:
        for client in made:
            client.close()


def warming(daemon: RunningDaemon) -> list[str]:
    return [worker["warming"]["script"] for worker in daemon.status()["workers"] if worker["warming"]]


def until_warm(daemon: RunningDaemon, runs: int = 1) -> None:
    """So many late first runs have ended well. The daemon hears of a late run only after its caller has its answer."""
    until(lambda: daemon.log().count("warm for") >= runs and not warming(daemon), f"{runs} runs have ended well")


# In one process.


def test_the_caller_is_answered_in_time_and_the_worker_is_warm_afterwards(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", slow_until(flag := tmp_path / "flag"))
    with library() as runner:
        (pid,) = runner.snapshot().pids
        first = outcome(runner, script)
        flag.touch()
        until(lambda: is_warm(runner), "the worker is warm")
        rest = [outcome(runner, script, timeout_s=WAIT_S) for _ in range(3)]
        assert runner.snapshot().pids == (pid,)

    assert isinstance(first, ExecTimeout)
    assert "left to finish its first run" in str(first)
    assert rest == [1, 2, 3], "it is the same worker, with its statics"


def test_what_a_late_run_asks_is_refused_and_what_it_writes_goes_nowhere(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", slow_until(flag := tmp_path / "flag", ASKS))
    answered = host()
    with library() as runner:
        runner.mono_exec(str(script), host=answered, timeout_s=LIMIT_S)
        flag.touch()
        until(lambda: is_warm(runner), "the worker is warm")
        after = outcome(runner, script, timeout_s=WAIT_S)

    assert after == 1
    assert answered.message_bytes() == host().message_bytes()
    assert answered.logs == []


def test_a_run_that_is_stuck_in_a_question_of_a_slow_host_is_finished_too(tmp_path: Path) -> None:
    class SlowHost(MessageHost):
        def get_s(self, name: str) -> str | None:
            time.sleep(LIMIT_S + 0.1)
            return super().get_s(name)

    script = compiled(tmp_path, "X", 'static int s; static int Main() { PV.GetS("$ci"); return s++; }')
    with library() as runner:
        slow = SlowHost(host().message_bytes())
        error = runner.mono_exec(str(script), host=slow, timeout_s=LIMIT_S).error
        until(lambda: is_warm(runner), "the worker is warm")

        assert isinstance(error, ExecTimeout)
        assert outcome(runner, script, timeout_s=WAIT_S) == 1


def test_a_run_that_comes_to_no_end_is_killed_and_refused(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", LOOPS)
    with library(first_exec_timeout_s=1.0, poison_s=60.0) as runner:
        (pid,) = runner.snapshot().pids
        first = outcome(runner, script)
        until(lambda: pid not in runner.snapshot().pids, "the worker is killed")
        until(lambda: isinstance(outcome(runner, script, "2"), ScriptRefused), "the build is refused")

    assert isinstance(first, ExecTimeout)


def test_while_as_many_as_may_are_at_it_others_are_refused_at_once(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", slow_until(flag := tmp_path / "flag"))
    other = compiled(tmp_path, "Y", "static int Main() { return 5; }")
    with library(max_workers=4) as runner:
        outcome(runner, script)
        refused = outcome(runner, script)
        beside = outcome(runner, other, timeout_s=WAIT_S)
        flag.touch()
        until(lambda: is_warm(runner), "the worker is warm")

    assert isinstance(refused, PoolExhausted)
    assert "1 worker runs it for the first time, which takes longer than a call may wait" in str(refused)
    assert beside == 5


def test_a_later_run_that_is_late_is_killed_as_ever(tmp_path: Path) -> None:
    body = "static int s_calls; static int Main() { if (s_calls++ == 1) Thread.Sleep(60000); return 0; }"
    script = compiled(tmp_path, "X", body)
    with library() as runner:
        (pid,) = runner.snapshot().pids
        assert outcome(runner, script, timeout_s=WAIT_S) == 0
        late = outcome(runner, script)
        assert pid not in runner.snapshot().pids

    assert isinstance(late, ExecTimeout)
    assert not late.is_left


def test_with_new_statics_for_each_exec_no_worker_is_left_to_warm(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", slow_until(tmp_path / "never"))
    with library(statics="fresh") as runner:
        late = outcome(runner, script)

    assert isinstance(late, ExecTimeout)
    assert not late.is_left


def test_a_slow_warm_is_finished_though_its_caller_does_not_wait_for_the_load(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", WARMS.format(until_there(flag := tmp_path / "flag")))
    with library() as runner:
        (pid,) = runner.snapshot().pids
        first = outcome(runner, script)
        flag.touch()
        until(lambda: is_warm(runner), "the worker has loaded it")

        assert isinstance(first, ExecTimeout)
        assert outcome(runner, script, timeout_s=WAIT_S) == 7
        assert runner.snapshot().pids == (pid,)


def test_the_worker_that_ran_a_build_is_preferred_to_one_that_only_loaded_it(tmp_path: Path) -> None:
    """A counter gave 1, 2, then 1 in another process, and stayed there: loading ahead counted as use."""
    script = compiled(tmp_path, "X", "static int s_calls; static int Main() { return ++s_calls; }")
    with library(num_workers=1, spare_workers=2, allocate_timeout_s=WAIT_S) as runner:
        first = outcome(runner, script, timeout_s=WAIT_S)
        until(lambda: [len(worker.loaded) for worker in runner.snapshot().workers] == [1, 1, 1], "the spares load it")
        rest = [outcome(runner, script, timeout_s=WAIT_S) for _ in range(4)]

    assert [first, *rest] == [1, 2, 3, 4, 5]


def test_a_first_run_that_ends_its_process_late_is_no_reason_to_refuse_the_build_to_all(tmp_path: Path) -> None:
    ends = 'if (PV.GetS("$ci") == null) Environment.Exit(3);'
    script = compiled(tmp_path, "X", slow_until(flag := tmp_path / "flag", ends))
    with library(poison_s=60.0) as runner:
        assert isinstance(outcome(runner, script), ExecTimeout)
        flag.touch()
        until(lambda: is_warm(runner), "it has ended")

        assert runner.poison.refused() == {}


# With a daemon, and several processes.


PATIENT = f"num_workers = 4\nmax_workers = 8\nallocate_timeout_s = {WAIT_S}"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path, f"{PATIENT}\nfirst_exec_timeout_s = {WAIT_S}") as daemon:
        yield daemon


def test_from_the_moment_a_worker_is_warm_every_client_is_answered(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", slow_until(flag := daemon.directory / "flag"))
    daemon.until_idle(4)
    with clients(daemon, 6) as processes:
        first: dict[int, int | str | None] = {}
        threads = [
            threading.Thread(target=lambda number=number: first.update({number: processes[number].run(script)}))
            for number in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        flag.touch()
        until_warm(daemon, runs=2)
        until(lambda: not any(client.is_pausing() for client in processes), "whoever waited too long asks again")
        after = [client.run(script, limit_s=WAIT_S) for _ in range(5) for client in processes]

    assert sorted(map(str, first.values())) == ["ExecTimeout"] * 2 + ["PoolExhausted"] * 4
    assert all(isinstance(code, int) for code in after)
    assert "killed" not in daemon.log()
    assert "lost" not in daemon.log()
    assert daemon.log().count("warm for") == 2


def test_an_endless_loop_is_poison_and_holds_no_more_than_its_share(tmp_path: Path) -> None:
    names = map("X{}".format, itertools.count())

    def is_refused_with_its_stacks_in_the_log(daemon: RunningDaemon) -> bool:
        """As in tests/faults/test_stuck.py: a busy machine may give a worker no time to write them."""
        until(lambda: daemon.status()["clients"] == 1 and not warming(daemon), "the runs before are over")
        name, most, seen = next(names), 0, set()
        script = compiled(daemon.scripts, name, LOOPS)
        with clients(daemon, 4) as processes:
            deadline = time.monotonic() + WAIT_S
            while "ScriptRefused" not in seen and time.monotonic() < deadline:
                for number, client in enumerate(processes):
                    seen.add(client.run(script, call_id=f"{number}-{time.monotonic_ns()}"))
                most = max(most, len(warming(daemon)))

        assert 1 <= most <= 2
        assert seen <= {"ExecTimeout", "PoolExhausted", "ScriptRefused"}
        assert "ScriptRefused" in seen
        return f"{name}.Main" in daemon.log()

    with RunningDaemon(tmp_path, f"{PATIENT}\nfirst_exec_timeout_s = 4.0\npoison_s = 60") as daemon:
        until(lambda: is_refused_with_its_stacks_in_the_log(daemon), "its stacks are in the log")


def test_a_warm_worker_survives_its_client(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", slow_until(flag := daemon.directory / "flag"))
    with clients(daemon, 1) as (client,):
        client.run(script)
    flag.touch()
    until_warm(daemon)
    with clients(daemon, 1) as (other,):
        assert other.run(script, limit_s=WAIT_S) == 1


def test_status_and_workers_say_what_is_being_warmed(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, f"first_exec_timeout_s = {2 * WAIT_S}") as daemon, clients(daemon, 1) as (client,):
        script = compiled(daemon.scripts, "X", SLOW.format("Thread.Sleep(Timeout.Infinite);"))
        client.run(script)
        until(lambda: bool(warming(daemon)), "its worker goes on")
        told = app_mono("status", "--socket", str(daemon.socket)).stdout
        listed = app_mono("workers", "--socket", str(daemon.socket)).stdout

    assert f"runs {script} for the first time" in told
    assert " warming " in listed


def test_a_first_run_that_ends_in_time_holds_nobody_up(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", "static int Main() { return 0; }")
    with clients(daemon, 6) as processes:
        codes: list[int | str | None] = []
        threads = [
            threading.Thread(target=lambda c=client: codes.append(c.run(script, limit_s=WAIT_S)))
            for client in processes
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)

        assert codes == [0] * 6
        assert [client.run(script, limit_s=WAIT_S) for client in processes] == [0] * 6
