"""sipp's traffic through a real Kamailio whose scripts run on three nodes, while parts of the cluster change or end."""

from __future__ import annotations

import json
import re
import signal
import statistics
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest

from runner.cli.admin import request
from runner.control.messages import StatusRequest
from runner.control.status import Status
from tests.cluster.conftest import Seen, only_long
from tests.cluster.running_node import RunningNode
from tests.cluster.servers import Servers
from tests.kamailio.rig import LOST_S, Peer
from tests.kamailio.test_traffic import CHILDREN, NUDGES, Site
from tests.programs import until
from tests.sipp.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = only_long
CALLS, SAVES, PER_S = 20_000, 20, 200
MOST_CALLS = 5 * CALLS  # sipp begins no more once all has happened
AT_ONCE_S = 0.05
AGAIN_S = 1.0  # after a loss all is as before
QUIET_S = 2.0  # watched after each change
MOST_LINES = 50  # of the daemon, while there is no server
ROUNDS = 2  # all servers end and come back so often
NODES = ("one", "two", "three")
SETTINGS = """
num_workers = {own}
max_workers = {own}
spare_workers = 0
nats = {urls}
allocate_timeout_s = 10.0
exec_timeout_s = 10.0
"""
CALL = """
$var(came) = $TV(Sn);
$var(is_true) = 1;
if (!python_exec("mono_exec", "{script}")) $var(is_true) = 0;
xlog("L_NOTICE", "ran came=$var(came) went=$TV(Sn) true=$var(is_true)\\n");
"""
CONNECTED = re.compile(r"connected to NATS, [^\s:]+:(\d+)")
RAN = re.compile(r"ran came=(\d+\.\d+) went=(\d+\.\d+) true=([01])")


class Run(NamedTuple):
    """One run: when the request came and when it was over, in seconds since 1970, and whether it was true."""

    came: float
    went: float
    is_true: bool


class Outage(NamedTuple):
    """When the first server ended, when the last one had, and when they came back; in seconds since 1970."""

    began: float
    complete: float
    ends: float


class ClusterSite(Site):
    """
    That of one machine, beside three nodes.

    Args:
        directory: Private to the test.
        stack: Ends all that is started.
        own: How many workers the daemon has on its own machine.
    """

    def __init__(self, directory: Path, stack: ExitStack, own: int) -> None:
        self.servers = stack.enter_context(Servers(directory, 3))
        urls = self.servers.urls("node")
        self.nodes = {name: stack.enter_context(RunningNode(directory, name, urls)) for name in NODES}
        self.far = CHILDREN - own  # processes of Kamailio whose workers are on nodes
        self.settings = SETTINGS.format(own=own, urls=json.dumps(self.servers.urls("sip")))
        for node in self.nodes.values():
            node.await_start()
        super().__init__(directory, stack)
        self.seen = Seen(self.servers.urls("admin"))

    def call(self) -> str:
        """How the configuration runs the script; each run is logged."""
        return CALL.format(script=self.script)

    def runs(self, since: float = 0.0) -> list[Run]:
        """Those of requests that came since then, in seconds since 1970."""
        found = [
            Run(float(came), float(went), is_true == "1") for came, went, is_true in RAN.findall(self.kamailio.log())
        ]
        return [run for run in found if run.came >= since]

    def lost(self, since: float) -> list[float]:
        """How long after ``since`` the requests came whose runs were false."""
        return [round(run.came - since, 3) for run in self.runs(since) if not run.is_true]

    def told(self) -> str:
        """What all of them logged of it."""
        return "\n".join([super().told(), *(f"{name}:\n{node.log()[-2000:]}" for name, node in self.nodes.items())])

    def node_with_leases(self) -> RunningNode:
        """A node whose workers processes of Kamailio have."""
        leased = {name: node.leased for name, node in self.seen.each(NODES).items()}
        return self.nodes[max(leased, key=lambda name: leased[name])]

    def await_true(self) -> None:
        """Wait until requests are answered by the script."""

        def is_true() -> bool:
            since = time.time()
            with Peer(self.port) as peer:
                peer.ask(peer.request(), LOST_S)
            return any(run.is_true for run in self.runs(since))

        until(is_true, f"the script runs\n{self.told()}")

    def await_all(self) -> None:
        """Wait until each server leads to all nodes, and each process of Kamailio has a worker again."""
        each = [Seen([url]) for url in self.servers.urls("admin")]
        until(lambda: all({*seen.all()} >= {*NODES} for seen in each), "each server leads to all nodes")
        until(self.is_settled, f"all processes have workers\n{self.told()}")

    def places(self) -> list[str]:
        """Where the workers are that processes of Kamailio hold: a node, or "" for the daemon's own machine."""
        workers = request(str(self.daemon.socket), StatusRequest, Status).workers
        return sorted(worker.node for worker in workers if worker.client)

    def is_settled(self) -> bool:
        """Whether each process has a worker, and as many of them as can be one of this machine."""
        places = self.places()
        return len(places) == CHILDREN and places.count("") == CHILDREN - self.far

    def builds_seen(self, number: int) -> list[bool]:
        """Save a build, and ask more often than there are processes; whether each answer was of that build."""
        self.build(number)
        wanted = f"X-Build: {number:04}".encode()
        with Peer(self.port) as peer:
            for nudge in range(NUDGES):
                peer.send(peer.request(call_id=f"save-{number}-{nudge}"))
            return [wanted in (peer.receive(LOST_S) or b"") for _ in range(NUDGES)]

    def server_of_daemon(self) -> int:
        """The number of the server that the daemon is connected to."""
        port = int(CONNECTED.findall(self.daemon.log())[-1])
        return [urlsplit(url).port for url in self.servers.urls("admin")].index(port)


