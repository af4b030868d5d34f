"""sipp's traffic through a real Kamailio whose scripts run on three nodes, while parts of the cluster change or end."""

from __future__ import annotations

import json
import re
import signal
import statistics
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.cluster.conftest import Seen, only_long
from tests.cluster.running_node import RunningNode
from tests.cluster.servers import Servers
from tests.kamailio.rig import Peer
from tests.kamailio.test_traffic import CHILDREN, Site, while_running
from tests.programs import until
from tests.sipp.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = only_long
CALLS, SAVES, PER_S = 20_000, 20, 200
SHORT = 3_000
AT_ONCE_S = 0.05
NODES = ("one", "two", "three")
CALL = """
$var(came) = $TV(Sn);
$var(is_true) = 1;
if (!python_exec("mono_exec", "{script}")) $var(is_true) = 0;
xlog("L_NOTICE", "ran came=$var(came) went=$TV(Sn) true=$var(is_true)\\n");
"""
RAN = re.compile(r"ran came=(\d+\.\d+) went=(\d+\.\d+) true=([01])")


class ClusterSite(Site):
    """That of one machine, whose daemon has no worker of its own."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.servers = stack.enter_context(Servers(directory, 3))
        urls = self.servers.urls("node")
        self.nodes = {name: stack.enter_context(RunningNode(directory, name, urls)) for name in NODES}
        own = json.dumps(self.servers.urls("sip"))
        self.settings = f"max_workers = 0\nnats = {own}\nallocate_timeout_s = 10.0\nexec_timeout_s = 10.0\n"
        for node in self.nodes.values():
            node.await_start()
        super().__init__(directory, stack)
        self.seen = Seen(self.servers.urls("admin"))

    def call(self) -> str:
        """How the configuration runs the script; each run is logged."""
        return CALL.format(script=self.script)

    def runs(self) -> list[tuple[float, bool]]:
        """How long each run took in seconds, and whether it was true."""
        found = RAN.findall(self.kamailio.log())
        return [(float(went) - float(came), is_true == "1") for came, went, is_true in found]

    def false(self) -> int:
        """How many runs were false."""
        return sum(not is_true for _, is_true in self.runs())

    def told(self) -> str:
        """What all of them logged of it."""
        return "\n".join([super().told(), *(f"{name}:\n{node.log()[-2000:]}" for name, node in self.nodes.items())])

    def node_with_leases(self) -> RunningNode:
        """A node whose workers processes of Kamailio have."""
        leased = {name: node.leased for name, node in self.seen.all().items()}
        return self.nodes[max(leased, key=lambda name: leased[name])]

    def await_true(self) -> None:
        """Wait until requests are answered by the script."""

        def is_true() -> bool:
            before = len(self.runs())
            with Peer(self.port) as peer:
                peer.ask(peer.request())
            return any(is_true for _, is_true in self.runs()[before:])

        until(is_true, f"the script runs\n{self.told()}")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ClusterSite]:
    with ExitStack() as stack:
        made = ClusterSite(tmp_path, stack)
        assert made.all_have_workers(), made.told()
        yield made


def test_requests_spread_over_the_nodes_while_the_script_is_replaced(site: ClusterSite, tmp_path: Path) -> None:
    builds = iter(range(1, SAVES + 1))

    def save() -> None:
        number = next(builds, None)
        if number is not None:
            site.build(number)
            with Peer(site.port) as peer:
                answer = peer.ask(peer.request(call_id=f"save-{number}")) or b""
            stale.append(f"X-Build: {number:04}".encode() not in answer)

    stale: list[bool] = []
    with Sipp("options", site.port, CALLS, PER_S, tmp_path / "sipp") as sipp:
        while_running(sipp, CALLS / PER_S / (SAVES + 2), save)

    counts = sipp.counts()
    assert (counts.failed, site.false()) == (0, 0), site.told()
    assert stale == [False] * len(stale)
    assert len(stale) >= SAVES - 1
    leased = {name: node.leased for name, node in site.seen.all().items()}
    assert sum(leased.values()) == CHILDREN
    print(f"p50 {statistics.median(took for took, _ in site.runs()) * 1e3:.2f} ms, {leased}")  # noqa: T201


def test_a_node_that_is_drained_under_load_costs_nothing(site: ClusterSite, tmp_path: Path) -> None:
    drained = site.node_with_leases()

    with Sipp("options", site.port, SHORT, PER_S, tmp_path / "sipp") as sipp:
        drained.signal(signal.SIGTERM)
        assert drained.wait() == 0

    assert (sipp.counts().failed, site.false()) == (0, 0), site.told()
    assert "ended; 0 workers were not given back" in drained.log()


def test_a_node_that_is_killed_under_load_costs_the_execs_that_ran_there(site: ClusterSite, tmp_path: Path) -> None:
    killed = site.node_with_leases()
    leased = site.seen.all()[killed.name].leased

    with Sipp("options", site.port, SHORT, PER_S, tmp_path / "sipp") as sipp:
        threading.Event().wait(2.0)
        killed.signal(signal.SIGKILL)

    assert sipp.counts().failed == 0
    assert site.false() <= leased, site.told()


def test_a_server_that_is_killed_under_load_costs_the_execs_that_ran_then(site: ClusterSite, tmp_path: Path) -> None:
    with Sipp("options", site.port, SHORT, PER_S, tmp_path / "sipp") as sipp:
        for number in range(2):
            threading.Event().wait(2.0)
            site.servers.kill(number)
            site.servers.start(number)

    assert sipp.counts().failed == 0
    assert site.false() <= 2 * CHILDREN, site.told()


def test_without_any_server_requests_go_on_without_the_script_at_once_and_later_with_it(
    site: ClusterSite, tmp_path: Path
) -> None:
    with Sipp("options", site.port, SHORT, PER_S, tmp_path / "sipp") as sipp:
        threading.Event().wait(1.0)
        for number in range(3):
            site.servers.kill(number)
        threading.Event().wait(1.0)
        begin = len(site.runs())
        threading.Event().wait(2.0)
        without = site.runs()[begin:]
        for number in range(3):
            site.servers.start(number)
        site.await_true()

    assert sipp.counts().failed == 0
    assert not any(is_true for _, is_true in without)
    assert statistics.median(took for took, _ in without) < AT_ONCE_S
    assert site.daemon.log().count("there is no connection to NATS") < 50, site.daemon.log()
