"""What a worker may not do, seen from inside by a script and from outside in /proc."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptError
from runner.hosts.embedded.host import MessageHost
from runner.machine.confinement import measures
from runner.runner import Runner
from runner.runtimes.known import MONO, NODE, Runtimes
from runner.settings import Settings
from runner.worker import confine
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import compiled
from tests.shelf import said

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("WANTED", "y")
    monkeypatch.setenv("LC_TIME", "C")
    values = Settings(
        worker_env=("WANTED",), max_open_files=64, spare_workers=0, exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S
    )
    with Runner(values) as running:
        yield running


def test_a_script_sees_the_variables_that_are_passed_on_and_no_others(runner: Runner, tmp_path: Path) -> None:
    body = (
        'foreach (string name in new[] {"SECRET", "WANTED", "LC_TIME", "PATH"}) '
        'Core.Log(1, name + "=" + (Environment.GetEnvironmentVariable(name) != null) + " "); '
    )

    assert said(runner, tmp_path, body) == "SECRET=False WANTED=True LC_TIME=True PATH=True "


def test_a_worker_has_its_limits() -> None:
    values = Settings(max_open_files=64, max_address_space_mib=2048, max_processes=77, spare_workers=0)
    with Runner(values) as runner:
        (pid,) = runner.snapshot().pids
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    assert re.search(r"^Max open files +64 +64 ", limits, re.MULTILINE)
    assert re.search(r"^Max address space +2147483648 +2147483648 ", limits, re.MULTILINE)
    assert re.search(r"^Max processes +77 +77 ", limits, re.MULTILINE)


def test_neither_a_thread_of_a_worker_nor_a_process_that_a_finaliser_starts_gains_privileges(
    runner: Runner, tmp_path: Path
) -> None:
    """The bridge used to set it, for its own thread only: mono's finaliser and its collector had started before."""
    told = tmp_path / "told"
    body = (
        "static int s_made; class Odd { ~Odd() { if (s_made++ == 0) "
        f'System.Diagnostics.Process.Start("cp", "/proc/self/status {told}"); }} }} '
        "static void Drop() { for (int i = 0; i < 9; i++) new Odd(); } "
        "static int Main() { var thread = new Thread(Drop); thread.Start(); thread.Join(); "
        "GC.Collect(); GC.WaitForPendingFinalizers(); return 0; }"
    )

    (pid,) = runner.snapshot().pids
    threads = {
        (task / "comm").read_text("ascii").strip(): (task / "status").read_text("ascii")
        for task in Path(f"/proc/{pid}/task").iterdir()
    }
    found = measures(runner.settings, pid)[2]

    assert runner.mono_exec(compiled(tmp_path, "Drops", body), host=MessageHost(INVITE)).ok

    assert "Finalizer" in threads
    assert [name for name, status in threads.items() if "NoNewPrivs:\t1\n" not in status] == []
    assert found.is_in_force
    until(lambda: told.exists() and "NoNewPrivs:" in told.read_text("ascii"), "the finaliser's process has looked")
    assert "NoNewPrivs:\t1\n" in told.read_text("ascii")


def test_doctor_counts_the_threads_that_can_gain_privileges() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        found = measures(Settings(), process.pid)[2]
        process.kill()

    assert (found.title, found.is_in_force) == ("privileges", False)
    assert found.text.startswith("1 of its threads can gain some; ")


def test_a_lower_limit_of_the_runners_own_process_is_kept() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    command = confine.limited(["mono"], Settings(max_open_files=hard + 1), MONO)

    assert f"--nofile={hard}" in command
    assert command[-1] == "mono"


def test_a_worker_leads_a_session_and_a_group_of_its_own(runner: Runner) -> None:
    (pid,) = runner.snapshot().pids

    assert (os.getsid(pid), os.getpgid(pid)) == (pid, pid)
    assert os.getsid(pid) != os.getsid(0)


