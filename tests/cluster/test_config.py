"""runner.cluster.config: the configuration of nats-server."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from runner.cluster.config import configuration
from tests.cluster.servers import NATS_SERVER, PASSWORD
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path


def test_nats_server_takes_the_configuration_of_one_and_of_three(tmp_path: Path) -> None:
    file = tmp_path / "nats.conf"
    for servers in ([], ["n1"], ["n1", "n2", "n3"]):
        file.write_text(configuration(servers), "utf-8")

        checked = subprocess.run(
            [str(NATS_SERVER), "-t", "-c", str(file)], capture_output=True, text=True, timeout=WAIT_S, check=False
        )

        assert checked.returncode == 0, checked.stderr


def test_each_user_has_a_password_of_its_own_and_each_configuration_new_ones() -> None:
    first, second = (dict(PASSWORD.findall(configuration([]))) for _ in range(2))

    assert first.keys() == {"sip", "node", "admin"}
    assert len({*first.values(), *second.values()}) == 6


def test_all_servers_are_in_the_routes() -> None:
    assert re.search(r'routes: \["nats://a:6222", "nats://b:6222"\]', configuration(["a", "b"]))
    assert "routes" not in configuration(["a"])
