"""Runners and daemons leave nothing of the directories that scripts fill, even when they could not end properly."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.worker import rundir
from runner.worker.remove import NOT_DONE
from tests.attack.users import User, as_root, new_user
from tests.places import ROOT
from tests.programs import WAIT_S, needs_bwrap, until
from tests.running_daemon import RunningDaemon, compiled
from tests.worker.test_remove import DEPTH, MEMORY, NOBODYS, nest, on_a_path, removed

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nests directories, makes one that nobody may list with something in it, and links that lead out.
NESTS = (
    '[System.Runtime.InteropServices.DllImport("libc")] static extern int mkdir(string path, int mode); '
    '[System.Runtime.InteropServices.DllImport("libc")] static extern int chmod(string path, int mode); '
    '[System.Runtime.InteropServices.DllImport("libc")] static extern int chdir(string path); '
    '[System.Runtime.InteropServices.DllImport("libc")] static extern int symlink(string to, string path); '
    "static int Main(string[] args) { "
    'mkdir("closed", 448); mkdir("closed/inner", 448); symlink(args[0], "out"); chmod("closed", 0); '
    f'for (int i = 0; i < {DEPTH}; i++) {{ mkdir("deep", 448); symlink(args[0], "out"); chdir("deep"); }} '
    "return 7; }"
)

CLIENT = """
import sys, time
from runner.client.lease import Lease
from runner.calls import Host
class Quiet(Host):
    def __getattr__(self, name):
        raise AttributeError(name)
lease = Lease(sys.argv[1])
print(lease.exec(sys.argv[2], sys.argv[3], Quiet(), time.monotonic() + 20).code)
lease.close()
"""
IMPORTS = """
import sys
sys.path.append(sys.argv[1])
import runner.cli.app
"""
REMOVAL_S = 20.0  # a busy machine may take longer than a daemon waits for it
DAEMON = f"""
import os, sys
site, config, os.environ["TMPDIR"] = sys.argv[1:]
sys.path.append(site)
os.environ["XDG_CACHE_HOME"] = os.environ["HOME"] + "/cache"
sys.argv[1:] = ["serve", "--config", config]
from runner.cli import main
from runner.worker import rundir
rundir.END_S = rundir.SWEEP_S = {REMOVAL_S}
main()
"""
PATIENT = {f"runner.worker.rundir.{name}": REMOVAL_S for name in ("END_S", "SWEEP_S")}
SITE = sysconfig.get_path("purelib")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory with something in it that has to stay."""
    place = tmp_path / "outside"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "file").touch()
    return place


def test_a_sweep_survives_any_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A RecursionError in the sweep used to keep the daemon from starting."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for number in range(3):
        (tmp_path / f"app-mono-{number}").mkdir()
        (tmp_path / f"app-mono-{number}" / "lock").touch()
    clear, asked = rundir._clear, []

    def fails_first(place: Path, deadline: float) -> str:
        asked.append(place)
        if len(asked) == 1:
            raise RecursionError
        return clear(place, deadline)

    monkeypatch.setattr(rundir, "_clear", fails_first)

    with rundir.run_directory() as own:
        assert sorted(tmp_path.iterdir()) == sorted([asked[0], own])
    assert [record.message for record in caplog.records] == [f"{asked[0]}: cannot be removed"]


def test_a_directory_that_a_runner_leaves_keeps_its_lock_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(rundir, "END_S", 0.0)
    with rundir.run_directory() as place:
        nest(place, 10, "d")
        (place / rundir.LOCK).unlink()  # as a script can that runs as the daemon's user

    assert (place / rundir.LOCK).exists()
    assert caplog.messages == [f"{place}: is left for the next start to remove: {NOT_DONE}"]
    monkeypatch.setattr(rundir, "END_S", WAIT_S)
    with rundir.run_directory():
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_long_removal_of_a_dead_runners_directory_continues_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(rundir, "SWEEP_S", 0.0)
    dead = tmp_path / "app-mono-dead"
    dead.mkdir()
    (dead / "lock").touch()
    nest(dead, 10, "d")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    with rundir.run_directory():
        until(lambda: not dead.exists(), "it is removed")

    until(lambda: len(os.listdir("/proc/self/fd")) == before, "its lock is closed")  # noqa: PTH208


