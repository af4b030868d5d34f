"""KSR.x.exit() and KSR.x.drop(): they end the script from any depth, and say that the routing ends as well."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runner.build import ensure_bridge
from runner.hosts.embedded.host import MessageHost
from runner.runner import ExecResult, Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import MCS, WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# SR.dll lets in an assembly of the name KSR alone, so the program itself has that name.
PROGRAM = """
using System; using System.Threading; using System.Threading.Tasks; using SR;
public class Exits {
    static int s_seen, s_warm;
    static void Exit() { Host.Current.Exit(false); s_seen += 1000; }
    static void Deep(int depth) {
        try { if (depth == 0) { Exit(); } else { Deep(depth - 1); } }
        catch (Exception error) when (!(error is ThreadAbortException)) { s_seen += 100; }
        finally { s_seen++; }
    }
    static int Main() { int seen = s_seen; s_seen = 0; return seen; }
    public static void Warm() { Host.Current.Exit(true); s_warm = 7; }
    public static int warm() { return s_warm; }
    public static int deep() { Deep(9); return 5; }
    public static int drop() { Host.Current.Exit(true); return 5; }
    public static int caught() { try { Exit(); } catch (Exception) { s_seen = 3; } return 5; }
    public static int throws() { try { Exit(); } finally { throw new Exception("in a finally"); } }
    public static int calls() {
        try { Exit(); } finally { Core.Log(2, PV.GetS("$rU")); s_seen = 4; }
        return 5;
    }
    public static int reset() {
        try { Exit(); } catch (ThreadAbortException) { Thread.ResetAbort(); }
        return s_seen = 5;
    }
    public static int thread() {
        var thread = new Thread(Exit);
        thread.Start();
        thread.Join();
        try { s_seen = 1; PV.GetS("$ru"); s_seen = 2000; } finally { PV.GetS("$fu"); s_seen += 4; }
        return 5;
    }
    public static int returns() { var thread = new Thread(Exit); thread.Start(); thread.Join(); return 5; }
    static void Pooled(Action exit) {
        var gone = new ManualResetEventSlim();
        ThreadPool.QueueUserWorkItem(state => { try { exit(); } finally { gone.Set(); } });
        gone.Wait();
    }
    static async void Void() { await Task.Delay(0); Exit(); }
    public static int pooled() { Pooled(Exit); return 5; }
    public static int nobody_waits() { Pooled(Void); return 5; }
    public static int task() { Task.Run(new Action(Exit)).Wait(); return 5; }
    public static async Task later() { await Task.Delay(1); Exit(); }
    public static void aborted() { Thread.CurrentThread.Abort(); }
    public static int plain() { return 5; }
}
"""


class Asked(MessageHost):
    """Keeps the functions of KEMI that it was asked."""

    def __init__(self) -> None:
        super().__init__(INVITE)
        self.asked: list[str] = []

    def ksr(self, function: str, arguments: list[str | int | bool]) -> Any:
        assert arguments == []
        self.asked.append(function)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("exits")
    (directory / "KSR.cs").write_text(PROGRAM, encoding="utf-8")
    path = directory / "KSR.exe"
    command = [MCS, "-langversion:6", f"-r:{ensure_bridge().sr_dll}", f"-out:{path}", str(directory / "KSR.cs")]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, observer="none")) as runner:
        yield runner


def run(runner: Runner, script: Path, entry: str | None, host: MessageHost | None = None) -> ExecResult:
    return runner.mono_exec(str(script), host=host or MessageHost(INVITE), entry=entry)


def seen(runner: Runner, script: Path) -> int | None:
    return run(runner, script, None).exit_code


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ("deep", 10), ("caught", 3), ("calls", 4), ("throws", 0), ("reset", 5), ("thread", 5), ("returns", 0),
        ("task", 0), ("later", 0), ("pooled", 0), ("nobody_waits", 0),
    ],
)  # fmt: skip
def test_an_exit_ends_the_script_and_runs_every_finally(runner: Runner, script: Path, entry: str, left: int) -> None:
    seen(runner, script)
    for _ in range(2):
        result = run(runner, script, entry)

        assert (result.error, result.exit_code, result.ok, result.has_ended_routing) == (None, 0, True, True)
        assert seen(runner, script) == left
        after = run(runner, script, "plain")
        assert (after.exit_code, after.has_ended_routing) == (5, False)


def test_a_call_in_a_finally_still_reaches_the_host(runner: Runner, script: Path) -> None:
    host = MessageHost(INVITE)

    run(runner, script, "calls", host)

    assert host.logs == [(2, "bob")]


def test_drop_sets_the_drop_before_it_ends_the_script(runner: Runner, script: Path) -> None:
    for host, entry in ((Asked(), "drop"), (MessageHost(INVITE), "drop")):  # the second one knows no such function
        result = run(runner, script, entry, host)

        assert (result.error, result.exit_code, result.has_ended_routing) == (None, 0, True)
        assert getattr(host, "asked", ["set_drop"]) == ["set_drop"]


def test_outside_an_exec_it_does_nothing(runner: Runner, script: Path) -> None:
    assert run(runner, script, "warm").exit_code == 7


def test_a_script_that_aborts_its_thread_itself_has_failed(runner: Runner, script: Path) -> None:
    result = run(runner, script, "aborted")

    assert "ThreadAbortException" in str(result.error)
    assert not result.has_ended_routing
