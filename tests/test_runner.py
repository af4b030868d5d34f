from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from runner.build import compile_script, publish
from runner.errors import (
    ConfigError,
    ExecTimeout,
    PoolExhausted,
    ScriptError,
    ScriptInvalid,
    ScriptNotFound,
    WorkerDied,
)
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import MCS, WAIT_S, until

RETURNS = "class S { static int Main(string[] a) { return a.Length == 0 ? 7 : int.Parse(a[0]); } }"
COUNTS = "class S { static int n; static int Main() { return ++n; } }"
THROWS = 'class S { static int Main() { SR.PV.SetS("$var(x)", "set"); throw new System.Exception("boom"); } }'
LOOPS = "class S { static int Main() { while (true) { } } }"
DIES = """
class S { static int Main() {
    System.Console.Error.WriteLine("last words"); System.Diagnostics.Process.GetCurrentProcess().Kill(); return 0; } }
"""


def compiled(directory: Path, source: str, name: str = "S") -> Path:
    path = directory / f"{name}.cs"
    path.write_text(source, encoding="utf-8")
    return publish(compile_script(path), directory)


def patient(**settings: Any) -> Settings:
    """Settings that a busy machine does not trip over."""
    names = ("start_timeout_s", "exec_timeout_s", "allocate_timeout_s", "first_exec_timeout_s")
    return Settings(**(dict.fromkeys(names, WAIT_S) | settings))


