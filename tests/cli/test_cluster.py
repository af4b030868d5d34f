"""runner.cli.cluster: node, nodes and cluster-config."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.commands import app_mono
from tests.cluster.servers import PASSWORD, Servers
from tests.ports import free_tcp_port

if TYPE_CHECKING:
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
