"""runner.cluster.node: lends its workers, and takes them back when it ends."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests import warm
from tests.cluster.conftest import await_served, only_long
from tests.cluster.running_node import ROOTS
from tests.daemon.leases import RETURNS, run
from tests.programs import WAIT_S, until
from tests.running_daemon import ENVIRONMENT, command_with, compiled

if TYPE_CHECKING:
    from pathlib import Path

    from runner.client.lease import Lease
    from tests.cluster.conftest import Cluster

# Whom no server has answered in time is not refused, and goes on trying.
PATIENT = {f"runner.cluster.{module}.CONNECT_S": WAIT_S for module in ("opening", "connection")}


@only_long
def test_a_node_that_ends_gives_its_clients_time_to_move(cluster: Cluster, lease: Lease) -> None:
    fine = compiled(cluster.daemon.scripts, "Fine", RETURNS.format(0))
    await_served(lease, fine)
    until(lambda: len(cluster.seen.all()) == len(cluster.nodes), "all nodes are there")
    ends = cluster.nodes[cluster.node()]

    ends.signal(signal.SIGTERM)
    until(lambda: run(lease, fine) == 0 and cluster.node() != ends.name, "the client has moved")

    assert ends.wait() == 0
    assert "ended; 0 workers were not given back" in ends.log()
    ends.start()
    ends.await_start()


@only_long
def test_a_node_that_nobody_moves_away_from_ends_nevertheless(cluster: Cluster, lease: Lease) -> None:
    fine = compiled(cluster.daemon.scripts, "Fine", RETURNS.format(0))
    await_served(lease, fine)
    ends = cluster.nodes[cluster.node()]

    ends.signal(signal.SIGTERM)

    assert ends.wait() == 0
    assert "ended; 1 workers were not given back" in ends.log()
    await_served(lease, fine)
    ends.start()
    ends.await_start()


def test_a_node_without_nats_or_with_a_wrong_password_says_so_in_one_line(cluster: Cluster, tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text(f"{ROOTS}max_workers = 1\n", "utf-8")
    cases = (
        ((), "say where NATS is: --nats nats://USER:PASSWORD@HOST:4222, or the setting nats"),
        (("--nats", "n1:4222"), "expected a URL such as nats://sip:PASSWORD@n1:4222"),
        (("--nats", ",".join(cluster.servers.urls("node", "guessed"))), "refuses user 'node'"),
    )
    for options, expected in cases:
        command = [*command_with(PATIENT), "node", "--config", str(config), *options]
        said = warm.run(command, env=ENVIRONMENT, timeout=WAIT_S)

        assert said.returncode == 2
        assert expected in said.stderr
        assert "Traceback" not in said.stderr
        assert "guessed" not in said.stderr
