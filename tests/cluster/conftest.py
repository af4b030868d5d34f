"""Three servers, two nodes and a daemon without workers of its own, for all tests of this directory."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner.cli.admin import request
from runner.client.lease import Lease
from runner.cluster import names
from runner.cluster.messages import status
from runner.control.messages import StatusRequest
from runner.control.status import Status
from runner.errors import PoolExhausted, WorkerError
from tests.cluster.running_node import RunningNode
from tests.cluster.servers import Servers, connected
from tests.daemon.leases import run
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from nats.aio.msg import Msg

    from runner.cluster.connection import Connection
    from runner.cluster.messages import NodeStatus
    from runner.control.status import WorkerStatus

IS_LONG = "CLUSTER_LONG" in os.environ
only_long = pytest.mark.skipif(not IS_LONG, reason="takes minutes: make test-cluster")
NODES = ("one", "two")
NODE = "max_workers = 2\ndrain_timeout_s = 6.0\n"
DAEMON = f"max_workers = 0\nallocate_timeout_s = {WAIT_S}\nexec_timeout_s = {WAIT_S}\n"
PATIENT = {  # a node without CPU for a while is none that has gone, and an object store may wait for its disk
    "runner.cluster.nodes.ANSWER_S": 10.0,
    "runner.cluster.builds.STEP_S": WAIT_S,
}


class Seen:
    """
    The nodes, as their statistics have them.

    Args:
        urls: Of the servers, for a user who may ask.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls

    def all(self) -> dict[str, NodeStatus]:
        """Those that answer within a moment, by name."""
        with connected(self._urls) as connection:
            return connection.call(_all(connection), WAIT_S)

    def each(self, names: Iterable[str]) -> dict[str, NodeStatus]:
        """Those of these names, once all of them have answered, which takes a busy machine more than a moment."""
        found: dict[str, NodeStatus] = {}

        def have_answered() -> bool:
            found.update(self.all())
            return found.keys() >= set(names)

        until(have_answered, "all nodes answer")
        return {name: found[name] for name in names}


async def _all(connection: Connection) -> dict[str, NodeStatus]:
    found: dict[str, NodeStatus] = {}

    async def hear(message: Msg) -> None:
        if message.data:
            node = status(message.data)
            found[node.name] = node

    inbox = connection.client().new_inbox()
    await connection.listen(inbox, hear)
    connection.publish(names.STATS, b"", inbox)
    await asyncio.sleep(0.2)
    return found


def await_served(lease: Lease, script: Path) -> None:
    """
    Wait until a script runs, is true, and the client keeps its worker.

    A worker may be about to start, or a server to join. And a daemon that does not know yet how many workers the nodes
    have lets nobody keep one.
    """
    until(lambda: _is_served(lease, script) and lease._held is not None, "the script runs on a node")


def _is_served(lease: Lease, script: Path) -> bool:
    try:
        return run(lease, script) == 0
    except (PoolExhausted, WorkerError):
        return False


class Cluster:
    """All of it."""

    def __init__(self, directory: pytest.TempPathFactory, stack: ExitStack) -> None:
        self.place = place = directory.mktemp("cluster")
        self.servers = stack.enter_context(Servers(place, 3))
        urls = self.servers.urls("node")
        self.nodes = {name: RunningNode(place, name, urls, NODE) for name in NODES}
        for node in self.nodes.values():
            stack.enter_context(node)
        own = json.dumps(self.servers.urls("sip"))
        self.daemon = stack.enter_context(RunningDaemon(place, f"nats = {own}\n{DAEMON}", constants=PATIENT))
        self.admin = self.servers.urls("admin")
        self.seen = Seen(self.admin)
        for node in self.nodes.values():
            node.await_start()

    def workers(self) -> tuple[WorkerStatus, ...]:
        """What the daemon says of its workers."""
        return request(str(self.daemon.socket), StatusRequest, Status).workers

    def await_settled(self) -> None:
        """Wait until each server leads to all nodes."""
        each = [Seen([url]) for url in self.admin]
        until(lambda: all({*seen.all()} >= {*self.nodes} for seen in each), "each server leads to all nodes")

    def told(self) -> dict[str, NodeStatus]:
        """What each node says of itself."""
        return self.seen.each(self.nodes)

    def node(self) -> str:
        """The node that has the worker of the only client; that of the test before may just be given back."""
        until(lambda: len(self.workers()) == 1, "there is one client")
        (worker,) = self.workers()
        return worker.node


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path_factory, stack)


@pytest.fixture
def lease(cluster: Cluster) -> Iterator[Lease]:
    lease = Lease(str(cluster.daemon.socket))
    yield lease
    lease.close()
