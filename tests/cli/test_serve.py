"""``app-mono serve --config``: the log and the signals of its administrator; tests/daemon has what it serves."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import app_mono
from tests.programs import until
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from pathlib import Path


def test_both_ends_are_said_in_the_log_and_are_no_failure(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path) as daemon:
        for number in (signal.SIGINT, signal.SIGTERM):
            begin = len(daemon.log())
            daemon.signal(number)

            assert daemon.wait() == 0
            lines = daemon.log()[begin:].splitlines()
            assert lines[-1] == "ended"
            assert any(line.startswith("drained: ") for line in lines) is (number is signal.SIGTERM)
            daemon.start()


def test_on_hup_settings_that_are_wrong_are_named_and_the_old_ones_stay(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path) as daemon:
        daemon.config.write_text("max_worker = 3\n", "utf-8")
        daemon.signal(signal.SIGHUP)
        until(lambda: "the old settings stay: " in daemon.log(), "the daemon has read them")

        assert "did you mean max_workers?" in daemon.log()
        assert app_mono("status", "--socket", daemon.socket).returncode == 0


def test_a_log_file_that_cannot_be_made_is_a_mistake_of_one_line(tmp_path: Path) -> None:
    config = tmp_path / "app-mono.toml"
    config.write_text(f'script_dirs = ["{tmp_path}"]\nlog_file = "{tmp_path}/none/x.log"\n', "utf-8")

    done = app_mono("serve", "--config", config)

    assert (done.returncode, done.stderr) == (2, f"error: log_file {tmp_path}/none/x.log: No such file or directory\n")


@pytest.mark.parametrize(
    ("name", "why"),
    [("None.exe", "there is no such file"), ("Route.cs", "expected a name that ends in .exe, .dll,")],
)
def test_a_load_that_cannot_be_run_is_named_with_its_setting(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "Route.cs").touch()
    daemon = RunningDaemon(tmp_path, f'load = "{tmp_path}/{name}"')
    daemon.config.write_text(daemon.config.read_text("utf-8").replace("/scripts", ""), "utf-8")

    done = app_mono("serve", "--config", daemon.config)

    assert done.returncode == 2
    assert f"error: load: expected a script that can be run: {tmp_path}/{name}: {why}" in done.stderr


def test_lines_for_a_full_file_system_go_to_standard_error(tmp_path: Path) -> None:
    """/dev/full refuses each write as such a file system does."""
    with RunningDaemon(tmp_path, 'log_file = "/dev/full"') as daemon:
        daemon.signal(signal.SIGHUP)

        until(lambda: " WARNING runner.daemon: settings read again\n" in daemon.stderr(), "the line is written")


def test_the_line_after_the_log_s_directory_has_gone_is_not_lost_and_ends_nothing(tmp_path: Path) -> None:
    """WatchedFileHandler makes the file again, and raises where it cannot."""
    place = tmp_path / "log"
    place.mkdir()
    with RunningDaemon(tmp_path, f'log_file = "{place}/x.log"', log_file=place / "x.log") as daemon:
        place.rename(tmp_path / "moved")

        done = app_mono("reload", "--socket", daemon.socket)

        assert done.returncode == 0
        assert "settings read again" in daemon.stderr()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


def test_for_the_journal_each_line_begins_with_its_level(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, env={"JOURNAL_STREAM": "8:1"}) as daemon:
        assert "\n<4>serving " in f"\n{daemon.log()}"
        assert all(line.startswith("<") for line in daemon.log().splitlines())
