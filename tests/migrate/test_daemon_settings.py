"""runner.migrate.daemon_settings: the app-mono.toml that goes with a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.migrate.configurations import changed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "workers"),
    [
        ("mono_run();", 8 + 8 + 1),
        ("children=4\nmono_run();", 4 + 4 + 1),
        ("children=4\ndisable_tcp=yes\nlisten=udp:127.0.0.1:5060\nlisten=127.0.0.2\nmono_run();", 2 * 4 + 1),
        ("children=4\ntcp_children=3\nlisten=udp:eth0\nlisten=tcp:eth0\nmono_run();", 4 + 3 + 1),
    ],
)
def test_there_is_a_worker_for_every_process_that_runs_scripts(tmp_path: Path, text: str, workers: int) -> None:
    _, found = changed(tmp_path, text)

    assert f"max_workers = {workers}" in found.settings.splitlines()