@pytest.fixture
def site(tmp_path: Path, own: int) -> Iterator[ClusterSite]:
    with ExitStack() as stack:
        made = ClusterSite(tmp_path, stack, own)
        until(made.all_have_workers, "every process of Kamailio has its worker")
        yield made


@pytest.mark.parametrize("own", [0])
@pytest.mark.timeout(900)
def test_under_one_load_each_part_changes_or_ends_and_costs_what_it_may(site: ClusterSite, tmp_path: Path) -> None:
    with Sipp("options", site.port, MOST_CALLS, PER_S, tmp_path / "sipp") as sipp:
        _the_script_is_replaced(site)
        _a_node_is_drained(site)
        _a_node_is_killed(site)
        for _ in range(2):
            _the_server_of_the_daemon_is_killed(site)
        _another_server_is_killed(site)
        outage = _all_servers_end_and_come_back(site)
        assert sipp.is_running
        sipp.finish()
    counts = [sipp.counts()]
    with Sipp("options", site.port, max(1, CALLS - counts[0].successful), PER_S, tmp_path / "rest") as rest:
        pass
    counts.append(rest.counts())
    without = _nothing_ran(site, outage)

    assert [each.failed for each in counts] == [0, 0], site.told()
    successful = sum(each.successful for each in counts)
    assert successful >= CALLS
    assert sorted(site.kamailio.children()) == site.before
    leased = {name: node.leased for name, node in site.seen.each(NODES).items()}
    assert sum(leased.values()) == CHILDREN
    times = [run.went - run.came for run in site.runs() if run.is_true]
    p50, longest = statistics.median(times) * 1e3, max(run.went - run.came for run in site.runs())
    again = sum(each.retransmitted for each in counts)
    told = f"{successful} requests, {again} sent again, p50 {p50:.2f} ms, longest {longest:.2f} s"
    print(f"{told}, leases {leased}, {without} without NATS")  # noqa: T201


@pytest.mark.parametrize("own", [2])
@pytest.mark.timeout(300)
def test_under_load_the_workers_of_this_machine_serve_alone_while_there_is_no_server(
    site: ClusterSite, tmp_path: Path
) -> None:
    site.await_all()

    with Sipp("options", site.port, MOST_CALLS, PER_S, tmp_path / "sipp") as sipp:
        outages = [_all_servers_end_and_come_back(site) for _ in range(ROUNDS)]
        assert sipp.is_running
        sipp.finish()

    without = [run for outage in outages for run in _the_own_workers_served_alone(site, outage)]
    assert sipp.counts().failed == 0, site.told()
    assert sorted(site.kamailio.children()) == site.before
    false, longest = sum(not run.is_true for run in without), max(run.went - run.came for run in without)
    told = f"{len(without)} requests without NATS, {false} of them false, longest {longest:.2f} s"
    print(f"{told}, {sipp.counts().retransmitted} sent again")  # noqa: T201


