"""A script that is run from within another one: in the same worker where it is loaded there, else in one of its own."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.errors import ExecTimeout, PoolExhausted, RunnerError, ScriptError
from runner.hosts.embedded.host import MessageHost
from runner.wire.session import MAX_DEPTH
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runner.worker.outcome import ExecOutcome


MAIN = "static int Main() { return 0; }"
BODY = """
    static int s_count;
    static int Main() { return s_count; }
    public static int outer() { s_count = 1; int inner = Core.ModF("adds"); return inner * 100 + s_count; }
    public static int adds() { return s_count += 10; }
    public static int twice() { Core.ModF("throws"); return Core.ModF("adds") + Core.ModF("missing") * 100; }
    public static void throws() { throw new Exception("boom"); }
    public static int stuck() { return Core.ModF("never"); }
    public static int never() { Thread.Sleep(-1); return 0; }
    public static int reloads() { return Core.ModF("reload") * 100 + Core.ModF("adds"); }
    public static int deeper() { s_count++; Core.ModF("deeper"); return s_count; }
    public static int again() { return Core.ModF("stuck_again"); }
"""
ONE_WORKER = "num_workers = 1\nspare_workers = 0\nmax_workers = 1\n"
TWO_WORKERS = "num_workers = 2\nmax_workers = 2\nallocate_timeout_s = 20.0\n"  # the second one may still start


class Runs(MessageHost):
    """``ModF`` runs a script with the lease that the outer one runs with, or does what a test says."""

    def __init__(self, lease: Lease, script: Path, **also: Callable[[], int]) -> None:
        super().__init__(INVITE)
        self.lease, self.script, self.also = lease, script, also
        self.errors: list[RunnerError] = []

    def modf(self, function: str, *_arguments: str) -> int:
        if function in self.also:
            return self.also[function]()
        try:
            code = run(self.lease, self.script, function, self).code
        except RunnerError as error:
            self.errors.append(error)
            return -1
        return -2 if code is None else code


def run(lease: Lease, script: Path, entry: str | None, host: MessageHost, seconds: float = WAIT_S) -> ExecOutcome:
    return lease.exec(str(script), None, host, time.monotonic() + seconds, entry)


@contextmanager
def served(directory: Path, settings: str = ONE_WORKER) -> Iterator[tuple[RunningDaemon, Lease, Path]]:
    with RunningDaemon(directory, settings) as daemon:
        script = compiled(daemon.scripts, "Within", BODY)
        lease = Lease(str(daemon.socket))
        try:
            yield daemon, lease, script
        finally:
            lease.close()
            assert lease.within.running == []


def test_the_same_build_runs_in_the_same_worker_with_the_same_statics(tmp_path: Path) -> None:
    """There is no second worker."""
    with served(tmp_path) as (_, lease, script):
        host = Runs(lease, script)

        assert [run(lease, script, "outer", host).code for _ in range(4)] == [1111] * 4
        assert run(lease, script, None, host).code == 11
        assert host.errors == []


def test_the_entries_are_those_of_the_innermost_in_whatever_worker_it_runs(tmp_path: Path) -> None:
    with served(tmp_path, TWO_WORKERS) as (daemon, lease, script):
        other = compiled(daemon.scripts, "Other", f'{MAIN} public static int look() {{ return Core.ModF("look"); }}')
        seen: list[frozenset[str] | None] = []

        def look() -> int:
            seen.append(lease.within.entries)
            return 0

        def elsewhere() -> int:
            look()
            run(lease, other, "look", host)
            look()
            return 0

        host = Runs(lease, script, look=look, adds=elsewhere)
        run(lease, script, "outer", host)
        look()

    assert [names and sorted(names & {"outer", "look"}) for names in seen] == [["outer"], ["look"], ["outer"], None]


def test_an_error_of_the_inner_one_is_its_own_and_another_one_runs_after_it(tmp_path: Path) -> None:
    with served(tmp_path) as (_, lease, script):
        host = Runs(lease, script)

        assert run(lease, script, "twice", host).code == 110  # an entry that is not there is 1
        assert [type(error) for error in host.errors] == [ScriptError]
        assert str(host.errors[0]).startswith(f"{script}: System.Exception: boom")


def test_another_build_runs_there_too_once_it_is_loaded_there(tmp_path: Path) -> None:
    with served(tmp_path) as (daemon, lease, script):
        other = compiled(daemon.scripts, "Other", "static int s_c; public static int adds() { return ++s_c; } " + MAIN)
        host = Runs(lease, other)

        assert run(lease, script, "outer", host).code == -99  # it would need a worker of its own, and there is none
        assert [type(error) for error in host.errors] == [PoolExhausted]
        run(lease, other, None, host)
        assert [run(lease, script, "outer", host).code for _ in range(2)] == [101, 201]


def test_a_script_that_is_replaced_while_it_runs_stays_the_build_that_it_is(tmp_path: Path) -> None:
    with served(tmp_path) as (_, lease, script):
        host = Runs(lease, script)

        def deploy() -> int:
            compiled(script.parent, "Within", BODY.replace("10;", "50;"))
            return run(lease, script, "adds", host).code or 0

        host.also["deploy"] = deploy
        compiled(script.parent, "Within", BODY.replace('"adds")', '"deploy")'))

        assert run(lease, script, "outer", host).code == 1111
        del host.also["deploy"]
        assert run(lease, script, "outer", host).code == 5151


def test_with_fresh_statics_what_runs_within_keeps_those_of_what_runs(tmp_path: Path) -> None:
    with served(tmp_path, ONE_WORKER + 'statics = "fresh"') as (_, lease, script):
        host = Runs(lease, script)

        assert [run(lease, script, "outer", host).code for _ in range(3)] == [1111] * 3
        assert run(lease, script, None, host).code == 0


def test_there_is_one_deadline_and_a_worker_that_is_lost_is_lost_once(tmp_path: Path) -> None:
    # The next worker may take longer to start than a call usually waits.
    with served(tmp_path, ONE_WORKER + "poison_losses = 2\nallocate_timeout_s = 20.0\n") as (daemon, lease, script):
        host = Runs(lease, script)
        assert run(lease, script, "outer", host).code == 1111

        with pytest.raises(ExecTimeout, match="in a script that ran within it: it was not done in time"):
            run(lease, script, "stuck", host, 2.0)

        assert [type(error) for error in host.errors] == [ExecTimeout]
        assert run(lease, script, "outer", host).code == 1111
        assert daemon.log().count("its stacks follow") == 1


def test_a_reload_meanwhile_closes_the_lease_when_its_exec_has_ended(tmp_path: Path) -> None:
    with served(tmp_path, TWO_WORKERS) as (daemon, _, script):
        lease = Lease.of_process(str(daemon.socket))
        new: list[Lease] = []

        def reload() -> int:
            new.append(Lease.of_process(str(daemon.socket)))
            return run(new[0], script, "adds", MessageHost(INVITE)).code or 0

        host = Runs(lease, script, reload=reload)
        try:
            assert run(lease, script, "adds", host).code == 10
            assert run(lease, script, "reloads", host).code == 1020
            assert (lease._held, lease._link.control) == (None, None)
            assert run(new[0], script, "adds", host).code == 20
        finally:
            new[0].close()


def test_a_reload_meanwhile_counts_where_the_daemon_looks_also_when_the_old_lease_has_closed(tmp_path: Path) -> None:
    with served(tmp_path, TWO_WORKERS) as (daemon, _, script):
        lease = Lease.of_process(str(daemon.socket))
        new: list[Lease] = []

        def counts() -> int:
            began, host = time.monotonic(), MessageHost(INVITE)
            outcome = run(new[0], script, "adds", host)
            new[0].note(str(script), outcome, began, host)
            return outcome.code or 0

        def reload() -> int:
            new.append(Lease.of_process(str(daemon.socket)))
            return counts()

        try:
            run(lease, script, "reloads", Runs(lease, script, reload=reload))
            counts()
            until(lambda: counted(daemon) == 2, "both are counted")
        finally:
            new[0].close()


def counted(daemon: RunningDaemon) -> int:
    """How many execs the daemon knows of."""
    builds = (build for script in daemon.status()["scripts"] for build in script["builds"])
    return sum(int(count) for build in builds for count in build["outcomes"].values())


def test_there_are_no_more_within_each_other_than_may_be_whatever_workers_they_have(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The last one took another worker, and so on; on its way a script got every worker that there was."""
    with served(tmp_path, TWO_WORKERS) as (_, lease, script):
        host = Runs(lease, script)

        assert [run(lease, script, "deeper", host).code for _ in range(2)] == [MAX_DEPTH, 2 * MAX_DEPTH]
        assert [str(error) for error in host.errors] == ["8 scripts run within each other already"] * 2
        assert lease.within.depth == 0
    assert caplog.messages.count("8 scripts run within each other, and no more do: deeper") == 1
