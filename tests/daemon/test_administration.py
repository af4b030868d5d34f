"""A daemon and its administrator: settings, directories, the socket, who may come in."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptInvalid
from tests.daemon.leases import RETURNS, run
from tests.programs import MCS, WAIT_S, until
from tests.running_daemon import RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from runner.client.lease import Lease


@pytest.mark.parametrize("where", ["elsewhere", "extension", "symlink", "linked directory", "writable", "directory"])
def test_only_files_under_script_dirs_may_run(
    shared: RunningDaemon, borrower: Lease, where: str, tmp_path: Path
) -> None:
    outside = compiled(tmp_path / "outside", "Out", RETURNS.format(0))
    place = shared.scripts / where
    inside = compiled(place, "In", RETURNS.format(0))
    match where:
        case "elsewhere":
            path, why = outside, "is not in a directory of script_dirs"
        case "extension":
            path, why = inside.rename(inside.with_suffix(".txt")), "expected a name that ends in"
        case "symlink":
            path, why = place / "Link.exe", "really"
            path.symlink_to(outside)
        case "linked directory":
            path, why = place / "link" / outside.name, "really"
            path.parent.symlink_to(outside.parent)
        case "directory":
            path, why = inside, f"{inside.parent} belongs to .* and has mode 0777.*chmod go-w {inside.parent}"
            path.parent.chmod(0o777)
        case _:
            path, why = inside, "mode 0666.*chmod go-w"
            path.chmod(0o666)

    with pytest.raises(ScriptInvalid, match=why):
        run(borrower, path)


def test_a_script_whose_helper_everybody_may_write_to_is_refused(shared: RunningDaemon, borrower: Lease) -> None:
    """Only the script itself was looked at."""
    compiled(shared.scripts, "H", "public static int Value() { return 7; } static void Main() {}")
    helper = (shared.scripts / "H.exe").rename(shared.scripts / "H.dll")
    source = shared.scripts / "Uses.cs"
    source.write_text("public class Uses { static int Main() { return H.Value(); } }\n", "utf-8")
    subprocess.run([MCS, f"-r:{helper}", f"-out:{shared.scripts / 'Uses.exe'}", str(source)], check=True)

    helper.chmod(0o646)
    with pytest.raises(ScriptInvalid, match=r"mode 0646.*chmod go-w"):
        run(borrower, shared.scripts / "Uses.exe")
    helper.chmod(0o644)

    assert run(borrower, shared.scripts / "Uses.exe") == 7


def test_a_daemon_without_script_dirs_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "app-mono.toml"
    config.write_text(f'socket = "{tmp_path}/c.sock"\n', "utf-8")

    told = app_mono("serve", "--config", str(config))

    assert told.returncode == 2
    assert "a daemon needs script_dirs" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_second_daemon_refuses_a_live_socket_and_replaces_a_stale_one(daemon: RunningDaemon) -> None:
    told = app_mono("serve", "--config", str(daemon.config))
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    stale = daemon.socket.is_socket()
    daemon.start()

    assert told.returncode == 2
    assert "another daemon listens there" in told.stderr
    assert stale
    assert daemon.status()["pid"] == daemon.pid


def test_the_socket_has_the_mode_that_is_set(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, 'socket_mode = "0600"') as daemon:
        assert daemon.socket.stat().st_mode & 0o777 == 0o600


def test_settings_are_read_anew_on_hup_and_on_request(daemon: RunningDaemon) -> None:
    daemon.config.write_text(daemon.config.read_text("utf-8") + "max_workers = 9\n", "utf-8")
    told = app_mono("reload", "--socket", str(daemon.socket))
    by_request = daemon.status()["max_workers"]
    daemon.config.write_text(daemon.config.read_text("utf-8").replace("= 9", "= 7") + 'mono = "other"\n', "utf-8")
    daemon.signal(signal.SIGHUP)

    assert told.returncode == 0
    assert by_request == 9
    until(lambda: "only after a restart: mono" in daemon.log(), "HUP was heard")
    assert daemon.status()["max_workers"] == 7


def test_settings_that_are_wrong_leave_the_old_ones(daemon: RunningDaemon) -> None:
    daemon.config.write_text("max_workers = none\n", "utf-8")

    told = app_mono("reload", "--socket", str(daemon.socket))

    assert told.returncode == 2
    assert "expected TOML" in told.stderr
    assert daemon.status()["max_workers"] == 4


def test_the_log_file_may_be_moved_away(tmp_path: Path) -> None:
    log = tmp_path / "app-mono.log"
    daemon = RunningDaemon(tmp_path, f'log_file = "{log}"')
    daemon._log = log
    with daemon:
        log.rename(tmp_path / "app-mono.log.1")
        app_mono("reload", "--socket", str(daemon.socket))

        assert "settings read again" in log.read_text("utf-8")


def test_without_a_daemon_commands_say_how_to_start_one(tmp_path: Path) -> None:
    told = app_mono("status", "--socket", str(tmp_path / "none.sock"))

    assert told.returncode == 2
    assert "app-mono serve --config" in told.stderr


@pytest.mark.parametrize(
    "garbage", [b"\n", b"{}\n", b"nonsense\n", b"[" * 100_000 + b"\n", b"x" * 2_000_000, b"\xff\n"]
)
def test_garbage_ends_that_connection_only(shared: RunningDaemon, garbage: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(WAIT_S)
        sock.connect(str(shared.socket))
        try:
            sock.sendall(garbage)
            rest = sock.recv(4096)
        except (BrokenPipeError, ConnectionResetError):
            rest = b""

    assert rest == b""
    until(lambda: shared.status()["clients"] == 1, "only the one that asks is left")


@pytest.mark.parametrize("groups", [[], ["daemon"]])
def test_a_client_of_another_user_is_refused_unless_it_is_in_the_group(groups: list[str]) -> None:
    """
    Whatever the mode of the socket is: the kernel tells who connects.

    A supplementary group never counted: Python's getsockopt refused the length that was asked for.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can start a client of another user: run the tests as root")
    with (
        tempfile.TemporaryDirectory() as name,  # pytest's own are closed to others by each run of it
        RunningDaemon(Path(name), 'socket_mode = "0666"\nsocket_group = "daemon"') as daemon,
    ):
        Path(name).chmod(0o755)
        program = (
            "import contextlib, socket, sys\n"
            "sock = socket.socket(socket.AF_UNIX)\nsock.settimeout(20)\nsock.connect(sys.argv[1])\n"
            "with contextlib.suppress(BrokenPipeError):\n"
            ' sock.sendall(b\'{"jsonrpc":"2.0","id":1,"method":"status"}\\n\')\n'
            "print(sock.recv(4096).decode())\n"
        )
        told = subprocess.run(
            ["/usr/bin/python3", "-c", program, str(daemon.socket)],
            user="nobody",
            group="nogroup",
            extra_groups=groups,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=True,
        )

        assert ("nor in the group" in told.stdout) is not bool(groups)
        assert ('"script_dirs"' in told.stdout) is bool(groups)
