"""A program that has an SR.cs compiled in, instead of referring to SR.dll, runs as it did under app_mono."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE, OLD_SR, ROOT, SHELF
from tests.programs import MCS, WAIT_S
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRESS = """
using System; using System.Threading;
class Stress {
    static int s_wrong;
    static void Calls(int number) {
        for (int i = 0; i < 2000; i++) {
            string text = "value " + number + "." + i + " \\u00e9\\udc80";
            SR.PV.SetS("$var(t" + number + ")", text);
            var garbage = new byte[2000];
            if (i % 50 == 0) { GC.Collect(i % 100 == 0 ? 2 : 0); }
            if (SR.PV.GetS("$var(t" + number + ")") != text) { Interlocked.Increment(ref s_wrong); }
        }
    }
    static int Main() {
        var threads = new Thread[3];
        for (int t = 0; t < 3; t++) {
            int number = t;
            threads[t] = new Thread(() => Calls(number));
            threads[t].Start();
        }
        Calls(3);
        foreach (Thread thread in threads) { thread.Join(); }
        return s_wrong;
    }
}
"""
NULLS = """
class Nulls {
    static int Main() {
        SR.Core.Log(1, null); SR.Core.Err(null);
        SR.PV.SetS("$var(got)", string.Join(" ", new object[] {
            SR.PV.GetS(null) == null, SR.PV.GetI(null), SR.PV.SetS(null, "x"), SR.PV.SetS("$rU", null),
            SR.PV.SetI(null, 1), SR.PV.Unset(null), SR.PV.IsNull(null), SR.HDR.Append(null), SR.Core.ModF(null),
            SR.PV.GetS("$avp(none)") == null }));
        return 0;
    }
}
"""


@pytest.fixture
def runner() -> Iterator[Runner]:
    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0)) as runner:
        yield runner


def together(directory: Path, *sources: Path) -> Path:
    program = directory / "X.exe"
    subprocess.run([MCS, f"-out:{program}", *map(str, sources)], check=True, capture_output=True)
    return program


def written(directory: Path, code: str) -> Path:
    (directory / "X.cs").write_text(code, "utf-8")
    return directory / "X.cs"


def test_every_call_of_such_a_program_answers_as_through_sr_dll(runner: Runner, tmp_path: Path) -> None:
    with_dll, with_own = MessageHost(INVITE), MessageHost(INVITE)

    expected = run(runner, "MakesEveryCall", with_dll)
    got = runner.mono_exec(together(tmp_path, OLD_SR, SHELF / "MakesEveryCall.cs"), host=with_own)

    assert (got.exit_code, got.error) == (expected.exit_code, None) == (0, None)
    assert with_own.get_s("$var(got)") == with_dll.get_s("$var(got)") == "1.0 bob 0 0 0 5 0 1 -1 0 0 0 0 -127"
    assert with_own.logs == with_dll.logs
    assert with_own.message_bytes() == with_dll.message_bytes()
    assert with_own.reply_headers == with_dll.reply_headers


def test_null_arguments_give_the_error_values(runner: Runner, tmp_path: Path) -> None:
    host = MessageHost(INVITE)

    result = runner.mono_exec(together(tmp_path, OLD_SR, written(tmp_path, NULLS)), host=host)

    assert result.error is None
    assert host.get_s("$var(got)") == "True 0 -1 -1 -1 -1 -1 -1 -127 True"


def test_texts_stay_intact_when_garbage_is_collected_during_calls_of_several_threads(
    runner: Runner, tmp_path: Path
) -> None:
    """The runtime gets a pointer to a managed text, which a collection may move."""
    result = runner.mono_exec(together(tmp_path, OLD_SR, written(tmp_path, STRESS)), host=MessageHost(INVITE))

    assert (result.exit_code, result.error) == (0, None)
    assert works_on(runner)


def test_other_programs_in_the_same_worker_are_not_disturbed(runner: Runner, tmp_path: Path) -> None:
    own = together(tmp_path, OLD_SR, SHELF / "MakesEveryCall.cs")
    hosts = [MessageHost(INVITE) for _ in range(6)]

    for number, host in enumerate(hosts):
        done = runner.mono_exec(own, host=host) if number % 2 else run(runner, "MakesEveryCall", host)
        assert done.ok

    assert {host.get_s("$var(got)") for host in hosts} == {"1.0 bob 0 0 0 5 0 1 -1 0 0 0 0 -127"}
    assert len({host.message_bytes() for host in hosts}) == 1


def test_a_program_with_our_sr_cs_compiled_in_is_refused_and_told_to_use_the_dll(
    runner: Runner, tmp_path: Path
) -> None:
    """Otherwise its calls would silently reach no host."""
    program = together(tmp_path, ROOT / "lib" / "SR.cs", SHELF / "MakesEveryCall.cs")

    result = runner.mono_exec(program, host=MessageHost(INVITE))

    assert isinstance(result.error, ScriptInvalid)
    assert "compile it against SR.dll" in str(result.error)
