"""The shelf: one script a behaviour, run by a real Runner; each test says what the user sees."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.build import publish
from runner.errors import ExecTimeout, ScriptError, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import MCS, WAIT_S, has_ended, until
from tests.running_daemon import compiled
from tests.shelf import run, script, works_on

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """One worker and its spare, as an operator has them; patient, because the machine may be busy."""
    settings = Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, start_timeout_s=WAIT_S)
    with Runner(settings) as running:
        yield running


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(INVITE)


def test_an_uncaught_exception_has_type_message_and_a_stack_with_lines(runner: Runner, host: MessageHost) -> None:
    result = run(runner, "Throws", host)

    assert isinstance(result.error, ScriptError)
    assert "System.InvalidOperationException: boom" in str(result.error)
    assert "Throws.cs:6" in result.error.detail
    assert "SRBridge" not in result.error.detail
    assert host.get_s("$var(x)") == "set before"


def test_an_exception_that_throws_when_it_is_described_is_described_all_the_same(
    runner: Runner, host: MessageHost
) -> None:
    result = run(runner, "ThrowsFromToString", host)

    assert isinstance(result.error, ScriptError)
    assert "no description" in str(result.error)
    assert works_on(runner)


def test_an_exception_on_a_thread_ends_the_worker_and_is_told(runner: Runner, host: MessageHost) -> None:
    result = run(runner, "ThrowsOnAThread", host)

    assert isinstance(result.error, WorkerDied)
    assert any("on a thread" in line for line in result.error.last_lines)
    assert works_on(runner)


@pytest.mark.parametrize("code", [0, 3, 256, -1])
def test_environment_exit_gives_its_code(runner: Runner, host: MessageHost, code: int) -> None:
    result = run(runner, "CallsExit", host, str(code))

    assert (result.ok, result.exit_code, result.error) == (code == 0, code, None)
    assert host.logs == [(1, "before exit")]
    assert works_on(runner)


def test_environment_exit_on_a_thread_gives_its_code(runner: Runner, host: MessageHost) -> None:
    assert run(runner, "CallsExitOnAThread", host).exit_code == 4


def test_fail_fast_is_an_error_with_the_exit_status_and_the_next_exec_works(runner: Runner, host: MessageHost) -> None:
    result = run(runner, "FailsFast", host)

    assert isinstance(result.error, WorkerDied)
    assert result.error.exit_code is not None
    assert works_on(runner)


def test_a_stack_overflow_is_an_error_and_the_next_exec_works(runner: Runner, host: MessageHost) -> None:
    """Mono 6.8 throws on some stacks and dies on others; a script may see neither as success."""
    result = run(runner, "OverflowsTheStack", host)

    assert isinstance(result.error, ScriptError | WorkerDied)
    assert works_on(runner)


def test_an_endless_loop_ends_at_the_deadline_and_its_last_words_arrive(runner: Runner, host: MessageHost) -> None:
    runner.check(str(script("NeverReturns")))  # loading it takes none of its time

    result = run(runner, "NeverReturns", host, timeout_s=2.0)

    assert isinstance(result.error, ExecTimeout)
    assert host.logs == [(1, "last words")]
    assert works_on(runner)


def test_deep_recursion_is_no_overflow(runner: Runner, host: MessageHost) -> None:
    assert run(runner, "RecursesDeeply", host).ok


def test_prints_of_a_script_and_its_child_reach_the_log_and_never_the_wire(
    runner: Runner, host: MessageHost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "runner.drain")

    result = run(runner, "PrintsToStdout", host)

    assert result.exit_code == 3
    wanted = ["from the console", "from the error stream", '"result":{"code":0}', "from a child"]
    until(lambda: all(any(text in line for line in caplog.messages) for text in wanted), "all prints are in the log")
    assert all(line.startswith("worker ") for line in caplog.messages if "from " in line)


def test_a_gibibyte_of_prints_blocks_nothing_and_fills_nothing(runner: Runner, host: MessageHost) -> None:
    result = run(runner, "FloodsStdout", host, "1024", timeout_s=100.0)

    assert result.ok, result
    assert works_on(runner)


def test_standard_input_is_at_its_end(runner: Runner, host: MessageHost) -> None:
    assert run(runner, "ReadsStdin", host).ok


def test_threads_that_go_on_do_not_hold_the_result(runner: Runner, host: MessageHost) -> None:
    assert run(runner, "StartsThreads", host).ok
    assert works_on(runner)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("StartsThreads", "its script left threads running"),
        ("LeavesATask", "its script left threads running"),
        ("RunsOutOfMemory", "its script ran out of memory"),
    ],
)
def test_a_worker_that_is_not_as_it_was_before_is_replaced_though_it_answered(
    host: MessageHost, caplog: pytest.LogCaptureFixture, name: str, reason: str
) -> None:
    caplog.set_level(logging.INFO)
    settings = Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, max_workers=1)
    with Runner(settings) as alone:
        assert works_on(alone)
        (before,) = alone.snapshot().pids
        result = run(alone, name, host)
        assert works_on(alone)
        (after,) = alone.snapshot().pids

    assert result.ok or isinstance(result.error, ScriptError)
    assert after != before
    assert reason in caplog.text


def test_threads_and_tasks_that_end_keep_the_worker(host: MessageHost) -> None:
    with Runner(Settings(exec_timeout_s=WAIT_S, spare_workers=0, max_workers=1)) as alone:
        assert works_on(alone)
        before = alone.snapshot().pids
        assert all(run(alone, "EndsItsThreads", host).ok for _ in range(20))
        assert alone.snapshot().pids == before


def test_a_setting_keeps_a_worker_with_its_threads(host: MessageHost) -> None:
    with Runner(Settings(exec_timeout_s=WAIT_S, spare_workers=0, max_workers=1, leftover_threads="keep")) as alone:
        assert run(alone, "StartsThreads", host).ok
        before = alone.snapshot().pids
        assert works_on(alone)
        assert alone.snapshot().pids == before


def test_calls_from_many_threads_are_all_answered(runner: Runner, host: MessageHost) -> None:
    assert run(runner, "CallsFromAThread", host).exit_code == 8 * 25


def test_calls_from_a_task_are_answered(runner: Runner, host: MessageHost) -> None:
    assert run(runner, "CallsFromATask", host).ok


def test_a_thread_of_an_earlier_exec_gets_error_values_and_never_reaches_the_host(host: MessageHost) -> None:
    settings = Settings(exec_timeout_s=WAIT_S, num_workers=1, spare_workers=0, max_workers=1, leftover_threads="keep")
    with Runner(settings) as alone:
        run(alone, "CallsFromAnOldThread", MessageHost(INVITE))
        result = run(alone, "CallsFromAnOldThread", host)

    assert result.exit_code == 1
    assert host.get_s("$var(answer)") == "-1-1"
    assert host.logs == []


def test_a_static_constructor_runs_within_the_first_exec(runner: Runner, host: MessageHost) -> None:
    run(runner, "CallsFromAStaticConstructor", host)

    assert host.get_s("$var(seen)") == "INVITE"


def test_garbage_that_is_allocated_does_no_harm(runner: Runner, host: MessageHost) -> None:
    assert run(runner, "Allocates", host).ok


def test_garbage_of_large_arrays_is_collected_also_on_one_cpu(tmp_path: Path, host: MessageHost) -> None:
    """Bug: mono's thread that sweeps got no CPU, and the script an OutOfMemoryException."""
    arrays = compiled(
        tmp_path,
        "X",
        "static int Main() { for (int i = 0; i < 60000; i++) GC.KeepAlive(new byte[1 << 20]); return 0; }",
    )
    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, placement="free")) as alone:
        (pid,) = alone.snapshot().pids
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {min(os.sched_getaffinity(0))})
        assert alone.mono_exec(arrays, host=host).ok
        status = Path(f"/proc/{pid}/status").read_text("ascii")

    (peak_kib,) = re.findall(r"^VmPeak:\s*(\d+) kB$", status, re.MULTILINE)
    assert int(peak_kib) < 500 * 1024


