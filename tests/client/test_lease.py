"""runner.lease: what a client knows of scripts outlives the worker that it happens to hold."""

from __future__ import annotations

import contextlib
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest

from runner.client.lease import Lease
from runner.control.connection import Control, ask
from runner.errors import HostFault, PoolExhausted, RunnerError, ScriptRefused
from runner.hosts.embedded.host import MessageHost
from runner.wire.channel import ENDS, received
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runner.worker.outcome import ExecOutcome

Result = TypeVar("Result")
ASKS = 'static int Main() { return PV.GetS("$ru") == null ? 1 : PV.SetS("$var(x)", "1"); }'


def execute(lease: Lease, script: Path, host: MessageHost | None = None, timeout_s: float = WAIT_S) -> ExecOutcome:
    return lease.exec(str(script), None, host or MessageHost(INVITE), time.monotonic() + timeout_s)


@contextlib.contextmanager
def clients(daemon: RunningDaemon, count: int) -> Iterator[list[Lease]]:
    leases = [Lease(str(daemon.socket)) for _ in range(count)]
    try:
        yield leases
    finally:
        for lease in leases:
            lease.close()


def once_free(step: Callable[[], Result]) -> Result:
    """What it gives once a worker is free: the daemon hears only a little later that a client has given one back."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return step()
        except PoolExhausted:
            if time.monotonic() >= deadline:
                raise


def all_served(leases: list[Lease], script: Path) -> bool:
    """One round: each client runs the script once. Who kept its worker is asked for it when it runs next."""
    served = 0
    for lease in leases:
        with contextlib.suppress(PoolExhausted):
            served += execute(lease, script).code == 0
    return served == len(leases)


def test_what_was_learned_of_a_script_is_kept_though_the_worker_goes_back_after_each_exec(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "num_workers = 1\nspare_workers = 0\nmax_workers = 2") as daemon:
        script = compiled(daemon.scripts, "Asks", ASKS)
        with clients(daemon, 3) as leases:
            for _ in range(2):  # an edit is learned when it comes again
                until(lambda: all_served(leases, script), "nobody keeps a worker")
            asked = [once_free(partial(execute, lease, script)).asked for lease in leases * 3]

    assert asked == [None] * 9


def test_a_worker_that_the_daemon_wanted_back_serves_on_when_the_daemon_dies(tmp_path: Path) -> None:
    patient = f"allocate_timeout_s = {WAIT_S}"  # for the next worker, should the first one be too old by then
    with RunningDaemon(tmp_path, f"ttl_s = 0.2\nspare_workers = 0\nmax_workers = 1\n{patient}") as daemon:
        script = compiled(daemon.scripts, "Asks", ASKS)
        with clients(daemon, 1) as (lease,):
            assert execute(lease, script).code == 0
            until(
                lambda: lease._link.control is not None and lease._link.control.has_news(), "the daemon wants it back"
            )
            daemon.signal(signal.SIGKILL)

            assert [execute(lease, script).code for _ in range(3)] == [0, 0, 0]


def test_a_build_that_takes_its_worker_with_it_while_it_is_loaded_is_refused_for_a_while(tmp_path: Path) -> None:
    dies = 'static readonly int X = Dies(); static int Dies() { Environment.FailFast("x"); return 1; } '
    with RunningDaemon(tmp_path, "poison_losses = 3\npoison_s = 60.0\nallocate_timeout_s = 20.0") as daemon:
        script = compiled(daemon.scripts, "DiesEarly", f"{dies} static int Main() {{ return X; }}")
        fine = compiled(daemon.scripts, "Fine", "static int Main() { return 0; }")
        with clients(daemon, 1) as (lease,):

            def kind() -> type[BaseException] | None:
                with pytest.raises(RunnerError) as caught:
                    execute(lease, script)
                return caught.type

            until(lambda: kind() is ScriptRefused, "it is refused")
            assert execute(lease, fine).code == 0


def test_a_build_that_ends_the_process_at_its_load_leaves_the_one_before_it_serving(tmp_path: Path) -> None:
    exits = "static readonly int X = Exits(); static int Exits() { Environment.Exit(3); return 1; } "
    with RunningDaemon(tmp_path, 'allocate_timeout_s = 20.0\nobserver = "none"') as daemon:
        script = compiled(daemon.scripts, "ExitsEarly", "static int Main() { return 7; }")
        with clients(daemon, 1) as (lease,):
            codes = [execute(lease, script).code]
            compiled(daemon.scripts, "ExitsEarly", f"{exits} static int Main() {{ return X; }}")
            codes += [execute(lease, script).code for _ in range(3)]
        log = daemon.log()

    assert codes == [7, 7, 7, 7]
    assert log.count("ended the process with code 3 at its load") == 1
    assert log.count("ended the process at its load, and an older build serves") == 1


class Lying(MessageHost):
    """Calls certain what it then refuses."""

    def is_certain(self, _call: str, _target: str) -> bool:
        return True

    def hdr_append(self, _text: str) -> int:
        return -1


def test_a_fault_of_the_host_gives_the_worker_back_like_every_other_end(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "num_workers = 1\nspare_workers = 0\nmax_workers = 1") as daemon:
        script = compiled(daemon.scripts, "Appends", 'static int Main() { return HDR.Append("X: 1\\r\\n"); }')
        with clients(daemon, 2) as (lease, other):
            until(lambda: all_served([lease, other], script), "nobody keeps the worker")

            with pytest.raises(HostFault):
                once_free(lambda: execute(lease, script, Lying(INVITE)))

            assert once_free(lambda: execute(other, script)).code == 0


class RunsAnother(MessageHost):
    """A function that a script calls runs another script, as ``t_relay`` does by way of a branch route."""

    lease: Lease
    inner: Path

    def modf(self, function: str, *_arguments: str) -> int:
        return execute(self.lease, self.inner).code if function == "inner" else super().modf(function)  # type: ignore[return-value]


def test_a_script_that_is_run_from_within_another_one_has_a_worker_of_its_own(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "max_workers = 3\nallocate_timeout_s = 20.0") as daemon:
        outer = compiled(daemon.scripts, "Outer", 'static int Main() { return Core.ModF("inner") - 5; }')
        inner = compiled(daemon.scripts, "Inner", "static int Main() { return 5; }")
        with clients(daemon, 1) as (lease,):
            host = RunsAnother(INVITE)
            host.lease, host.inner = lease, inner

            assert [execute(lease, outer, host).code for _ in range(3)] == [0, 0, 0]
            assert execute(lease, inner).code == 5


def worker_of(lease: Lease) -> int:
    assert lease._held is not None
    return lease._held.conversation.pid


def test_nothing_is_loaded_into_a_worker_of_an_earlier_daemon(tmp_path: Path) -> None:
    """It loads the copies of its own daemon, and those of another may be files that it must not read."""
    with RunningDaemon(tmp_path, "num_workers = 2") as daemon:
        old, new = (
            compiled(daemon.scripts, name, f"static int Main() {{ return {name[1:]}; }}") for name in ("S1", "S2")
        )
        with clients(daemon, 1) as (lease,):
            assert execute(lease, old).code == 1
            before = worker_of(lease)
            daemon.kill()
            daemon.start()

            assert execute(lease, new).code == 2
            assert worker_of(lease) != before
            assert execute(lease, old).code == 1


def test_a_worker_of_an_earlier_daemon_is_kept_where_the_new_one_has_gone_as_well(tmp_path: Path) -> None:
    """It has the scripts that it has, and is all there is."""
    with RunningDaemon(tmp_path, "num_workers = 2\nmax_workers = 2\nspare_workers = 0") as daemon:
        old, new = (
            compiled(daemon.scripts, name, f"static int Main() {{ return {name[1:]}; }}") for name in ("S1", "S2")
        )
        with clients(daemon, 1) as (lease,):
            assert execute(lease, old).code == 1
            before = worker_of(lease)
            daemon.kill()
            daemon.start()
            daemon.until_idle(2)
            with (
                contextlib.closing(Control.connect(str(daemon.socket), time.monotonic() + WAIT_S)) as other,
                contextlib.ExitStack() as stack,
            ):
                for script in (old, new):  # so that there is none for the lease
                    ask(other, "lease", {"path": str(script), "have": None}, time.monotonic() + WAIT_S)
                    wire = received(other.take_descriptors(ENDS))
                    assert wire is not None
                    stack.callback(wire.close)
                assert execute(lease, old).code == 1
                with pytest.raises(PoolExhausted, match="no worker was free"):
                    execute(lease, new)
                assert worker_of(lease) == before
                daemon.kill()

            with pytest.raises(PoolExhausted, match="no daemon"):
                execute(lease, new, timeout_s=1.0)
            assert execute(lease, old).code == 1
            assert worker_of(lease) == before
