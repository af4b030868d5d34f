"""KSR.dll as a script has it: its values, its exceptions, and that no other one is taken for it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, ensure_bridge
from runner.errors import CallRefused, ScriptError
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE, ROOT
from tests.programs import MCS, WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MONO = shutil.which("mono") or "mono"


class Kemi(MessageHost):
    """It answers as a table says, and keeps what it was asked."""

    def __init__(self, answers: dict[str, str | int | bool | None]) -> None:
        super().__init__(INVITE)
        self.answers = answers
        self.asked: list[tuple[str, list[str | int | bool]]] = []

    def ksr(self, function: str, arguments: list[str | int | bool]) -> str | int | bool | None:
        self.asked.append((function, arguments))
        if function not in self.answers:
            raise CallRefused(f'KSR.{function}: loadmodule "{function.partition(".")[0]}.so"')
        return self.answers[function]


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(Settings(exec_timeout_s=WAIT_S)) as running:
        yield running


def script(directory: Path, main: str) -> Path:
    source = directory / "P.cs"
    source.write_text(f"using SR; public class P {{ public static int Main() {{ {main} }} }}\n", "utf-8")
    return source


def test_values_and_refusals_are_in_csharp_what_they_are_in_the_other_languages(tmp_path: Path) -> None:
    bridge = ensure_bridge()
    for library in (bridge.sr_dll, bridge.ksr_dll):
        shutil.copy(library, tmp_path)
    references = [f"-r:{tmp_path / name}" for name in ("SR.dll", "KSR.dll")]
    program = tmp_path / "SRBridge.exe"
    source = ROOT / "tests" / "ksr" / "AnswersItself.cs"
    # CS0219: a cast that is tried for its exception.
    strict = ["-langversion:6", "-warnaserror+", "-nowarn:219"]
    subprocess.run([MCS, *strict, *references, f"-out:{program}", str(source)], check=True)

    told = subprocess.run([MONO, str(program)], capture_output=True, text=True, check=True).stdout.splitlines()

    assert told == [
        "KsrException KSR.tm.t_relay: this program was not started by app-mono",
        "KsrException KSR.x: this program was not started by app-mono",
        'InvalidCastException expected a number, got "alice"',
        "InvalidCastException expected a number, got nothing",
        "OverflowException",
        'KsrException KSR.tm.t_relay: loadmodule "tm.so"',
        "KsrException KSR.pv.sets: expected a text as argument 2, got null",
        "pv.seti($var(a)|7); pv.setl($var(a)|5000000000); info(hello); read pv.get($ru); exit; drop",
    ]


def test_plain_mcs_compiles_a_script_and_it_runs_alone(tmp_path: Path) -> None:
    bridge = ensure_bridge()
    for library in (bridge.sr_dll, bridge.ksr_dll):
        shutil.copy(library, tmp_path)
    source = script(tmp_path, "try { KSR.tm.t_relay(); } catch (KsrException) { return 3; } return 0;")
    subprocess.run([MCS, "-r:SR.dll", "-r:KSR.dll", source.name], cwd=tmp_path, check=True)

    assert subprocess.run([MONO, str(tmp_path / "P.exe")], check=False).returncode == 3


def test_a_script_calls_its_host_with_what_it_gave(runner: Runner, tmp_path: Path) -> None:
    host = Kemi({"htable.sht_get": "x", "pv.setl": True, "sl.send_reply": 1})
    main = (
        'return KSR.htable.sht_get("a", "b") == "x" && KSR.pv.setl("$var(a)", 5000000000)'
        ' && KSR.sl.send_reply(404, "Gone \\u00e9") == 1 ? 0 : 1;'
    )

    assert runner.mono_exec(compile_script(script(tmp_path, main)), host=host).ok
    assert host.asked == [
        ("htable.sht_get", ["a", "b"]),
        ("pv.setl", ["$var(a)", 5000000000]),
        ("sl.send_reply", [404, "Gone é"]),
    ]


def test_a_call_that_was_refused_makes_the_exec_false_and_the_log_says_why(runner: Runner, tmp_path: Path) -> None:
    result = runner.mono_exec(compile_script(script(tmp_path, "return KSR.tm.t_relay();")), host=Kemi({}))

    assert 'SR.KsrException: KSR.tm.t_relay: loadmodule "tm.so"' in str(result.error)


def test_no_assembly_of_that_name_beside_a_script_is_loaded(runner: Runner, tmp_path: Path) -> None:
    program = tmp_path / "P.exe"
    shutil.copy(compile_script(script(tmp_path, 'KSR.info(""); return 0;')), program)
    (tmp_path / "KSR.dll").write_bytes(b"not an assembly")

    assert runner.mono_exec(program, host=Kemi({"info": None})).ok


@pytest.mark.parametrize("entry", ["directly", "in_a_lambda", "deep"])
def test_an_exit_in_a_static_constructor_is_an_error_that_says_so(runner: Runner, tmp_path: Path, entry: str) -> None:
    """Its type was unusable from then on, and each later exec failed with an error that named no reason."""
    source = tmp_path / "P.cs"
    types = {
        "directly": "KSR.x.exit();",
        "in_a_lambda": "new List<int> { 1 }.ForEach(x => KSR.x.drop());",
        "deep": "P.Exit();",
    }
    source.write_text(
        "using System.Collections.Generic; using SR; public class P {"
        + "".join(
            f"class T_{name} {{ static T_{name}() {{ {body} }} internal static int N = 1; }}"
            f"public static int {name}() {{ return T_{name}.N; }}"
            for name, body in types.items()
        )
        + "internal static void Exit() { KSR.x.exit(); } public static void plain() { Exit(); } }",
        "utf-8",
    )
    path = str(compile_script(source))

    errors = [runner.mono_exec(path, host=Kemi({}), entry=entry).error for _ in range(2)]
    plain = runner.mono_exec(path, host=Kemi({}), entry="plain")

    reason = f"SR.KsrException: KSR.x: a static constructor cannot end the script, here that of P+T_{entry}"
    assert [isinstance(error, ScriptError) and reason in error.full() for error in errors] == [True, True]
    assert (plain.error, plain.has_ended_routing) == (None, True)
