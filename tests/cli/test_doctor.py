"""What ``app-mono doctor`` checks, and what it says of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from runner.cli import doctor
from runner.machine import checks as checks_of_machine
from tests.cli.commands import app_mono
from tests.running_daemon import RunningDaemon

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


def checks(told: str) -> dict[str, tuple[str, str]]:
    """What it says with --json: the verdict and the text of each check."""
    return {check["check"]: (check["verdict"], check["text"]) for check in json.loads(told)["checks"]}


def test_with_wrong_settings_the_rest_is_checked_and_no_worker_started(tmp_path: Path) -> None:
    config = tmp_path / "app-mono.toml"
    config.write_text("max_worker = 3\n", "utf-8")

    done = app_mono("doctor", "--json", "--config", config)

    told = checks(done.stdout)
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)
    assert told["settings"][0] == "bad"
    assert "did you mean max_workers?" in told["settings"][1]
    assert told["worker"] == ("bad", "not tried: fix the settings first")
    assert told["mono"][0] == told["SR.dll"][0] == "ok"
    assert "limits" not in told


def test_a_daemon_that_runs_is_asked_for_its_users(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "max_workers = 3") as daemon:
        done = app_mono("doctor", "--json", "--config", daemon.config)

    assert checks(done.stdout)["daemon"] == ("ok", f"{daemon.socket}: 0 processes run scripts, max_workers 3")


def test_data_in_an_unquoted_path_of_this_machine_s_cfg_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = tmp_path / "kamailio.cfg"
    cfg.write_text('route {\n\tpython_exec("mono_exec", "/etc/kamailio/mono/$rU.exe");\n}\n', "utf-8")
    monkeypatch.setattr(checks_of_machine, "KAMAILIO_CFGS", (str(tmp_path / "none.cfg"), str(cfg)))

    is_fine = doctor.examine(None, as_json=True)

    verdict, text = checks(capsys.readouterr().out)["cfg"]
    assert is_fine
    assert verdict == "none"
    assert text.startswith(f"{cfg}:2: ")


def test_a_directory_that_cannot_be_written_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = app_mono("doctor", "--json", XDG_CACHE_HOME=str(tmp_path / "file"))

    verdict, text = checks(done.stdout)["cache"]
    assert (done.returncode, verdict) == (1, "bad")
    assert text.startswith(f"{tmp_path}/file/app-mono cannot be written (")
    assert text.endswith("set XDG_CACHE_HOME to one that can")
