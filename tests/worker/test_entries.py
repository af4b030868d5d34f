"""An exec may name a public static method to run instead of Main: what a routing script has in place of routes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.build import ensure_bridge
from runner.errors import EntryMissing, ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from runner.wire.events import LONGEST_ENTRY, MAX_ENTRIES
from tests.places import INVITE, ROOT
from tests.programs import MCS, WAIT_S
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTES = """
    static int s_count;
    static int Main() { return 1 + s_count++; }
    public static int request() { return 10 + s_count++; }
    public static void branch(string name) { if (name != null) throw new Exception("got " + name); }
    public static int failure(string name) { return name == null ? 0 : name.Length; }
    public static string reply(string name) { return name; }
    public static bool onsend() { s_count = 100; return false; }
    public static async System.Threading.Tasks.Task later() {
        await System.Threading.Tasks.Task.Delay(1);
        s_count = 200;
    }
    public static int Twice() { return 21; }
    public static int Twice(string name) { return 22; }
    public class Nested { public static int inside() { return 30; } }
"""
NONE_OF_THESE = """
    static int Main() { return 0; }
    static void Private() { }
    internal static void Internal() { }
    public void Instance() { }
    public static void TakesANumber(int x) { }
    public static void TakesTwo(string x, string y) { }
    public static void TakesAReference(ref string x) { }
    public static void Generic<T>() { }
    public static int Property { get { return 1; } }
    public static event Action Event { add { } remove { } }
    public static void Warm() { }
    public static void \u00dcber() { }
    [System.Runtime.InteropServices.DllImport("libc")] public static extern int getpid();
    public class OfAType<T> { public static void Static() { } }
"""


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, observer="none")) as runner:
        yield runner


def code(runner: Runner, script: Path, entry: str | None = None, param: str | None = None) -> int | None:
    result = runner.mono_exec(str(script), param, host=MessageHost(INVITE), entry=entry)
    if result.error is not None:
        raise result.error
    return result.exit_code


def library(directory: Path, name: str, source: str) -> Path:
    (directory / f"{name}.cs").write_text(source, "utf-8")
    path = directory / f"{name}.dll"
    command = [MCS, "-t:library", f"-r:{ensure_bridge().sr_dll}", f"-out:{path}", str(directory / f"{name}.cs")]
    subprocess.run(command, check=True, capture_output=True)
    return path


def test_an_exec_runs_the_method_that_it_names_with_the_same_statics(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", ROUTES)

    assert [code(runner, script, entry) for entry in (None, "request", None, "request")] == [1, 11, 3, 13]
    assert [code(runner, script, "failure"), code(runner, script, "failure", "four")] == [0, 4]
    assert [code(runner, script, entry) for entry in ("branch", "reply", "onsend", "inside")] == [0, 0, 0, 30]
    assert code(runner, script) == 101
    assert [code(runner, script, "later"), code(runner, script)] == [0, 201]
    assert code(runner, script, "Twice") == 21
    with pytest.raises(Exception, match="got x"):
        code(runner, script, "branch", "x")


def test_a_load_says_which_entries_there_are(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", ROUTES)
    names = {"request", "branch", "failure", "reply", "onsend", "later", "Twice", "inside"}

    assert runner.current(str(script)).entries is None
    code(runner, script)

    assert runner.current(str(script)).entries == frozenset(names)


def test_what_is_not_public_and_static_or_takes_anything_else_is_no_entry(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", NONE_OF_THESE)

    code(runner, script)

    assert runner.current(str(script)).entries == frozenset()


def test_an_entry_needs_no_public_type_and_one_of_a_public_type_counts_first(runner: Runner, tmp_path: Path) -> None:
    """A class that is not called public is not, and most scripts have one of these alone."""
    source = """
        class Routes { public static int a() { return 1; } public static int b() { return 2; } }
        public class Others { public static int b() { return 3; } }
    """
    script = library(tmp_path, "X", source)

    assert [code(runner, script, entry) for entry in "ab"] == [1, 3]


def test_an_entry_that_is_not_there_is_an_error_that_names_those_that_are(runner: Runner, tmp_path: Path) -> None:
    entries = " ".join(f"public static void {name}() {{ }}" for name in "ba")
    script = compiled(tmp_path, "X", f"static int Main() {{ return 3; }} {entries}")
    loads = code(runner, script)

    with pytest.raises(EntryMissing, match=r"X\.exe: there is no entry 'c'; it has a, b$"):
        code(runner, script, "c")

    assert [loads, code(runner, script)] == [3, 3]


def test_a_library_is_a_script_when_it_has_entries(runner: Runner, tmp_path: Path) -> None:
    warm = "static int s_warm; public static void Warm() { s_warm = 7; } public static int route() { return s_warm; }"
    routes = library(tmp_path, "Routes", f"public class Routes {{ {warm} }}")
    empty = library(tmp_path, "Empty", "public class Empty { public static void Takes(int x) { } }")

    assert code(runner, routes, "route") == 7
    with pytest.raises(EntryMissing, match=r"Routes\.dll: there is no main function \(Main in C#\); it has route$"):
        code(runner, routes)
    with pytest.raises(ScriptInvalid, match=r"Empty\.dll: the assembly has no Main, and no public static method"):
        code(runner, empty, "route")


def test_a_thousand_entries_count_and_none_with_a_longer_name(runner: Runner, tmp_path: Path) -> None:
    names = [f"e{number}" for number in range(MAX_ENTRIES)]
    methods = [f"public static void {name}() {{ }}" for name in ["x" * (LONGEST_ENTRY + 1), *names, "beyond"]]
    script = compiled(tmp_path, "X", "static int Main() { return 0; } " + "\n".join(methods))

    code(runner, script)

    assert runner.current(str(script)).entries == frozenset(names)


def test_each_entry_learns_what_it_reads_itself(runner: Runner, tmp_path: Path) -> None:
    body = 'public static int a() { return PV.GetS("$ru") == null ? 1 : 0; } static int Main() { return 0; }'
    script = compiled(tmp_path, "X", body + 'public static int b() { return PV.GetS("$fu") == null ? 1 : 0; }')

    asked = []
    for entry in ("a", "b", None) * 2:
        assert code(runner, script, entry) == 0
        foresight = runner.current(str(script)).foresight
        asked.append((foresight if entry is None else foresight.of(entry)).plan.reads)

    assert asked == [(("PV.GetS", "$ru"),), (("PV.GetS", "$fu"),), ()] * 2


def test_with_fresh_statics_each_exec_of_an_entry_begins_anew(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", ROUTES)
    settings = Settings(
        exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, observer="none", statics="fresh"
    )
    with Runner(settings) as fresh:
        assert [code(fresh, script, "request") for _ in range(3)] == [10, 10, 10]
        assert [code(fresh, script, entry) for entry in (None, "onsend", "request")] == [1, 0, 10]


def test_the_warm_up_is_an_entry_of_the_bridge_which_shows_no_type_to_scripts(runner: Runner) -> None:
    host = MessageHost(INVITE)

    result = runner.mono_exec(str(ensure_bridge().bridge_exe), "warm-up", host=host, entry="Run")

    assert (result.error, host.logs) == (None, [(3, "warm-up")])
    sources = [path.read_text("utf-8") for path in (ROOT / "bridge").glob("*.cs")]
    assert [line for text in sources for line in text.splitlines() if line.startswith("    public ")] == []
