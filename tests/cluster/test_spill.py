"""A daemon with workers of its own: they come first, those of nodes when there is none, and the other way round."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

from runner.cli.admin import request
from runner.client.lease import Lease
from runner.control.messages import StatusRequest
from runner.control.status import Status
from tests.cluster.conftest import PATIENT, await_served, only_long
from tests.cluster.servers import Servers
from tests.daemon.leases import RETURNS
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.conftest import Cluster

OWN = f"max_workers = 1\nspare_workers = 0\nallocate_timeout_s = {WAIT_S}\nexec_timeout_s = {WAIT_S}\n"


def places(daemon: RunningDaemon) -> list[str]:
    """Where the lent workers are: "" for the daemon's own machine."""
    workers = request(str(daemon.socket), StatusRequest, Status).workers
    return sorted(worker.node for worker in workers if worker.client)


def test_a_worker_of_this_machine_comes_first_and_then_one_of_a_node(cluster: Cluster, tmp_path: Path) -> None:
    urls = json.dumps(cluster.servers.urls("sip"))
    with ExitStack() as stack:
        daemon = stack.enter_context(RunningDaemon(tmp_path, f"{OWN}nats = {urls}\n", constants=PATIENT))
        fine = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        leases = [Lease(str(daemon.socket)) for _ in range(2)]
        for lease in leases:
            stack.callback(lease.close)

        await_served(leases[0], fine)
        assert places(daemon) == [""]
        await_served(leases[1], fine)

        here, there = places(daemon)
        assert here == ""
        assert there in cluster.nodes


@only_long
def test_without_nats_the_workers_of_this_machine_serve_alone(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    with RunningDaemon(tmp_path, f"{OWN}nats = {json.dumps(servers.urls('sip'))}\n") as daemon:
        fine = compiled(daemon.scripts, "Fine", RETURNS.format(0))
        for lease in [Lease(str(daemon.socket)) for _ in range(3)]:
            await_served(lease, fine)
            lease.close()

        with servers:
            until(lambda: "connected to NATS" in daemon.log(), "the daemon has found NATS")