@contextlib.contextmanager
def temporary(mode: int, user: User | None = None) -> Iterator[Path]:
    """A directory for temporary files outside pytest's own, which only root can enter."""
    place = Path(tempfile.mkdtemp(prefix="attack-tmp-", dir=MEMORY))
    place.chmod(mode)
    if user is not None:
        os.chown(place, user.uid, user.gid)
    try:
        yield place
    finally:
        assert removed(place) == ""


def test_masses_of_directories_with_such_names_do_not_stop_a_daemon_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(rundir, "LOOKED_AT", 3)
    for number in range(5):
        (tmp_path / f"app-mono-{number}").mkdir()
        (tmp_path / f"app-mono-{number}" / "lock").touch()

    with rundir.run_directory():
        assert len(list(tmp_path.iterdir())) == 3  # two that were not checked, and its own
    assert caplog.messages == [f"{tmp_path}: has more than 3 names like app-mono-*; the rest is not checked"]


@pytest.mark.parametrize(
    "settings",
    [
        "",
        pytest.param(f'worker_user = "{NOBODYS}"\nworker_group = {NOBODYS}', marks=as_root),
        pytest.param('sandbox = "bwrap"', marks=needs_bwrap),
    ],
    ids=["same user", "worker_user", "sandbox"],
)
def test_a_daemon_whose_script_nests_directories_ends_and_starts_again(
    tmp_path: Path, outside: Path, settings: str
) -> None:
    """It used to end with an internal error, and could not be started again."""
    before = on_a_path(outside)
    with (
        temporary(0o711) as tmp,
        RunningDaemon(tmp_path, settings, {"TMPDIR": str(tmp)}, constants=PATIENT) as daemon,
    ):
        script = compiled(daemon.scripts, "Nests", NESTS)
        for way in (signal.SIGINT, signal.SIGKILL, signal.SIGINT):
            lease = Lease(str(daemon.socket))
            done = lease.exec(str(script), str(outside), _NoHost(), time.monotonic() + WAIT_S)  # type: ignore[arg-type]
            assert done.code == 7
            lease.close()
            daemon.signal(way)
            assert daemon.wait() == (0 if way is signal.SIGINT else -way)
            daemon.start()
        daemon.signal(signal.SIGINT)
        assert daemon.wait() == 0
        log = daemon.log()
        left = list(tmp.iterdir())

    assert "internal error" not in log
    assert left == []
    assert on_a_path(outside) == before


class _NoHost:
    """A host of which the script asks nothing."""

    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


def listens(path: Path) -> bool:
    """Whether there is somebody at a socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


@as_root
def test_a_daemon_that_is_not_root_leaves_nothing_behind() -> None:
    """A directory that may not be listed used to outlive it."""
    with new_user() as user, temporary(0o700, user) as tmp:
        tried = subprocess.run(
            ["/usr/bin/python3", "-c", IMPORTS, SITE], user=user.uid, group=user.gid, extra_groups=[],
            cwd=user.home, env={"PYTHONPATH": str(user.home)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if tried.returncode:
            pytest.skip(f"an ordinary user's /usr/bin/python3 cannot use the packages in {SITE}: {tried.stderr[-200:]}")
        for name in ("lib", "bridge"):
            shutil.copytree(ROOT / name, user.home / name)
        script = compiled(user.home / "scripts", "Nests", NESTS)
        config, control = user.home / "app-mono.toml", user.home / "control.sock"
        config.write_text(f'socket = "{control}"\nscript_dirs = ["{script.parent}"]\n', "utf-8")
        for path in (script.parent, script, config):
            os.chown(path, user.uid, user.gid)
        for way in (signal.SIGINT, signal.SIGKILL, signal.SIGINT):
            with user.start(DAEMON, SITE, str(config), str(tmp)) as daemon:
                until(lambda: listens(control), "the daemon listens")  # the one that was killed left the file
                assert user.run(CLIENT, str(control), str(script), "/etc") == "7\n"
                daemon.send_signal(way)
                printed, _ = daemon.communicate(timeout=WAIT_S)
                assert daemon.returncode == (0 if way is signal.SIGINT else -way), printed
                assert "cannot be removed" not in printed
                assert "is left" not in printed
                assert "internal error" not in printed
            if way is signal.SIGKILL:
                control.unlink()
        left = sorted(map(str, tmp.rglob("*")))

    assert left == []
