"""Workers that run as another user than their daemon: who they are, what they may read, and that everything works."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.build import compile_script
from runner.errors import ConfigError, ExecTimeout
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.runtimes.known import MONO
from runner.settings import Settings
from runner.worker import confine
from tests.places import INVITE, ROOT, SHELF
from tests.programs import WAIT_S, needs_bwrap, until
from tests.running_daemon import RunningDaemon, compiled
from tests.shelf import said
from tests.worker.workers import await_stacks, unused_uid

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODYS = 61234  # a number that no system gives to anybody

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may run workers as another user: run as root")


def settings(**more: Any) -> Settings:
    values: dict[str, Any] = {
        "worker_user": NOBODYS,
        "worker_group": NOBODYS + 1,
        "spare_workers": 0,
        "first_exec_timeout_s": 1.0,
    }
    return Settings(**values | {"exec_timeout_s": WAIT_S, "allocate_timeout_s": WAIT_S} | more)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Runner]:
    await_stacks(monkeypatch, caplog, r"NeverReturns\.Main")
    with Runner(settings()) as running:
        yield running


STATUS = 'Core.Log(1, System.IO.File.ReadAllText("/proc/self/status"));'


@as_root
def test_a_script_runs_as_the_user_and_group_that_are_set_and_in_no_other_group(tmp_path: Path) -> None:
    before = os.getgroups()
    os.setgroups([0, NOBODYS + 2])  # groups of this process that a worker must not have
    try:
        with Runner(settings()) as runner:
            status = said(runner, tmp_path, STATUS)
    finally:
        os.setgroups(before)

    assert f"Uid:\t{NOBODYS}\t{NOBODYS}\t{NOBODYS}\t{NOBODYS}\n" in status
    assert f"Gid:\t{NOBODYS + 1}\t{NOBODYS + 1}\t{NOBODYS + 1}\t{NOBODYS + 1}\n" in status
    assert re.search(r"^Groups:\s*$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)


@as_root
def test_a_named_user_has_its_own_groups_home_and_name(tmp_path: Path) -> None:
    who = confine.user(Settings(worker_user="nobody"))
    assert who is not None
    body = (
        STATUS
        + 'Core.Log(1, Environment.GetEnvironmentVariable("USER") + " " + Environment.GetEnvironmentVariable("HOME"));'
    )

    with Runner(settings(worker_user="nobody", worker_group="")) as runner:
        status = said(runner, tmp_path, body)

    assert f"Uid:\t{who.uid}\t" in status
    assert f"Gid:\t{who.gid}\t" in status
    assert status.endswith(f"nobody {who.home}")


@as_root
def test_a_script_that_only_root_can_read_runs_and_cannot_read_what_only_root_can(
    runner: Runner, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    with tempfile.NamedTemporaryFile() as secret:
        body = (
            f'try {{ Core.Log(1, System.IO.File.ReadAllText("{secret.name}")); }} '
            'catch (UnauthorizedAccessException) { Core.Log(1, "refused"); }'
        )

        assert said(runner, tmp_path, body) == "refused"


@as_root
def test_a_script_can_write_only_in_its_own_part_of_the_runners_directory(runner: Runner, tmp_path: Path) -> None:
    body = (
        'System.IO.File.WriteAllText("own", ""); '
        'foreach (string path in new[] {"../../x", "../../blobs/x", "../../bridge/SR.dll", "../../lock"}) '
        'try { System.IO.File.WriteAllText(path, ""); Core.Log(1, path); } catch (UnauthorizedAccessException) { }'
    )

    assert said(runner, tmp_path, body) == ""


@as_root
def test_a_looping_worker_of_another_user_is_asked_for_stacks_and_ended(
    runner: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    (pid,) = runner.snapshot().pids

    result = runner.mono_exec(compile_script(SHELF / "NeverReturns.cs"), host=MessageHost(INVITE), timeout_s=1.0)

    assert isinstance(result.error, ExecTimeout)
    until(lambda: "it did not end (signal SIGKILL)" in caplog.text, "it got the time of a first run, and is ended")
    assert "NeverReturns.Main" in caplog.text
    assert not Path(f"/proc/{pid}").exists()


@as_root
def test_a_script_that_starts_processes_without_end_reaches_the_limit_of_its_user(tmp_path: Path) -> None:
    body = (
        "int started = 0; try { "
        'for (; started < 100; started++) System.Diagnostics.Process.Start("/bin/sleep", "1000"); '
        '} catch (Exception) { } Core.Log(1, started < 100 ? "refused" : "not refused");'
    )

    with Runner(settings(worker_user=unused_uid(), max_processes=40)) as runner:
        assert said(runner, tmp_path, body) == "refused"


@as_root
@needs_bwrap
def test_a_sandbox_is_made_as_that_user(tmp_path: Path) -> None:
    out_of_reach = Path("/root")  # a sandbox cannot show what its user cannot reach, and need not
    with Runner(settings(sandbox="bwrap", script_dirs=[Path(tempfile.gettempdir()), out_of_reach])) as runner:
        (pid,) = runner.snapshot().pids
        status = said(runner, tmp_path, STATUS)
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")

    assert f"Uid:\t{NOBODYS}\t" in status
    assert re.search(r"^Max processes +128 +128 ", limits, re.MULTILINE)


CLIENT = """
import sys, time
from runner.client.lease import Lease
from runner.calls import Host
class Quiet(Host):
    def __getattr__(self, name):
        raise AttributeError(name)
