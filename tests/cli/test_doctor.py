"""What ``app-mono doctor`` checks, and what it says of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import app_mono

if TYPE_CHECKING:
    from pathlib import Path


def test_doctor_finds_nothing_to_mend_here() -> None:
    done = app_mono("doctor")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SR, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null" in done.stdout
    assert "FIX" not in done.stdout


def test_doctor_says_how_to_mend_what_is_missing(tmp_path: Path) -> None:
    done = app_mono("doctor", PATH=str(tmp_path))

    assert done.returncode == 1
    assert "apt-get install --no-install-recommends mono-runtime" in done.stdout
    assert "apt-get install --no-install-recommends mono-mcs" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only a daemon of root needs worker_user: run as root")
@pytest.mark.parametrize(("line", "is_told"), [("", True), ('worker_user = "root"\n', False)])
def test_doctor_tells_root_that_its_daemon_needs_a_user_for_scripts(
    tmp_path: Path, line: str, *, is_told: bool
) -> None:
    config = tmp_path / "app-mono.toml"
    config.write_text(f'{line}socket = "{tmp_path}/c.sock"\nscript_dirs = ["{tmp_path}"]\n', "utf-8")

    told = json.loads(app_mono("doctor", "--json", "--config", str(config)).stdout)

    (daemon,) = [check["text"] for check in told["checks"] if check["check"] == "daemon"]
    assert ("started by root it needs worker_user" in daemon) is is_told
