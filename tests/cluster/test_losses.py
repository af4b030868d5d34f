"""What a cluster loses when a part of it is lost: the exec that ran there, and nothing else."""

from __future__ import annotations

import json
import signal
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.errors import PoolExhausted, WorkerError
from runner.hosts.embedded.host import MessageHost
from tests.cluster.conftest import await_served, only_long
from tests.cluster.running_node import RunningNode
from tests.cluster.servers import Servers
from tests.daemon.leases import RETURNS, run
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.conftest import Cluster

pytestmark = only_long

SLEEPS = (
    "static int Main(string[] a) { if (a.Length == 0) return 0; "
    'Core.ModF("runs"); Thread.Sleep(int.Parse(a[0])); return 0; }'
)


class Watched(MessageHost):
    """It sets ``runs`` when the script calls."""

    def __init__(self) -> None:
        super().__init__(INVITE)
        self.runs = threading.Event()

    def modf(self, _function: str, *_arguments: str) -> int:
        self.runs.set()
        return 1


def test_a_node_that_is_killed_costs_no_exec_of_a_client_that_ran_nothing(cluster: Cluster, lease: Lease) -> None:
    fine = compiled(cluster.daemon.scripts, "Fine", RETURNS.format(0))
    await_served(lease, fine)
    lost = cluster.nodes[cluster.node()]

    lost.signal(signal.SIGKILL)
    lost.wait()

    try:
        assert run(lease, fine) == 0
        await_served(lease, fine)  # what daemons of other tests have asked for counts as their share for some seconds
        assert cluster.node() != lost.name
    finally:
        lost.start()
        lost.await_start()


def test_a_node_that_is_killed_costs_the_exec_that_ran_there_and_no_other(cluster: Cluster, lease: Lease) -> None:
    sleeps = compiled(cluster.daemon.scripts, "Sleeps", SLEEPS)
    await_served(lease, sleeps)
    lost = cluster.nodes[cluster.node()]
    host = Watched()

    def kill_then() -> None:
        host.runs.wait(WAIT_S)
        lost.signal(signal.SIGKILL)

    kill = threading.Thread(target=kill_then)
    began = time.monotonic()
    kill.start()
    try:
        with pytest.raises(WorkerError, match="the process ended"):
            lease.exec(str(sleeps), "20000", host, began + 21.0)

        kill.join()
        assert time.monotonic() - began < 20.0  # it is not waited for until the deadline
        assert run(lease, sleeps, "0") == 0
        assert "refused" not in cluster.daemon.log()  # the script is not to blame
    finally:
        kill.join()
        lost.wait()
        lost.start()
        lost.await_start()


def test_a_server_that_is_killed_costs_nothing_between_two_execs(cluster: Cluster, lease: Lease) -> None:
    before = {name: node.builds for name, node in cluster.told().items()}
    fine = compiled(cluster.daemon.scripts, "Between", RETURNS.format(0))
    await_served(lease, fine)
    until(lambda: all(node.builds > before[name] for name, node in cluster.told().items()), "each node has it")

    for number in range(3):
        cluster.await_settled()
        cluster.servers.kill(number)
        assert [run(lease, fine) for _ in range(5)] == [0] * 5
        cluster.servers.start(number)


def test_a_save_while_the_object_store_is_silent_costs_no_worker(tmp_path: Path) -> None:
    """The store had 30 s. The client gave up long before, and the daemon ended all its workers with the connection."""
    with ExitStack() as stack:
        servers = stack.enter_context(Servers(tmp_path, 3))
        node = stack.enter_context(RunningNode(tmp_path, "one", servers.urls("node")[2:]))
        node.await_start()
        urls = json.dumps(servers.urls("sip")[2:])
        daemon = stack.enter_context(RunningDaemon(tmp_path, f"nats = {urls}\nmax_workers = 0\n"))
        lease = Lease(str(daemon.socket))
        saved = compiled(daemon.scripts, "Saved", RETURNS.format(0))
        await_served(lease, saved)
        before = [worker["pid"] for worker in daemon.workers()]
        for number in (0, 1):  # the third one alone is no majority
            servers.kill(number)
        compiled(daemon.scripts, "Saved", RETURNS.format(5))

        for _ in range(3):
            with pytest.raises(PoolExhausted, match="object store"):
                run(lease, saved, None, 2.0)

        assert [worker["pid"] for worker in daemon.workers()] == before
        lease.close()


def test_without_any_server_a_client_is_told_at_once_and_later_served_again(cluster: Cluster, lease: Lease) -> None:
    fine = compiled(cluster.daemon.scripts, "Fine", RETURNS.format(0))
    await_served(lease, fine)

    for number in range(3):
        cluster.servers.kill(number)
    until(lambda: not cluster.workers(), "the daemon has noticed")
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(PoolExhausted):
            run(lease, fine)
    assert time.monotonic() - began < 5.0

    for number in range(3):
        cluster.servers.start(number)
    await_served(lease, fine)