def processes_under(directory: Path) -> list[int]:
    """Every process whose working directory lies in ``directory``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            target = entry.readlink()
        except OSError:
            continue
        if str(target).startswith(str(directory)):
            found.append(int(entry.parent.name))
    return found


def test_exit_code_zero_is_true_and_every_other_is_false(tmp_path: Path) -> None:
    script = compiled(tmp_path, RETURNS)

    with Runner(patient()) as runner:
        results = [runner.mono_exec(script, param, host=MessageHost(INVITE)) for param in ("0", "1", "-1", None)]

    assert [(result.ok, result.exit_code) for result in results] == [(True, 0), (False, 1), (False, -1), (False, 7)]
    assert all(result.timing.total_us >= result.timing.run_us > 0 for result in results)


def test_a_change_is_loaded_ahead_on_a_worker_that_was_busy_then_and_the_old_build_never_answers_after_it(
    tmp_path: Path,
) -> None:
    waits = 'class S { static int Main() { while (SR.PV.GetI("$Ts") == 0) { } return 1; } }'
    script = compiled(tmp_path, waits)
    is_asked, goes_on = threading.Event(), threading.Event()

    class Waits(MessageHost):
        def get_i(self, _name: str) -> int:
            is_asked.set()
            return int(goes_on.wait(WAIT_S))

    codes: list[int | None] = []
    with Runner(patient(num_workers=1, max_workers=1)) as runner:
        busy = threading.Thread(target=lambda: codes.append(runner.mono_exec(script, host=Waits(INVITE)).exit_code))
        busy.start()
        assert is_asked.wait(WAIT_S)
        compiled(tmp_path, waits.replace("return 1", "return 2"))
        new = runner.scripts.current(str(script))
        runner.prepare(str(script))
        goes_on.set()
        busy.join()
        until(lambda: runner.pools.of("mono").upkeep.has_loaded(new), "the new build is loaded")
        loads = runner.snapshot().workers[0].loads
        codes += [runner.mono_exec(script, host=Waits(INVITE)).exit_code for _ in range(3)]

        assert codes == [1, 2, 2, 2]
        assert runner.snapshot().workers[0].loads == loads == 2


def test_variables_in_path_and_param_are_put_in(tmp_path: Path) -> None:
    compiled(tmp_path, 'class S { static int Main(string[] a) { return a[0] == "for sip:bob@example.com" ? 0 : 1; } }')
    host = MessageHost(INVITE)
    host.set_s("$var(s)", "S")

    with Runner(patient()) as runner:
        result = runner.mono_exec(f"{tmp_path}/$var(s).exe", "for $ru", host=host)

    assert result.ok, result


def test_a_script_that_throws_keeps_its_worker_and_its_edits(tmp_path: Path) -> None:
    script = compiled(tmp_path, THROWS)
    host = MessageHost(INVITE)

    with Runner(patient()) as runner:
        before = {worker.pid for worker in runner.snapshot().workers}
        result = runner.mono_exec(script, host=host)
        after = {worker.pid for worker in runner.snapshot().workers}

    assert isinstance(result.error, ScriptError)
    assert "boom" in str(result.error)
    assert "S.cs:1" in result.error.detail
    assert host.get_s("$var(x)") == "set"
    assert before <= after
    assert result.calls == 1


def test_a_script_that_never_returns_is_ended_at_its_deadline(tmp_path: Path) -> None:
    script = compiled(tmp_path, LOOPS)

    with Runner(patient()) as runner:
        result = runner.mono_exec(script, host=MessageHost(INVITE), timeout_s=0.3)
        next_result = runner.mono_exec(compiled(tmp_path, RETURNS, "R"), "0", host=MessageHost(INVITE))

    assert isinstance(result.error, ExecTimeout)
    assert next_result.ok


def test_the_error_of_a_death_has_the_last_words_and_the_signal(tmp_path: Path) -> None:
    script = compiled(tmp_path, DIES)

    with Runner(patient()) as runner:
        result = runner.mono_exec(script, host=MessageHost(INVITE))

    assert isinstance(result.error, WorkerDied)
    assert "SIGKILL" in str(result.error)
    assert "last words" in result.error.last_lines


def test_a_spare_serves_while_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    script = compiled(tmp_path, RETURNS)

    with Runner(patient(num_workers=1, spare_workers=1)) as runner:
        until(lambda: len(runner.snapshot().workers) == 2, "two workers")
        runner.mono_exec(script, "0", host=MessageHost(INVITE))
        killed = runner.snapshot().pids[0]
        os.kill(killed, signal.SIGKILL)
        result = runner.mono_exec(script, "0", host=MessageHost(INVITE))
        until(lambda: len({*runner.snapshot().pids} - {killed}) == 2, "a replacement")

    assert result.ok, result


def test_statics_are_kept_or_fresh(tmp_path: Path) -> None:
    script = compiled(tmp_path, COUNTS)
    counts = {}

    for statics in ("kept", "fresh"):
        with Runner(patient(num_workers=1, spare_workers=0, max_workers=1, statics=statics)) as runner:
            counts[statics] = [runner.mono_exec(script, host=MessageHost(INVITE)).exit_code for _ in range(3)]

    assert counts == {"kept": [1, 2, 3], "fresh": [1, 1, 1]}


def test_load_is_read_at_start_and_does_not_change_until_reset(tmp_path: Path) -> None:
    script = compiled(tmp_path, "class S { static int Main() { return 1; } }")

    with Runner(patient(load=script)) as runner:
        compiled(tmp_path, "class S { static int Main() { return 2; } }")
        old = runner.mono_run(host=MessageHost(INVITE)).exit_code
        runner.reset()
        new = runner.mono_run(host=MessageHost(INVITE)).exit_code

    assert (old, new) == (1, 2)


def test_load_is_live_from_its_first_mono_exec_until_reset(tmp_path: Path) -> None:
    """A routing script (KEMI) is what ``load`` names, and live at every save."""
    script = compiled(tmp_path, "class S { static int Main() { return 1; } }")

    def code(path: str | None) -> int | None:
        host = MessageHost(INVITE)
        ran = runner.mono_run(host=host) if path is None else runner.mono_exec(path, host=host)
        return ran.exit_code

    with Runner(patient(load=script)) as runner:
        compiled(tmp_path, "class S { static int Main() { return 2; } }")
        codes = [code(None), code(f"{tmp_path}//{script.name}"), code(None)]
        runner.reset()
        compiled(tmp_path, "class S { static int Main() { return 3; } }")
        codes += [code(None), code(str(script))]

    assert codes == [1, 2, 2, 2, 3]


def test_each_mode_refuses_the_function_of_the_other(tmp_path: Path) -> None:
    script = compiled(tmp_path, RETURNS)

    with Runner(patient(load=script)) as runner, pytest.raises(ConfigError, match="mono_exec is refused"):
        runner.mono_exec(script.with_name("Other.exe"), host=MessageHost(INVITE))
    with Runner(patient()) as runner, pytest.raises(ConfigError, match="load"):
        runner.mono_run(host=MessageHost(INVITE))


def test_a_missing_or_bad_load_fails_at_start(tmp_path: Path) -> None:
    bad = tmp_path / "bad.exe"
    bad.write_text("no assembly", encoding="utf-8")

    with pytest.raises(ScriptNotFound, match="gone"), Runner(patient(load=tmp_path / "gone.exe")):
        pass
    with pytest.raises(ScriptInvalid, match="bad"), Runner(patient(load=bad)):
        pass


def test_a_missing_script_is_an_error_that_names_it(tmp_path: Path) -> None:
    with Runner(patient()) as runner:
        result = runner.mono_exec(tmp_path / "gone.exe", host=MessageHost(INVITE))

    assert isinstance(result.error, ScriptNotFound)
    assert "gone.exe" in str(result.error)


def test_a_broken_build_leaves_the_last_good_generation_serving(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = compiled(tmp_path, RETURNS)
    good = script.read_bytes()

    with Runner(patient()) as runner:
        first = runner.mono_exec(script, "0", host=MessageHost(INVITE))
        script.write_bytes(good[: len(good) // 2])
        broken = [runner.mono_exec(script, "0", host=MessageHost(INVITE)) for _ in range(3)]
        compiled(tmp_path, "class S { static int Main() { return 5; } }")
        mended = runner.mono_exec(script, "0", host=MessageHost(INVITE))

    assert first.ok
    assert all(result.ok for result in broken), broken
    assert mended.exit_code == 5
    assert sum("S.exe" in record.message for record in caplog.records if record.levelname == "WARNING") == 1


def test_two_scripts_with_different_versions_of_one_helper_alternate_1000_times(tmp_path: Path) -> None:
    scripts = []
    for number, name in enumerate("AB", start=1):
        place = tmp_path / name
        place.mkdir()
        (place / "H.cs").write_text(
            f"public class H {{ public static int V() {{ return {number}; }} }}", encoding="utf-8"
        )
        subprocess.run([MCS, "-t:library", f"-out:{place}/H.dll", f"{place}/H.cs"], check=True)
        source = "// app-mono: -r:H.dll\nclass S { static int Main() { return H.V(); } }"
        scripts.append(compiled(place, source, name))

    with Runner(patient(num_workers=2, max_workers=3)) as runner:
        codes = [runner.mono_exec(scripts[i % 2], host=MessageHost(INVITE)).exit_code for i in range(1000)]

    assert codes == [1, 2] * 500


def test_a_runner_that_is_closed_while_a_script_loops_gives_its_exec_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both threads killed the worker, and closed its descriptors twice: OSError came out of mono_exec."""
    monkeypatch.setattr("runner.pool.upkeep.STOP_S", 0.3)
    script = compiled(tmp_path, LOOPS)
    found: list[object] = []

    def loop(runner: Runner) -> None:
        try:
            found.append(runner.mono_exec(script, host=MessageHost(INVITE)).error)
        except OSError as error:
            found.append(error)

    for _ in range(3):
        with Runner(patient(spare_workers=0)) as runner:
            caller = threading.Thread(target=loop, args=(runner,))
            caller.start()
            until(lambda: any(worker.execs for worker in runner.snapshot().workers), "it runs")
        caller.join(WAIT_S)

    assert [type(error) for error in found] == [WorkerDied] * 3
    assert "SIGKILL" in str(found)
    assert [record for record in caplog.records if record.exc_info] == []


