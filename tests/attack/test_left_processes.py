"""Processes that scripts start to outlive their workers: none is left in the unit of a daemon that is stopped."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.daemon import systemd
from tests import running_daemon as daemons
from tests.attack.users import as_root
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.calls import Host

# Each leaves its worker's process group: one by itself, and one through a parent that has ended.
HIDES = (
    "static int Main() { "
    'System.Diagnostics.Process.Start("/usr/bin/setsid", "/bin/sleep 1000").WaitForExit(100); '
    'System.Diagnostics.Process.Start("/bin/sh", "-c \\"setsid sh -c \'trap : TERM INT HUP; sleep 1000; sleep 1000\' & '
    'exit 0\\"").WaitForExit(); return 7; }'
)
# As systemd starts the main process of a unit: in its cgroup, and with its pid in SYSTEMD_EXEC_PID.
AS_UNIT = 'echo $$ > "$0/cgroup.procs"; SYSTEMD_EXEC_PID=$$ exec "$@"'
AS_CHILD = 'echo $$ > "$0/cgroup.procs"; SYSTEMD_EXEC_PID=$PPID exec "$@"'


class NoHost:
    """A host of which the script asks nothing."""

    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


NO_HOST: Host = NoHost()  # type: ignore[assignment]


@pytest.fixture
def group() -> Iterator[Path]:
    """A cgroup that is named like that of a unit."""
    lines = (line.split() for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines())
    mounted = [fields[4] for fields in lines if "cgroup2" in fields[fields.index("-") :]]
    if not mounted:
        pytest.skip("there is no cgroup of version 2: mount one, or run on a machine with systemd")
    place = Path(mounted[0]) / f"app-mono-test-{os.getpid()}.service"
    try:
        place.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made in {mounted[0]}: {error.strerror}; run as root")
    try:
        yield place
    finally:
        for pid in members(place):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: is_removed(place), "its processes have ended")


def is_removed(group: Path) -> bool:
    """Whether it could be removed. For a while the kernel keeps processes in it that it no longer lists."""
    try:
        group.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def members(group: Path) -> list[int]:
    return [int(pid) for pid in (group / "cgroup.procs").read_text("ascii").split()]


def sleepers(group: Path) -> list[int]:
    """The processes in the cgroup that are neither the daemon nor a worker."""
    found = []
    for pid in members(group):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text("utf-8").strip() in {"sleep", "sh", "setsid"}:
                found.append(pid)
    return found


@contextlib.contextmanager
def running(directory: Path, group: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningDaemon]:
    """A daemon in that cgroup, whose script has hidden processes."""
    command = ["/bin/sh", "-c", how, str(group), *daemons.COMMAND]
    with monkeypatch.context() as patch:
        patch.setattr(daemons, "COMMAND", command)
        # A busy machine may not be done with all of them in the time that a daemon takes for it.
        daemon = RunningDaemon(directory, constants={"runner.cli.serve.LEFT_S": 20.0})
        daemon.start()
    with daemon_ends(daemon):
        script = compiled(daemon.scripts, "Hides", HIDES)
        lease = Lease(str(daemon.socket))
        assert lease.exec(str(script), None, NO_HOST, time.monotonic() + WAIT_S).code == 7
        until(lambda: len(sleepers(group)) >= 3, "the script's processes run")
        yield daemon
        lease.close()


@contextlib.contextmanager
def daemon_ends(daemon: RunningDaemon) -> Iterator[None]:
    try:
        yield
    finally:
        daemon.__exit__(None, None, None)


@as_root
def test_stop_ends_what_scripts_left_in_the_unit(tmp_path: Path, group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, group, AS_UNIT, monkeypatch) as daemon:
        stopped = app_mono("stop", "--socket", str(daemon.socket))

        assert stopped.returncode == 0, stopped.stderr
        assert daemon.wait() == 0
        until(lambda: not members(group), "what was killed has ended")
        assert "processes that scripts had left in the unit" in daemon.log()


@as_root
def test_a_drained_daemon_leaves_them_with_the_workers_of_its_clients(
    tmp_path: Path, group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/reliability.md says: `stop` ends them."""
    with running(tmp_path, group, AS_UNIT, monkeypatch) as daemon:
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0

        assert len(sleepers(group)) >= 3


@as_root
def test_a_daemon_that_is_not_the_main_process_of_its_unit_ends_none_of_its_processes(
    tmp_path: Path, group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a daemon that someone tries in the cgroup of a login session or of a cron job."""
    with running(tmp_path, group, AS_CHILD, monkeypatch) as daemon:
        daemon.signal(signal.SIGINT)
        assert daemon.wait() == 0

        assert len(sleepers(group)) >= 3


def test_without_systemd_there_is_no_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYSTEMD_EXEC_PID", raising=False)

    assert systemd.own_group() is None
    assert systemd.end_others(time.monotonic()) == 0


def test_the_cgroup_of_a_session_is_not_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    monkeypatch.setattr(systemd, "_name", lambda _: "/user.slice/user-0.slice/session-1.scope")

    assert systemd.own_group() is None
