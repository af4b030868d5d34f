"""One set of scripts and messages with a worker of this machine and with one of a node; nothing may differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cluster.conftest import only_long
from tests.kamailio.routes import Place, built_for_app_mono, logged, needs_app_mono, ours, place, running
from tests.kamailio.test_parity import CALLS, MESSAGES, OUR_SCRIPT, PATIENT, SCRIPTS, Came, exchange
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.conftest import Cluster

__all__ = ["place"]
pytestmark = only_long


def came(place: Place, directory: Path, name: str, settings: str, call: str) -> tuple[Came, list[str]]:
    """What the caller and the log got."""
    with RunningDaemon(directory, f"{settings}\n{PATIENT}") as daemon:
        cfg = ours(OUR_SCRIPT, CALLS[call][1], place.sink.port, place.port)
        env = {"APP_MONO_CONFIG": str(daemon.config)}
        with running(cfg, directory / name, place.port, env) as kamailio:
            return exchange(place), logged(kamailio)


@needs_app_mono
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_does_the_same_on_a_node(cluster: Cluster, place: Place, tmp_path: Path, name: str, call: str) -> None:
    script = built_for_app_mono(SCRIPTS[name], tmp_path / "scripts")
    load = f'load = "{script}"'
    urls = json.dumps(cluster.servers.urls("sip"))

    here = came(place, tmp_path, "here", load, call)
    there = came(place, tmp_path, "there", f"{load}\nmax_workers = 0\nnats = {urls}", call)

    results = [line for line in here[1] if "result of" in line]
    assert len(results) > len(MESSAGES), "every message runs the script in at least one route"
    assert there[1] == here[1]
    assert there[0] == here[0]
