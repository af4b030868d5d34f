"""
A script that is slow the first time: a table that is built, a library that starts. app_mono took that time once.

With the daemon's defaults each call killed its worker before the table was kept, then the script was refused as poison.
"""

from __future__ import annotations

import contextlib
import json
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

LIMIT_S = 0.4
SLOW = """static object s_table; static int s_calls;
    static int Main() {{ if (s_table == null) {{ {0} s_table = new object(); }} return s_calls++; }}"""
SLEEPS = SLOW.format("Thread.Sleep(900);")
ASKS = SLOW.format(
    'Thread.Sleep(600); Core.Log(1, "late"); if (PV.GetS("$ru") != null || PV.SetS("$rU", "x") != -1) return 99;'
)
LOOPS = SLOW.format("while (true) { }")
WARMS = """static int s_table; public static void Warm() { Thread.Sleep(900); s_table = 7; }
    static int Main() { return s_table; }"""


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


def status(daemon: RunningDaemon) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(app_mono("status", "--json", "--socket", str(daemon.socket)).stdout)
    return told


def warming(daemon: RunningDaemon) -> list[str]:
    return [worker["warming"]["script"] for worker in status(daemon)["workers"] if worker["warming"]]


# In one process.


def test_the_caller_is_answered_in_time_and_the_worker_is_warm_afterwards(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", SLEEPS)
    with library() as runner:
        (pid,) = runner.snapshot().pids
        first = outcome(runner, script)
        until(lambda: is_warm(runner), "the worker is warm")
        rest = [outcome(runner, script) for _ in range(3)]
        assert runner.snapshot().pids == (pid,)

    assert isinstance(first, ExecTimeout)
    assert "left to finish its first run" in str(first)
    assert rest == [1, 2, 3], "it is the same worker, with its statics"


def test_what_a_late_run_asks_is_refused_and_what_it_writes_goes_nowhere(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", ASKS)
    answered = host()
    with library() as runner:
        runner.mono_exec(str(script), host=answered, timeout_s=LIMIT_S)
        until(lambda: is_warm(runner), "the worker is warm")
        after = outcome(runner, script)

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
        assert outcome(runner, script) == 1


def test_a_run_that_comes_to_no_end_is_killed_and_refused(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", LOOPS)
    with library(first_exec_timeout_s=1.0, poison_s=60.0) as runner:
        (pid,) = runner.snapshot().pids
        first = outcome(runner, script)
        until(lambda: pid not in runner.snapshot().pids, "the worker is killed")
        until(lambda: isinstance(outcome(runner, script, "2"), ScriptRefused), "the build is refused")

    assert isinstance(first, ExecTimeout)


def test_while_as_many_as_may_are_at_it_others_are_refused_at_once(tmp_path: Path) -> None:
    script, other = compiled(tmp_path, "X", SLEEPS), compiled(tmp_path, "Y", "static int Main() { return 5; }")
    with library(max_workers=4) as runner:
        outcome(runner, script)
        refused = outcome(runner, script)
        beside = outcome(runner, other, timeout_s=WAIT_S)
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
    script = compiled(tmp_path, "X", SLEEPS)
    with library(statics="fresh") as runner:
        late = outcome(runner, script)

    assert isinstance(late, ExecTimeout)
    assert not late.is_left


def test_a_slow_warm_is_finished_though_its_caller_does_not_wait_for_the_load(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", WARMS)
    with library() as runner:
        (pid,) = runner.snapshot().pids
        first = outcome(runner, script)
        until(lambda: is_warm(runner), "the worker has loaded it")

        assert isinstance(first, ExecTimeout)
        assert outcome(runner, script) == 7
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
    script = compiled(tmp_path, "X", SLOW.format('Thread.Sleep(900); if (PV.GetS("$ci") == null) Environment.Exit(3);'))
    with library(poison_s=60.0) as runner:
        assert isinstance(outcome(runner, script), ExecTimeout)
        until(lambda: is_warm(runner), "it has ended")

        assert runner.poison.refused() == {}


# With a daemon, and several processes.


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    with RunningDaemon(
        tmp_path, "num_workers = 4\nmax_workers = 8\nfirst_exec_timeout_s = 5.0\npoison_s = 60"
    ) as daemon:
        yield daemon


def test_from_the_moment_a_worker_is_warm_every_client_is_answered(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", SLOW.format("Thread.Sleep(2500);"))
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
        at_work = warming(daemon)
        until(lambda: warming(daemon) == [], "the workers are warm")
        after = [client.run(script, limit_s=WAIT_S) for _ in range(5) for client in processes]

    assert sorted(map(str, first.values())) == ["ExecTimeout"] * 2 + ["PoolExhausted"] * 4
    assert at_work == [str(script)] * 2
    assert all(isinstance(code, int) for code in after)
    assert "killed" not in daemon.log()
    assert "lost" not in daemon.log()
    assert daemon.log().count("warm for") == 2


def test_an_endless_loop_is_poison_and_holds_no_more_than_its_share(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", LOOPS)
    most, seen = 0, set()
    with clients(daemon, 4) as processes:
        deadline = time.monotonic() + WAIT_S
        while "ScriptRefused" not in seen and time.monotonic() < deadline:
            for number, client in enumerate(processes):
                seen.add(client.run(script, call_id=f"{number}-{time.monotonic_ns()}"))
            most = max(most, len(warming(daemon)))

    assert 1 <= most <= 2
    assert seen <= {"ExecTimeout", "PoolExhausted", "ScriptRefused"}
    assert "ScriptRefused" in seen
    assert "X.Main" in daemon.log(), "its stacks are in the log"


def test_a_warm_worker_survives_its_client(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", SLEEPS)
    with clients(daemon, 1) as (client,):
        client.run(script)
    until(lambda: "warm for" in daemon.log(), "the worker is warm")
    with clients(daemon, 1) as (other,):
        assert other.run(script, limit_s=WAIT_S) == 1


def test_status_and_workers_say_what_is_being_warmed(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "X", SLEEPS.replace("900", "4500"))
    with clients(daemon, 1) as (client,):
        client.run(script)
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
