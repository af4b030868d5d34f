"""A worker is placed on the CPU of its caller, and the caller itself stays free."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from pathlib import Path

ALL = os.sched_getaffinity(0)
ASKS = 'static int Main() { return PV.GetI("$Ts") > 0 ? 0 : 1; }'  # a variable that is never sent ahead

pytestmark = pytest.mark.skipif(len(ALL) < 2, reason="with one CPU there is nothing to choose: run it on two")


class Looking(MessageHost):
    """A host that notes where worker and caller are while the script waits for its answer."""

    seen: tuple[set[int], set[int]]
    worker: int

    def get_i(self, name: str) -> int:
        self.seen = os.sched_getaffinity(0), os.sched_getaffinity(self.worker)
        return super().get_i(name)


def runner(placement: str) -> Runner:
    values = {"exec_timeout_s": WAIT_S, "allocate_timeout_s": WAIT_S, "spare_workers": 0, "observer": "none"}
    return Runner(Settings(placement=placement, **values))  # type: ignore[arg-type]


def borrowed(daemon: RunningDaemon) -> int:
    """The worker that this process has borrowed from a daemon."""
    (pid,) = [worker["pid"] for worker in daemon.workers() if worker["client"] == os.getpid()]
    assert isinstance(pid, int)
    return pid


def looked(running: Runner, script: Path) -> Looking:
    host = Looking(INVITE)
    (host.worker,) = running.snapshot().pids
    assert running.mono_exec(script, host=host).ok
    return host


def test_a_worker_is_kept_on_the_cpu_of_its_caller_who_may_go_anywhere(tmp_path: Path) -> None:
    script = compiled(tmp_path, "Asks", ASKS)
    with runner("together") as running:
        host = looked(running, script)

        assert host.seen[0] == ALL
        assert len(host.seen[1]) == 1
        assert host.seen[1] < ALL


def test_a_worker_follows_its_caller_to_another_cpu(tmp_path: Path) -> None:
    script = compiled(tmp_path, "Asks", ASKS)
    with runner("together") as running:
        try:
            for cpu in (min(ALL), max(ALL), min(ALL)):
                os.sched_setaffinity(0, {cpu})
                assert looked(running, script).seen[1] == {cpu}
        finally:
            os.sched_setaffinity(0, ALL)


def test_a_worker_that_loads_ahead_may_leave_the_cpu_of_its_last_caller(tmp_path: Path) -> None:
    """Two that loaded at one time, after one caller, shared its CPU and made its execs wait."""
    script = compiled(tmp_path, "Asks", ASKS)
    with runner("together") as running:
        (worker,) = running.snapshot().pids
        looked(running, script)
        compiled(tmp_path, "Asks", ASKS.replace("0 : 1", "2 : 3"))

        running.prepare(str(script))

        assert os.sched_getaffinity(worker) == ALL


def test_the_kernel_places_both_when_placement_is_free(tmp_path: Path) -> None:
    script = compiled(tmp_path, "Asks", ASKS)
    with runner("free") as running:
        assert looked(running, script).seen == (ALL, ALL)


def test_a_callers_own_cpu_affinity_is_kept(tmp_path: Path) -> None:
    script = compiled(tmp_path, "Asks", ASKS)
    one = {min(ALL)}
    with runner("together") as running:
        os.sched_setaffinity(0, one)
        try:
            assert looked(running, script).seen == (one, one)
            assert os.sched_getaffinity(0) == one
        finally:
            os.sched_setaffinity(0, ALL)


def test_the_kernel_places_a_worker_that_computes_for_long(tmp_path: Path) -> None:
    script = compiled(tmp_path, "Sleeps", "static int Main() { Thread.Sleep(30); return 0; }")
    with runner("together") as running:
        assert running.mono_exec(script, host=MessageHost(INVITE)).ok
        (worker,) = running.snapshot().pids

        assert os.sched_getaffinity(worker) == ALL


@pytest.mark.parametrize(("placement", "is_shared"), [("free", False), ("together", True)])
def test_a_lent_worker_shares_the_cpu_of_its_client_unless_placement_is_free(
    tmp_path: Path, placement: str, *, is_shared: bool
) -> None:
    with RunningDaemon(tmp_path, f'placement = "{placement}"\nallocate_timeout_s = {WAIT_S}') as daemon:
        script = compiled(daemon.scripts, "Asks", ASKS)
        lease = Lease(str(daemon.socket))
        with contextlib.closing(lease):
            host = Looking(INVITE)
            assert lease.exec(str(script), None, MessageHost(INVITE), time.monotonic() + WAIT_S).code == 0
            host.worker = borrowed(daemon)
            assert lease.exec(str(script), None, host, time.monotonic() + WAIT_S).code == 0

    assert (len(host.seen[1]) == 1) is is_shared