def test_a_child_that_is_left_behind_goes_with_its_worker(host: MessageHost) -> None:
    with Runner(Settings(exec_timeout_s=WAIT_S)) as short:
        assert run(short, "LeavesAChild", host).ok
        child = int(host.get_s("$var(child)") or 0)
        until(lambda: b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes(), "the child becomes sleep")

    until(lambda: has_ended(child), "the child ends")


def test_a_script_that_aborts_its_thread_is_an_error_and_keeps_the_worker(runner: Runner, host: MessageHost) -> None:
    result = run(runner, "AbortsItself", host)

    assert isinstance(result.error, ScriptError)
    assert "ThreadAbortException" in str(result.error)
    assert works_on(runner)


def test_null_arguments_give_the_error_values(runner: Runner, host: MessageHost) -> None:
    run(runner, "NullArguments", host)

    assert host.get_s("$var(got)") == "null 0 -1 -1 -1 -1 -1 -1 -1 -1 -1 -127"
    assert host.logs == []


def test_only_surrogates_that_stand_for_bytes_may_be_alone(runner: Runner, host: MessageHost) -> None:
    run(runner, "LoneSurrogates", host)

    assert host.get_s("$var(got)") == "-1 -1 0 0"
    assert host.get_s("$var(bytes)") == "\udc80\udcff"
    assert host.get_s("$var(pair)") == "😀"
    assert host.logs == [(1, "log � goes on")]


