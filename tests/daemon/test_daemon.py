"""The daemon and its clients: a real daemon process, real workers, and the lease of this process."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from runner.client.lease import Lease
from runner.errors import ConfigError, ExecTimeout, PoolExhausted, ScriptError
from runner.hosts.embedded.host import MessageHost
from runner.scripts.stamps import YOUNG_NS
from tests.bench.test_killed import began
from tests.daemon.conftest import PATIENT
from tests.daemon.leases import LONG_S, RETURNS, held, run, run_or_none
from tests.places import INVITE
from tests.programs import WAIT_S, stop, until
from tests.running_daemon import RunningDaemon, app_mono, compiled


def test_a_lease_runs_scripts_with_and_without_a_parameter(shared: RunningDaemon, borrower: Lease) -> None:
    script = compiled(
        shared.scripts, "Counts", "static int Main(string[] a) { return a.Length == 0 ? -1 : a[0].Length; }"
    )

    assert [run(borrower, script, param) for param in (None, "", "abc")] == [-1, 0, 3]


def test_calls_of_the_script_reach_the_clients_own_message(shared: RunningDaemon, borrower: Lease) -> None:
    script = compiled(shared.scripts, "Sets", 'static int Main() { return PV.SetS("$rU", PV.GetS("$rU") + "1"); }')
    host = MessageHost(INVITE)
    before = host.get_s("$rU")

    borrower.exec(str(script), None, host, time.monotonic() + LONG_S)

    assert host.get_s("$rU") == f"{before}1"


def test_the_daemon_is_not_on_the_way_of_an_exec(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)
    threading.Event().wait(2 * YOUNG_NS / 1e9)  # until the script's stamp may be trusted
    run(lease, script)

    stop(daemon.pid)
    codes = [run(lease, script) for _ in range(50)]
    daemon.signal(signal.SIGCONT)

    assert codes == [0] * 50


def test_a_replaced_script_is_what_the_very_next_exec_runs(shared: RunningDaemon, borrower: Lease) -> None:
    answers = []
    for code in range(1, 6):
        script = compiled(shared.scripts, "Changes", RETURNS.format(code))
        answers.append(run(borrower, script))

    assert answers == [1, 2, 3, 4, 5]


def test_a_broken_script_leaves_the_last_good_one_serving(shared: RunningDaemon, borrower: Lease) -> None:
    script = compiled(shared.scripts, "Breaks", RETURNS.format(7))
    run(borrower, script)

    draft = script.with_suffix(".new")
    draft.write_bytes(b"MZ nonsense")
    draft.rename(script)

    assert run(borrower, script) == 7
    until(lambda: "still serves" in shared.log(), "the log says so")  # perhaps by the thread that looks ahead


def test_execs_go_on_while_no_daemon_lives_and_the_next_one_takes_over(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)
    old = held(daemon)

    daemon.signal(signal.SIGKILL)
    daemon.wait()
    alone = [run(lease, script) for _ in range(20)]
    daemon.start()

    def swapped() -> bool:
        assert run(lease, script) == 0
        return any(worker["client"] == os.getpid() for worker in daemon.workers())

    assert alone == [0] * 20
    until(swapped, "the client has a worker of the new daemon")
    until(lambda: not Path(f"/proc/{old}").exists(), "the old worker has ended")


def test_a_drained_daemon_leaves_its_workers_to_their_clients(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)

    drained = app_mono("drain", "--socket", str(daemon.socket))

    assert drained.returncode == 0, drained.stderr
    assert daemon.wait() == 0
    assert [run(lease, script) for _ in range(20)] == [0] * 20


def test_term_drains(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)

    daemon.signal(signal.SIGTERM)

    assert daemon.wait() == 0
    assert run(lease, script) == 0


def test_who_has_no_worker_waits_for_the_daemon_that_is_restarted(daemon: RunningDaemon, lease: Lease) -> None:
    """It failed at once, and so took the calls of those that had a worker: each reads the next request."""
    scripts = [compiled(daemon.scripts, f"Fine{number}", RETURNS.format(number)) for number in range(3)]
    run(lease, scripts[0])
    daemon.signal(signal.SIGTERM)
    daemon.wait()
    begun = threading.Event()
    codes: list[int | None] = []

    def runs() -> None:
        other = Lease(str(daemon.socket))
        begun.set()
        codes.append(run(other, scripts[1], timeout_s=2 * WAIT_S))
        other.close()

    thread = threading.Thread(target=runs)
    thread.start()
    begun.wait(WAIT_S)
    before = run(lease, scripts[0])
    later = threading.Timer(0.2, daemon.start)
    later.start()
    new_script = run(lease, scripts[2], timeout_s=2 * WAIT_S)
    later.join(WAIT_S)
    thread.join(WAIT_S)

    assert (before, new_script, codes) == (0, 2, [1])


def test_stop_ends_every_worker_also_those_that_are_lent(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)
    pids = [worker["pid"] for worker in daemon.workers()]

    stopped = app_mono("stop", "--socket", str(daemon.socket))

    assert stopped.returncode == 0, stopped.stderr
    # They are killed by then, and on a busy machine that takes its time.
    until(lambda: not any(map(began, pids)), "all have ended")
    assert not daemon.socket.exists()
    with pytest.raises(PoolExhausted, match="no daemon"):
        run(lease, script, timeout_s=2.0)


def test_a_script_that_hangs_ends_at_the_deadline_and_its_stacks_are_logged_with_the_call_id(
    shared: RunningDaemon, borrower: Lease
) -> None:
    fine = compiled(shared.scripts, "Fine", RETURNS.format(0))
    names = map("Stuck{}".format, itertools.count())
    call_id = MessageHost(INVITE).get_s("$ci")

    def ends_with_its_stacks_in_the_log() -> bool:
        """As in tests/faults/test_stuck.py: a busy machine may give a worker no time to write them."""
        name = next(names)
        stuck = compiled(shared.scripts, name, "static int Main() { while (true) {} }")
        run(borrower, fine)
        with pytest.raises(ExecTimeout, match="0 calls were answered"):
            run(borrower, stuck, timeout_s=2.0)  # it is loaded first
        assert run(borrower, fine) == 0
        ended = f"{stuck}: the first run in a worker (Call-ID {call_id})"
        until(lambda: ended in shared.log(), "its worker is ended")
        return f"{name}.Main" in shared.log()

    until(ends_with_its_stacks_in_the_log, "the stacks are logged")


def test_a_script_that_throws_keeps_its_worker(shared: RunningDaemon, borrower: Lease) -> None:
    script = compiled(shared.scripts, "Throws", 'static int Main() { throw new Exception("boom"); }')
    fine = compiled(shared.scripts, "Fine", RETURNS.format(0))
    run(borrower, fine)
    before = held(shared)

    with pytest.raises(ScriptError, match="boom"):
        run(borrower, script)

    assert run(borrower, fine) == 0
    assert held(shared) == before


def test_a_script_that_exits_gives_its_code_and_the_next_exec_works(shared: RunningDaemon, borrower: Lease) -> None:
    script = compiled(shared.scripts, "Exits", "static int Main() { Environment.Exit(3); return 0; }")

    assert [run(borrower, script) for _ in range(3)] == [3, 3, 3]


def test_a_stopped_worker_of_a_dead_daemon_does_not_stay(tmp_path: Path) -> None:
    """In a temporary directory of its own: in a shared one, any runner that starts wakes what dead runners left."""
    own = tmp_path / "tmp"
    own.mkdir()
    with RunningDaemon(tmp_path, env={"TMPDIR": str(own)}) as daemon, closing(Lease(str(daemon.socket))) as lease:
        script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        run(lease, script)
        worker = held(daemon)
        daemon.kill()
        stop(worker)

        with pytest.raises(ExecTimeout):
            run(lease, script, timeout_s=0.3)

        until(lambda: not Path(f"/proc/{worker}").exists(), "it has ended with its wire")


def test_a_hanging_daemon_costs_one_wait_and_then_every_exec_fails_fast(daemon: RunningDaemon) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    lease = Lease(str(daemon.socket))
    stop(daemon.pid)
    try:
        with pytest.raises(PoolExhausted, match="no daemon"):
            run(lease, script, timeout_s=0.3)
        begin = time.process_time(), time.monotonic()
        for _ in range(20):
            with pytest.raises(PoolExhausted, match="no daemon"):
                run(lease, script, timeout_s=0.3)
        waited_s = time.monotonic() - begin[1] - (time.process_time() - begin[0])
    finally:
        daemon.signal(signal.SIGCONT)

    assert waited_s < 20 * 0.3  # not each of them waited for its deadline
    until(lambda: run_or_none(lease, script) == 0, "it works again by itself")
    lease.close()


def test_a_forked_child_begins_its_own_lease(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
    run(lease, script)
    mine = held(daemon)

    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if run(lease, script) == 0 else 1)
        finally:
            os._exit(2)
    _, ended = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(ended) == 0
    assert run(lease, script) == 0
    assert held(daemon) == mine


def test_mono_run_serves_what_load_names_until_a_reset(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    script = compiled(scripts, "Pinned", RETURNS.format(4))
    with RunningDaemon(tmp_path, f'load = "{script}"\n{PATIENT}') as daemon:
        lease = Lease(str(daemon.socket))
        first = run(lease, None)
        compiled(scripts, "Pinned", RETURNS.format(5))
        pinned = run(lease, None)
        with pytest.raises(ConfigError, match="use mono_run"):
            run(lease, compiled(scripts, "Other", RETURNS.format(6)))

        assert app_mono("reset", "--socket", str(daemon.socket)).returncode == 0

        assert (first, pinned) == (4, 4)
        until(lambda: run(lease, None) == 5, "the reset has reached the client")
        lease.close()