lease = Lease(sys.argv[1])
print(lease.exec(sys.argv[2], None, Quiet(), time.monotonic() + 20).code)
"""


@as_root
def test_a_client_of_a_third_user_runs_scripts_in_a_leased_worker() -> None:
    """As in Kamailio: a daemon of root, workers of one user, and a client of another."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        shutil.copytree(ROOT / "runner", place / "runner", ignore=shutil.ignore_patterns("__pycache__"))
        values = f'worker_user = "{NOBODYS}"\nworker_group = {NOBODYS}\nsocket_owner = "nobody"\n'
        values += f"allocate_timeout_s = {WAIT_S}\n"
        directory = place / "site"
        directory.mkdir()
        with RunningDaemon(directory, values) as daemon:
            script = compiled(daemon.scripts, "Seven", "static int Main() { return 7; }")
            told = subprocess.run(
                ["/usr/bin/python3", "-c", CLIENT, str(daemon.socket), str(script)],
                user="nobody", group="nogroup", extra_groups=[], cwd=place,
                capture_output=True, text=True, timeout=WAIT_S, check=False,
            )  # fmt: skip

    assert (told.stdout, told.stderr) == ("7\n", "")


def test_processes_have_a_default_limit_where_no_others_are_counted() -> None:
    own = confine.limits(Settings(worker_user="scripts", max_workers=3), MONO)
    walled = confine.limits(Settings(sandbox="bwrap", max_workers=3), MONO)

    assert own[resource.RLIMIT_NPROC] == 3 * confine.PROCESSES_OF_A_WORKER
    assert walled[resource.RLIMIT_NPROC] == confine.PROCESSES_OF_A_WORKER
    assert resource.RLIMIT_NPROC not in confine.limits(Settings(worker_user="scripts", max_processes=0), MONO)
    assert resource.RLIMIT_NPROC not in confine.limits(Settings(), MONO)


@as_root
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"worker_user": "no-such-user"}, "worker_user: there is no user 'no-such-user'"),
        ({"worker_user": "nobody", "worker_group": "no-such"}, "worker_group: there is no group 'no-such'"),
        ({"worker_user": NOBODYS}, f"worker_group: the system does not know uid {NOBODYS}"),
        ({"worker_group": "nogroup"}, "worker_group: it has a meaning only together with worker_user"),
    ],
)
def test_an_impossible_user_or_group_is_reported_with_its_setting(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Runner(Settings(**values)).__enter__()


def test_only_root_may_set_a_user() -> None:
    before = os.geteuid()
    try:
        if before == 0:
            os.seteuid(NOBODYS)
        with pytest.raises(ConfigError, match="worker_user 'nobody': only root may run workers as another user"):
            confine.user(Settings(worker_user="nobody"))
    finally:
        os.seteuid(before)