def test_a_full_queue_is_refused_at_once(tmp_path: Path) -> None:
    class Waits(MessageHost):
        asked, answered = threading.Event(), threading.Event()

        def get_s(self, name: str) -> str | None:
            self.asked.set()
            self.answered.wait(WAIT_S)
            return super().get_s(name)

    script = compiled(tmp_path, 'class S { static int Main() { SR.PV.GetS("$ru"); return 0; } }')
    settings = patient(num_workers=1, max_workers=1, spare_workers=0, max_queue_size=0)

    with Runner(settings) as runner:
        busy = threading.Thread(target=runner.mono_exec, args=(script,), kwargs={"host": Waits(INVITE)})
        busy.start()
        assert Waits.asked.wait(WAIT_S), "the first exec runs"
        result = runner.mono_exec(script, host=MessageHost(INVITE))
        Waits.answered.set()
        busy.join(WAIT_S)

    assert isinstance(result.error, PoolExhausted)


def test_an_exec_that_runs_on_when_its_runner_closes_is_lost_and_nothing_else_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: the runner and the exec's thread closed the same descriptors, by then perhaps another's."""
    monkeypatch.setattr("runner.pool.upkeep.STOP_S", 0.1)
    script = compiled(tmp_path, 'class S { static int Main() { SR.Core.Log(1, "in"); while (true) { } } }')
    host, results = MessageHost(INVITE), []

    with Runner(patient()) as runner:
        busy = threading.Thread(target=lambda: results.append(runner.mono_exec(script, host=host)))
        busy.start()
        until(lambda: host.logs, "the exec runs")
    busy.join(WAIT_S)

    assert [type(result.error) for result in results] == [WorkerDied]
    assert "Traceback" not in caplog.text


def test_no_process_and_no_file_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = compiled(tmp_path, RETURNS)
    base = tmp_path / "tmp"
    base.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(base))

    with Runner(patient()) as runner:
        runner.mono_exec(script, "0", host=MessageHost(INVITE))
        assert processes_under(base)

    assert processes_under(base) == []
    assert list(base.iterdir()) == []


@pytest.mark.parametrize("source", [RETURNS, LOOPS], ids=["idle", "looping"])
def test_no_orphan_survives_a_runner_that_was_killed(tmp_path: Path, source: str) -> None:
    script = compiled(tmp_path, source)
    base = tmp_path / "tmp"
    base.mkdir()
    program = textwrap.dedent(f"""
        from runner import MessageHost
        from runner.runner import Runner
        from runner.settings import Settings
        with Runner(Settings(num_workers=2, exec_timeout_s=60)) as runner:
            print("started", flush=True)
            while True:
                runner.mono_exec({str(script)!r}, "0", host=MessageHost({INVITE!r}))
    """)
    owner = subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | {"TMPDIR": str(base)}, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "started\n"
    until(lambda: len(processes_under(base)) >= 2, "its workers run")

    owner.kill()
    owner.wait(WAIT_S)
    owner.stdout.close()

    until(lambda: not processes_under(base), "its workers end")
