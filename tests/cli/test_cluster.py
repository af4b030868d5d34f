"""runner.cli.cluster: node, nodes and cluster-config."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import app_mono
from tests.cluster.running_node import RunningNode
from tests.cluster.servers import PASSWORD, Servers
from tests.ports import free_tcp_port
from tests.programs import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_configuration_has_new_passwords_each_time() -> None:
    first, second = (dict(PASSWORD.findall(app_mono("cluster-config", "n1", "n2").stdout)) for _ in range(2))

    assert first.keys() == second.keys() == {"sip", "node", "admin"}
    assert not {*first.values()} & {*second.values()}


def test_without_a_node_nodes_says_so(tmp_path: Path) -> None:
    with Servers(tmp_path) as servers:
        urls = ",".join(servers.urls("admin"))
        said, as_json = app_mono("nodes", "--nats", urls), app_mono("nodes", "--nats", urls, "--json")

    assert (said.returncode, said.stdout) == (1, "no node answers\n")
    assert (as_json.returncode, json.loads(as_json.stdout)) == (1, [])


def test_without_a_server_nodes_says_so_in_one_line() -> None:
    said = app_mono("nodes", "--nats", f"nats://admin:x@127.0.0.1:{free_tcp_port()}")

    assert said.returncode == 2
    assert "there is no connection to NATS" in said.stderr


def test_a_node_of_its_own_settings_needs_a_worker(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text('nats = ["nats://node:x@n1"]\nmax_workers = 0\n', "utf-8")

    said = app_mono("node", "--config", str(config))

    assert said.returncode == 2
    assert "max_workers: a node needs at least 1, 0 came" in said.stderr


@pytest.fixture(scope="module")
def with_a_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    place = tmp_path_factory.mktemp("node")
    with Servers(place) as servers, RunningNode(place, "one", servers.urls("node"), "max_workers = 2") as node:
        node.await_start()
        yield servers


def told(servers: Servers, *options: str) -> str:
    """What ``app-mono nodes`` prints once the node has answered, which takes a busy machine more than a moment."""
    urls, said = ",".join(servers.urls("admin")), list[str]()

    def answers() -> bool:
        done = app_mono("nodes", "--nats", urls, *options)
        said[:] = [done.stdout]
        return done.returncode == 0

    until(answers, "the node answers")
    return said[0]


def test_the_table_of_nodes_has_their_workers_and_leases(with_a_node: Servers) -> None:
    head, row = told(with_a_node).splitlines()

    assert head.split() == ["node", "process", "up", "workers", "leased", "leases", "lost", "builds", "state"]
    columns = [row[head.index(name) :].split("  ")[0] for name in ("node", "leased", "leases", "lost", "state")]
    assert columns == ["one", "0", "0", "0", "serves"]
    assert re.search(r"[0-2] of 2 mono free", row)


def test_the_counters_of_nodes_are_one_json_array(with_a_node: Servers) -> None:
    (node,) = json.loads(told(with_a_node, "--json"))

    assert {name: node[name] for name in ("name", "leased", "leases", "lost", "refused", "builds", "hosts")} == {
        **dict.fromkeys(("leased", "leases", "lost", "refused", "builds"), 0),
        "name": "one",
        "hosts": [],
    }
    assert node["places"]["mono"] == 2
    assert node["is_draining"] is False
