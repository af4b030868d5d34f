"""runner.worker.sandbox: the wall around a worker, and that everything else works as without it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script
from runner.client.lease import Lease
from runner.errors import ConfigError, ExecTimeout, RunnerError, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.runner import ExecResult, Runner
from runner.settings import Settings
from runner.worker import sandbox
from tests.places import INVITE, SHELF
from tests.programs import WAIT_S, needs_bwrap, until
from tests.running_daemon import RunningDaemon, compiled
from tests.shelf import said
from tests.worker.workers import await_stacks

if TYPE_CHECKING:
    from collections.abc import Iterator

WALLED = Settings(
    sandbox="bwrap",
    num_workers=1,
    spare_workers=0,
    exec_timeout_s=WAIT_S,
    first_exec_timeout_s=1.0,
    allocate_timeout_s=WAIT_S,
    max_open_files=64,
)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Runner]:
    await_stacks(monkeypatch, caplog, r"NeverReturns\.Main")
    with Runner(WALLED) as running:
        yield running


def on_shelf(runner: Runner, name: str, timeout_s: float = WAIT_S) -> ExecResult:
    return runner.mono_exec(compile_script(SHELF / f"{name}.cs"), host=MessageHost(INVITE), timeout_s=timeout_s)


def failure(result: ExecResult) -> RunnerError:
    assert result.error is not None
    return result.error


def pid_of(runner: Runner) -> int:
    (pid,) = runner.snapshot().pids
    return pid


def wall(pid: int) -> str:
    """An identifier that the processes in one sandbox share; "" when the process has ended."""
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/cmdline").read_bytes():  # otherwise it is a zombie that waits to be reaped
            return str(Path(f"/proc/{pid}/ns/pid").readlink())
    return ""


def behind(which: str) -> list[int]:
    """The processes in a sandbox."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if wall(int(entry.name)) == which]


@needs_bwrap
def test_a_script_can_read_the_machine_and_change_only_its_own_directory(runner: Runner, tmp_path: Path) -> None:
    name = f"app-mono-test-{os.getpid()}"
    body = (
        'Core.Log(1, System.IO.File.Exists("/etc/passwd") + " "); '
        'foreach (string place in new[] {"/etc", "/var/tmp", "/run", "/dev", "../..", "/tmp", "."}) '
        f'try {{ System.IO.File.WriteAllText(place + "/{name}", ""); Core.Log(1, place + " "); }} '
        "catch (System.IO.IOException) { } catch (UnauthorizedAccessException) { }"
    )

    assert said(runner, tmp_path, body) == "True /tmp . "
    assert not Path("/tmp", name).exists()  # noqa: S108  # the script's was another one


@needs_bwrap
def test_a_script_sees_no_other_process_no_network_no_sockets_and_no_other_worker(
    runner: Runner, tmp_path: Path
) -> None:
    body = (
        'int pids = 0, number; foreach (string path in System.IO.Directory.GetDirectories("/proc")) '
        "if (int.TryParse(System.IO.Path.GetFileName(path), out number)) pids++; "
        'Core.Log(1, pids + " processes, "); '
        "foreach (var net in System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()) "
        'Core.Log(1, net.Name + ", "); '
        'Core.Log(1, System.IO.Directory.GetFileSystemEntries("/run").Length + ", "); '
        'foreach (string path in System.IO.Directory.GetDirectories("../..")) '
        "Core.Log(1, System.IO.Path.GetFileName(path).Split('-')[0] + \" \");"
    )

    told = said(runner, tmp_path, body)

    assert told.startswith("2 processes, lo, 0, ")
    assert sorted(told.removeprefix("2 processes, lo, 0, ").split()) == ["blobs", "bridge", "worker"]


@needs_bwrap
@pytest.mark.parametrize("depth", [0, -2])
def test_files_beside_a_script_can_be_read_wherever_script_dirs_lie(tmp_path: Path, depth: int) -> None:
    """The second-to-last of the parents also contains the runner's own directory."""
    (tmp_path / "numbers.txt").write_text("7", "ascii")
    body = f'Core.Log(1, System.IO.File.ReadAllText("{tmp_path}/numbers.txt"));'

    with Runner(Settings(**WALLED.model_dump() | {"script_dirs": [(tmp_path, *tmp_path.parents)[depth]]})) as runner:
        assert said(runner, tmp_path, body) == "7"


@needs_bwrap
def test_limits_and_privileges_are_the_same_as_without_a_sandbox(runner: Runner) -> None:
    limits = Path(f"/proc/{pid_of(runner)}/limits").read_text(encoding="ascii")
    tasks = Path(f"/proc/{pid_of(runner)}/task").iterdir()
    statuses = [(task / "status").read_text(encoding="ascii") for task in tasks]

    assert "Max core file size        0                    0 " in limits
    assert "Max open files            64                   64 " in limits
    assert len(statuses) > 1
    assert all("NoNewPrivs:\t1\n" in status for status in statuses)
    assert all("CapEff:\t0000000000000000\n" in status for status in statuses)