def _watched(site: ClusterSite, since: float) -> list[float]:
    """When the runs were false, in seconds after ``since``, once it is quiet again."""
    threading.Event().wait(max(0.0, since + AGAIN_S + QUIET_S - time.time()))
    return site.lost(since)


def _the_script_is_replaced(site: ClusterSite) -> None:
    since = time.time()
    before = {name: node.builds for name, node in site.seen.each(NODES).items()}

    for number in range(1, SAVES + 1):
        seen = site.builds_seen(number)
        assert seen == [True] * NUDGES, f"build {number}: {seen}\n{site.told()}"

    until(
        lambda: all(node.builds >= before[name] + SAVES for name, node in site.seen.each(NODES).items()),
        "each node has all builds",
    )
    assert _watched(site, since) == [], site.told()


def _a_node_is_drained(site: ClusterSite) -> None:
    drained, since = site.node_with_leases(), time.time()

    drained.signal(signal.SIGTERM)
    assert drained.wait() == 0

    assert _watched(site, since) == [], site.told()
    assert "ended; 0 workers were not given back" in drained.log()
    _start(site, drained)


def _a_node_is_killed(site: ClusterSite) -> None:
    killed = site.node_with_leases()
    leased, since = site.seen.each(NODES)[killed.name].leased, time.time()

    killed.signal(signal.SIGKILL)
    killed.wait()

    lost = _watched(site, since)
    assert len(lost) <= leased, f"{lost}\n{site.told()}"
    assert max(lost, default=0.0) < AGAIN_S, f"{lost}\n{site.told()}"
    _start(site, killed)


def _start(site: ClusterSite, node: RunningNode) -> None:
    node.start()
    node.await_start()
    site.await_all()


def _the_server_of_the_daemon_is_killed(site: ClusterSite) -> None:
    _a_server_is_killed(site, site.server_of_daemon())


def _another_server_is_killed(site: ClusterSite) -> None:
    _a_server_is_killed(site, (site.server_of_daemon() + 1) % 3)


def _a_server_is_killed(site: ClusterSite, number: int) -> None:
    since = time.time()
    site.servers.kill(number)

    lost = _watched(site, since)
    assert len(lost) <= CHILDREN, f"{lost}\n{site.told()}"  # one exec in flight for each process
    assert max(lost, default=0.0) < AGAIN_S, f"{lost}\n{site.told()}"
    site.servers.start(number)
    site.await_all()


def _all_servers_end_and_come_back(site: ClusterSite) -> Outage:
    lines, began = site.daemon.log().count("\n"), time.time()
    for number in range(3):
        site.servers.kill(number)
    complete = time.time()
    threading.Event().wait(AGAIN_S + 2 * QUIET_S)
    assert not any(site.places()), site.places()
    assert site.daemon.log().count("\n") - lines < MOST_LINES, site.daemon.log()[-5000:]
    ends = time.time()

    for number in range(3):
        site.servers.start(number)
    site.await_true()
    site.await_all()
    assert _watched(site, time.time()) == [], site.told()
    return Outage(began, complete, ends)


def _nothing_ran(site: ClusterSite, outage: Outage) -> int:
    """How many runs there were without any server; each came to nothing at once."""
    without = [run for run in site.runs(outage.complete + AGAIN_S) if run.came < outage.ends]
    assert without
    assert not any(run.is_true for run in without)
    assert statistics.median(run.went - run.came for run in without) < AT_ONCE_S
    return len(without)


def _the_own_workers_served_alone(site: ClusterSite, outage: Outage) -> list[Run]:
    """The runs without any server; none failed but those that were on nodes when the servers ended."""
    without = [run for run in site.runs(outage.began) if run.came < outage.ends]
    lost = [round(run.came - outage.complete, 3) for run in without if not run.is_true]
    assert len(lost) <= site.far, f"{lost}\n{site.told()}"  # one exec in flight for each process
    assert max(lost, default=0.0) < AGAIN_S, f"{lost}\n{site.told()}"
    assert any(run.came >= outage.complete + AGAIN_S for run in without)
    assert statistics.median(run.went - run.came for run in without) < AT_ONCE_S
    assert max(run.went - run.came for run in without) < AGAIN_S
    return without
