"""Three servers, two nodes and a daemon without workers of its own, for all tests of a file."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from tests.cluster.running_node import RunningNode, nodes
from tests.cluster.servers import Servers
from tests.programs import until
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator

NODES = ("one", "two")
DAEMON = "max_workers = 0\nallocate_timeout_s = 10.0\nexec_timeout_s = 10.0\n"


class Cluster:
    """All of it."""

    def __init__(self, directory: pytest.TempPathFactory, stack: ExitStack) -> None:
        place = directory.mktemp("cluster")
        self.servers = stack.enter_context(Servers(place, 3))
        urls = self.servers.urls("node")
        self.nodes = {name: stack.enter_context(RunningNode(place, name, urls)) for name in NODES}
        own = tuple(self.servers.urls("sip"))
        self.daemon = stack.enter_context(RunningDaemon(place, f"nats = {json.dumps(own)}\n{DAEMON}"))
        self.admin = self.servers.urls("admin")
        until(lambda: {node["name"] for node in nodes(self.admin)} == set(NODES), "both nodes answer")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path_factory, stack)


@pytest.fixture
def lease(cluster: Cluster) -> Iterator[Lease]:
    lease = Lease(str(cluster.daemon.socket))
    yield lease
    lease.close()