@needs_bwrap
def test_the_measured_memory_is_that_of_mono(runner: Runner) -> None:
    with runner.pools.of("mono").pool.lease(None, time.monotonic() + WAIT_S) as worker:
        name = Path(f"/proc/{worker.pid}/comm").read_text(encoding="ascii")
        rss_kib = worker.rss_kib()

    assert name == "mono\n"
    assert rss_kib > 10 * 1024  # each process of bwrap has 2 MiB


@needs_bwrap
def test_a_script_that_loops_leaves_only_its_managed_stacks(runner: Runner, caplog: pytest.LogCaptureFixture) -> None:
    walled = wall(pid_of(runner))

    error = failure(on_shelf(runner, "NeverReturns", timeout_s=2.0))

    assert isinstance(error, ExecTimeout)
    until(lambda: behind(walled) == [], "it got the time of a first run, and is ended")
    assert "NeverReturns.Main" in caplog.text


@needs_bwrap
@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGKILL, signal.SIGTERM])
def test_the_signal_that_ended_a_script_is_reported(runner: Runner, tmp_path: Path, number: signal.Signals) -> None:
    body = (
        f'static int Main() {{ System.Diagnostics.Process.Start("/bin/sh", "-c \\"kill -{number.value} $PPID\\""); '
        "Thread.Sleep(60000); return 0; }"
    )

    error = failure(runner.mono_exec(compiled(tmp_path, "Ends", body), host=MessageHost(INVITE)))

    assert isinstance(error, WorkerDied)
    assert error.exit_code == -number


@needs_bwrap
def test_the_exit_code_of_a_script_is_its_result(runner: Runner, tmp_path: Path) -> None:
    body = "static int Main() { Environment.Exit(137); return 0; }"

    result = runner.mono_exec(compiled(tmp_path, "Exits", body), host=MessageHost(INVITE))

    assert (result.exit_code, result.error) == (137, None)


@needs_bwrap
def test_the_death_of_a_worker_is_seen_at_once_though_its_child_lives(runner: Runner, tmp_path: Path) -> None:
    """The processes of bwrap used to hold the wire open for as long as a child of the script lived."""
    body = (
        'static int Main() { System.Diagnostics.Process.Start("/bin/sleep", "1000"); '
        'Environment.FailFast("now"); return 0; }'
    )
    walled = wall(pid_of(runner))

    error = failure(runner.mono_exec(compiled(tmp_path, "Dies", body), host=MessageHost(INVITE)))

    assert isinstance(error, WorkerDied)
    until(lambda: behind(walled) == [], "its child has ended, too")


@needs_bwrap
def test_a_child_that_left_its_group_ends_with_the_worker(tmp_path: Path) -> None:
    with Runner(WALLED) as runner:
        said(runner, tmp_path, 'System.Diagnostics.Process.Start("/usr/bin/setsid", "/bin/sleep 1000");')
        walled = wall(pid_of(runner))
        until(lambda: len(behind(walled)) == 3, "the child runs beside mono and process 1")

    until(lambda: behind(walled) == [], "all of it has ended")


@needs_bwrap
def test_a_worker_and_what_its_script_started_end_with_the_wire(runner: Runner, tmp_path: Path) -> None:
    said(runner, tmp_path, 'System.Diagnostics.Process.Start("/bin/sleep", "1000");')
    slot = runner.pools.of("mono").pool.acquire(None, time.monotonic() + WAIT_S)
    walled = wall(slot.living.pid)

    slot.living.lend().close()

    until(lambda: behind(walled) == [], "all of it ends")
    runner.pools.of("mono").pool.release(slot, survives=False)


@needs_bwrap
def test_a_worker_lives_on_when_its_daemon_dies(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, f'sandbox = "bwrap"\nallocate_timeout_s = {WAIT_S}') as daemon:
        script = compiled(daemon.scripts, "Seven", "static int Main() { return 7; }")
        lease = Lease(str(daemon.socket))

        def run() -> int | None:
            return lease.exec(str(script), None, MessageHost(INVITE), time.monotonic() + WAIT_S).code

        before = run()
        daemon.kill()
        codes = [run() for _ in range(20)]
        lease.close()

    assert before == 7
    assert codes == [7] * 20


def test_a_missing_bwrap_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigError, match='sandbox = "bwrap": bwrap is not installed: apt-get install bubblewrap'):
        Runner(Settings(sandbox="bwrap")).__enter__()


def test_an_error_of_bubblewrap_is_reported_in_its_own_words(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n", "ascii")
    program.chmod(0o700)

    assert sandbox.trouble(str(program)) == "bwrap: No permissions to create a new namespace"
    assert sandbox.trouble("/bin/true") == ""
