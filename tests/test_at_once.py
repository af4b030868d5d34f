"""runner.at_once: the common exec of a program in Python, and that it leaves all others to the runner."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.build import compile_script
from runner.errors import WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.job import Job
from runner.runner import Runner
from runner.worker.outcome import ExecOutcome
from tests.places import INVITE, ROOT
from tests.programs import WAIT_S, until
from tests.test_runner import COUNTS, RETURNS, THROWS, compiled, patient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


KILLS = "System.Diagnostics.Process.GetCurrentProcess().Kill(); return 2; } }"


def _has_ended(pid: int) -> bool:
    """All of its threads have, so that its wire is closed: the first may be a zombie while others still end."""
    process = Path(f"/proc/{pid}")
    try:
        state = (process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        return state == "Z" and len(list((process / "task").iterdir())) == 1
    except OSError:
        return True


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(patient(spare_workers=0, num_workers=1, max_workers=1)) as runner:
        yield runner


def job(param: str | None = None, timeout_s: float = WAIT_S) -> Job:
    made = Job(MessageHost(INVITE), timeout_s, ExecOutcome())
    made.param = param
    return made


def warm(runner: Runner, script: Path, param: str | None = None) -> None:
    runner.mono_exec(script, param, host=MessageHost(INVITE))


def test_the_second_exec_of_a_build_runs_at_once(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, COUNTS)
    first, second = job(), job()

    assert runner._at_once.exec(str(script), first) is False
    warm(runner, script)
    assert runner._at_once.exec(str(script), second) is True

    assert (first.outcome.code, second.outcome.code) == (None, 2)
    timing = second.timing()
    assert timing.total_us >= timing.load_us + timing.queue_us + timing.run_us > 0


def test_a_change_is_live_for_the_next_exec(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, COUNTS)
    warm(runner, script)
    compiled(tmp_path, COUNTS.replace("++n", "40 + ++n"))

    assert runner.mono_exec(script, host=MessageHost(INVITE)).exit_code == 41


def test_what_throws_keeps_its_worker_and_is_told_as_by_the_runner(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, THROWS)
    texts = []
    for _ in range(3):
        error = runner.mono_exec(script, host=MessageHost(INVITE)).error
        texts.append(str(error))

    assert len(set(texts)) == 1
    assert str(script) in texts[0]


def test_a_worker_that_ended_while_it_was_idle_is_replaced_unseen(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, RETURNS)
    warm(runner, script)
    (pid,) = runner.snapshot().pids
    os.kill(pid, signal.SIGKILL)
    until(lambda: _has_ended(pid), "it has ended")

    assert runner.mono_exec(script, "5", host=MessageHost(INVITE)).exit_code == 5
    assert runner.snapshot().pids != (pid,)


def test_without_time_and_while_something_is_refused_it_is_left_to_the_runner(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, RETURNS)
    warm(runner, script)

    assert runner._at_once.exec(str(script), job(timeout_s=0)) is False
    runner.poison.until[None, "x", ""] = ("x", 0.0)
    try:
        assert runner._at_once.exec(str(script), job()) is False
    finally:
        runner.poison.until.clear()
    assert runner._at_once.exec(str(script), job()) is True


def test_a_script_that_kills_its_worker_is_not_run_again_on_another_one(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, 'class S { static int Main(string[] a) { if (a[0] == "1") return 1; ' + KILLS)
    for _ in range(2):
        warm(runner, script, "1")

    result = runner.mono_exec(script, "2", host=MessageHost(INVITE))

    assert isinstance(result.error, WorkerDied)
    assert runner.mono_exec(script, "1", host=MessageHost(INVITE)).exit_code == 1


def test_an_exec_is_one_write_and_one_read(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """``python -m bench.syscalls`` shows it on both sides; a read that finds nothing yet does not count."""
    script = compile_script(ROOT / "bench" / "scripts" / "Three.cs")
    for _ in range(5):  # calls are asked for, learned, and planned
        warm(runner, script)
    until(
        lambda: (runner.scripts.current(str(script)), runner.scripts.stamps(str(script)))[1], "it was not just compiled"
    )
    done: Counter[str] = Counter()

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def count(*args: Any) -> Any:
            result = call(*args)
            done[call.__name__] += threading.current_thread() is threading.main_thread()
            return result

        return count

    monkeypatch.setattr(os, "write", counted(os.write))
    monkeypatch.setattr(os, "read", counted(os.read))
    for _ in range(20):
        warm(runner, script)
    monkeypatch.undo()

    assert done == {"write": 20, "read": 20}