def test_the_working_directory_is_private_empty_and_goes_with_the_worker(host: MessageHost) -> None:
    with Runner(Settings(exec_timeout_s=WAIT_S, spare_workers=0)) as short:
        run(short, "LooksAround", host)
        cwd = Path(host.get_s("$var(cwd)") or "")
        assert cwd.is_dir()

    assert host.get_s("$var(files)") == "0"
    assert not cwd.exists()


def test_an_assembly_loaded_by_name_is_found_beside_the_script_and_is_fresh(
    runner: Runner, host: MessageHost, tmp_path: Path
) -> None:
    plugin = tmp_path / "Plugin.cs"
    placed = publish(script("LoadsAPlugin"), tmp_path)
    codes = []

    for version in (1, 2, 3):
        plugin.write_text(f"public class Plugin {{ public static int Version() {{ return {version}; }} }}", "utf-8")
        subprocess.run([MCS, "-t:library", f"-out:{tmp_path}/Plugin.dll", plugin], check=True)
        codes += [runner.mono_exec(placed, host=host).exit_code for _ in range(3)]

    assert codes == [1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("name", "param", "code"),
    [
        ("ReturnsVoid", None, 0),
        ("ReturnsVoidTakesArguments", "p", 0),
        ("ReturnsInt", "p", 7),
        ("ReturnsIntTakesArguments", None, -5),
        ("ReturnsIntTakesArguments", "", 0),
        ("ReturnsIntTakesArguments", "four", 4),
    ],
)
def test_each_kind_of_main_runs(runner: Runner, host: MessageHost, name: str, param: str | None, code: int) -> None:
    assert run(runner, name, host, param).exit_code == code


@pytest.mark.parametrize(("name", "code"), [("TaskOfInt", 42), ("Task", 0)])
def test_a_main_that_returns_a_task_is_waited_for(
    runner: Runner, host: MessageHost, tmp_path: Path, name: str, code: int
) -> None:
    subprocess.run(["/usr/bin/env", "mono", script("MakesTaskMains"), name, tmp_path], check=True)

    assert runner.mono_exec(tmp_path / f"{name}.exe", "p", host=host).exit_code == code


def test_garbage_on_every_descriptor_ends_in_one_clear_error(runner: Runner, host: MessageHost) -> None:
    result = run(runner, "WritesGarbageToEveryFd", host)

    assert not result.ok
    assert "garbage" in str(result.error)
    assert works_on(runner)


def test_app_settings_come_from_the_scripts_own_config(runner: Runner, tmp_path: Path) -> None:
    placed = publish(script("ReadsAppSettings"), tmp_path)
    config = tmp_path / "ReadsAppSettings.exe.config"
    seen = []

    for value in (None, "one", "two"):
        if value is not None:
            add = f'<add key="key" value="{value}"/>'
            config.write_text(f"<configuration><appSettings>{add}</appSettings></configuration>", "utf-8")
        host = MessageHost(INVITE)
        runner.mono_exec(placed, host=host)
        seen.append(host.get_s("$var(got)"))

    assert seen == ["null", "one", "two"]


def test_crashes_leave_no_file_behind(host: MessageHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directories of the workers are kept here, so that what mono left in them would be seen."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("runner.worker.process.remove", lambda _: None)
    shared = Path("/dev/shm")  # noqa: S108 - where mono leaves mono.PID
    pids: list[int] = []

    with Runner(Settings(exec_timeout_s=WAIT_S)) as crashing:
        for name in ("FailsFast", "NeverReturns", "OverflowsTheStack"):
            pids += crashing.snapshot().pids
            run(crashing, name, host, timeout_s=1.0 if name == "NeverReturns" else WAIT_S)
        directories = list(tmp_path.glob("app-mono-*/worker-*/work"))
        left = [file for directory in directories for file in directory.iterdir()]

    assert len(directories) >= 3
    assert left == []
    assert not [pid for pid in pids if (shared / f"mono.{pid}").exists()]


def test_a_timer_of_an_earlier_exec_gets_error_values_and_never_reaches_the_host(host: MessageHost) -> None:
    with Runner(Settings(exec_timeout_s=WAIT_S, num_workers=1, spare_workers=0, max_workers=1)) as alone:
        for _ in range(3):
            assert run(alone, "ReturnsInt", host).exit_code is not None
        assert run(alone, "CallsFromAnOldTimer", host, "start").ok
        assert run(alone, "CallsFromAnOldTimer", host, "wait").ok

    assert host.get_s("$var(new)") == "called"
    assert host.get_s("$var(old)") != "called"


def test_of_a_library_that_a_script_loads_by_itself_only_its_own_lines_are_logged(
    host: MessageHost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "runner.drain")

    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0)) as runner:
        results = [run(runner, "LoadsFromBytes", host) for _ in range(3)]
        until(lambda: len([text for text in caplog.messages if text.endswith(": mine")]) == 3, "it is logged")

    assert [result.exit_code for result in results] == [0, 0, 0]
    assert len([record for record in caplog.records if record.name == "runner.drain"]) == 3
