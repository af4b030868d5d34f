"""What the commands that talk to a daemon print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.running_daemon import RunningDaemon, app_mono

if TYPE_CHECKING:
    from pathlib import Path


def test_reload_names_what_takes_a_restart_and_what_kamailio_has_to_read_again(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path) as daemon:
        text = daemon.config.read_text("utf-8")
        changed = f'{text}mono = "mono "\nexec_timeout_s = 0.3\non_busy = true\nmax_workers = 5\n'
        daemon.config.write_text(changed, "utf-8")
        first = app_mono("reload", "--socket", str(daemon.socket))
        daemon.config.write_text(changed.replace("max_workers = 5", "max_workers = 6"), "utf-8")
        second = app_mono("reload", "--socket", str(daemon.socket))
        log = daemon.log()

    done, late, elsewhere = first.stdout.splitlines()
    assert done == "settings read again"
    assert late == "changed, and counts after a restart of the daemon: mono"
    assert elsewhere.startswith("changed, and counts in Kamailio after kamcmd app_python.reload (")
    assert elsewhere.endswith(": exec_timeout_s, on_busy")
    assert "only after a restart: mono; in Kamailio after app_python.reload: exec_timeout_s, on_busy" in log
    assert "exec_timeout_s" not in second.stdout


def test_a_daemon_with_settings_of_an_earlier_version_starts_and_says_what_became_of_them(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, 'load_timeout_s = 3\nmax_jobs_jitter = 0.2\non_true = "drop"') as daemon:
        assert "load_timeout_s: remove it, it has no effect any more: first_exec_timeout_s" in daemon.log()
        assert "on_true: move it to the table [listener]" in daemon.log()
