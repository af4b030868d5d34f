"""The cluster mode of ``tools.chaos``: three servers of NATS and two nodes, which are hit as well."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

from tests.cluster.running_node import RunningNode
from tests.cluster.servers import Servers
from tools.chaos_faults import Faults, Site

if TYPE_CHECKING:
    import random
    from contextlib import ExitStack
    from pathlib import Path

SERVERS, NODES = 3, ("one", "two")
WITHOUT_NATS_S = 0.5
# One worker of its own, so most processes of Kamailio have one of a node. Without any node four processes share it, and
# one that waited for it for long would answer nobody meanwhile.
SETTINGS = "num_workers = 1\nmax_workers = 1\nallocate_timeout_s = 0.05\nexec_timeout_s = 0.4\npoison_losses = 0"


class ClusterSite(Site):
    """A site whose daemon has one worker of its own."""

    def __init__(self, directory: Path, stack: ExitStack, *, can_be_full: bool, route: str, runtime: str) -> None:
        _ = route
        self.of_nodes = directory / "nodes"
        self.of_nodes.mkdir()
        self.servers = stack.enter_context(Servers(directory, SERVERS))
        urls, env = self.servers.urls("node"), {"TMPDIR": str(self.of_nodes)}
        settings = "max_workers = 4\nexec_timeout_s = 0.4\ndrain_timeout_s = 2.0"
        self.nodes = [stack.enter_context(RunningNode(directory, name, urls, settings, env)) for name in NODES]
        for node in self.nodes:
            node.await_start()
        self.settings = f"{SETTINGS}\nnats = {json.dumps(self.servers.urls('sip'))}"
        super().__init__(directory, stack, can_be_full=can_be_full, route="cfg", runtime=runtime)

    def places(self) -> list[Path]:
        """Where nothing may be left."""
        return [*super().places(), self.of_nodes]

    def logs(self) -> str:
        """What everybody logged."""
        return "\n".join([super().logs(), *(node.log() for node in self.nodes)])


class ClusterFaults(Faults):
    """Those of one machine, and those of a cluster."""

    def __init__(self, site: ClusterSite, numbers: random.Random) -> None:
        super().__init__(site, numbers)
        self._cluster = site
        self.kinds |= {
            "node SIGKILL and start": lambda: self._node(signal.SIGKILL),
            "node drained and start": lambda: self._node(signal.SIGTERM),
            "NATS server SIGKILL and start": lambda: self._servers([self._numbers.randrange(SERVERS)]),
            "all NATS servers SIGKILL and start": lambda: self._servers(list(range(SERVERS))),
        }

    def _node(self, number: signal.Signals) -> None:
        node = self._numbers.choice(self._cluster.nodes)
        node.signal(number)
        node.wait()
        node.start()
        node.await_start()

    def _servers(self, numbers: list[int]) -> None:
        for number in numbers:
            self._cluster.servers.kill(number)
        time.sleep(WITHOUT_NATS_S)
        for number in numbers:
            self._cluster.servers.start(number)