def test_a_script_sees_only_the_descriptors_of_the_wire_and_its_own(tmp_path: Path) -> None:
    body = (
        'foreach (string path in System.IO.Directory.GetFiles("/proc/self/fd")) '
        'Core.Log(1, System.IO.Path.GetFileName(path) + " "); '
    )
    with (tmp_path / "open").open("wb") as file, socket.socket() as sock:
        for descriptor in (file.fileno(), sock.fileno()):
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - it has no name
        with Runner(Settings(spare_workers=0, exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S)) as runner:
            (pid,) = runner.snapshot().pids
            held = {int(entry.name): str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
            listed = {int(name) for name in said(runner, tmp_path, body).split()}
            place = Path(f"/proc/{pid}/cwd").readlink().name

    kinds = Counter(target.partition(":")[0] for target in held.values())
    assert kinds.pop("anon_inode") > 0  # of mono and of the watch thread
    (own,) = [kind for kind in kinds if kind.endswith(f"/{place}")]
    assert kinds.pop(own) == 1  # the working directory that the bridge goes back to
    assert kinds == {"/dev/null": 1, "pipe": 4}  # 0; 1 and 2, and the wire
    assert len(listed - held.keys()) <= 1  # the directory that is being listed


def test_a_script_that_opens_files_without_end_reaches_its_own_limit(runner: Runner, tmp_path: Path) -> None:
    body = (
        "var open = new System.Collections.Generic.List<object>(); "
        'try { while (true) open.Add(System.IO.File.OpenRead("/dev/null")); } '
        'catch (System.IO.IOException) { Core.Log(1, open.Count < 64 ? "refused" : "not refused"); } '
        "foreach (IDisposable file in open) file.Dispose();"
    )

    assert said(runner, tmp_path, body) == "refused"


def test_the_address_space_is_limited_by_default_and_leaves_room_for_a_thousand_threads(tmp_path: Path) -> None:
    body = (
        "static int Main() { var gate = new ManualResetEvent(false); for (int i = 0; i < 1000; i++) { "
        "var thread = new Thread(() => { gate.WaitOne(); }); "
        "thread.IsBackground = true; thread.Start(); } "
        'foreach (string line in System.IO.File.ReadAllLines("/proc/self/limits")) '
        "if (line.StartsWith(\"Max address\")) Core.Log(1, line.Split(new[] {' '}, "
        "StringSplitOptions.RemoveEmptyEntries)[3]); gate.Set(); return 0; }"
    )
    host = MessageHost(INVITE)
    with Runner(Settings(spare_workers=0, exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S)) as runner:
        result = runner.mono_exec(compiled(tmp_path, "Many", body), host=host)

    assert (result.error, host.logs) == (None, [(1, str(4096 * 1024 * 1024))])


def test_malloc_uses_few_arenas_unless_the_settings_pass_on_a_number() -> None:
    given = {"MALLOC_ARENA_MAX": "99"}
    passes = Settings(worker_env=("MALLOC_ARENA_MAX",))

    assert confine.environment(Settings(), MONO, None, given)["MALLOC_ARENA_MAX"] == "8"
    assert confine.environment(passes, MONO, None, given)["MALLOC_ARENA_MAX"] == "99"


def test_a_limit_of_0_means_no_limit() -> None:
    always = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: confine.FILE_BYTES}

    assert confine.limits(Settings(max_open_files=0, max_address_space_mib=0), MONO) == always
    found = confine.limits(Settings(max_open_files=0, max_address_space_mib=2, max_processes=9), MONO)
    assert found == always | {resource.RLIMIT_AS: 2 * 1024 * 1024, resource.RLIMIT_NPROC: 9}


def test_a_runtime_whose_address_space_says_nothing_has_a_limit_of_data() -> None:
    settings = Runtimes(Settings()).settings_of("node")

    found = confine.limits(settings, NODE)

    assert resource.RLIMIT_AS not in found
    assert found[resource.RLIMIT_DATA] == 1024 * confine.MIB
    assert resource.RLIMIT_DATA not in confine.limits(Settings(), MONO)


@pytest.mark.skipif(shutil.which("node") is None, reason="apt-get install nodejs")
def test_buffers_of_a_script_in_javascript_are_bounded(tmp_path: Path) -> None:
    script = tmp_path / "Buffers.js"
    script.write_text(
        "exports.main = () => { const all = []; for (;;) { all.push(Buffer.alloc(1 << 26, 1)); } };\n", encoding="ascii"
    )
    fine = tmp_path / "Fine.js"
    fine.write_text("exports.main = () => 0;\n", encoding="ascii")
    settings = Settings(exec_timeout_s=30, allocate_timeout_s=30, spare_workers=0, observer="none")
    with Runner(settings, ["node"]) as runner:
        result = runner.mono_exec(script, host=MessageHost(INVITE))
        again = runner.mono_exec(fine, host=MessageHost(INVITE))

    assert isinstance(result.error, ScriptError)
    assert "Array buffer allocation failed" in str(result.error)
    assert again.error is None
