"""``--trace``: every call with its line, in the languages that come with app-mono."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, cast

import pytest

from runner import build
from runner.cli.trace import MOST_CALLS, TracedHost
from runner.errors import CallRefused
from runner.hosts.embedded.host import MessageHost
from tests.cli.commands import app_mono, script
from tests.places import INVITE, MESSAGE
from tests.programs import MCS

if TYPE_CHECKING:
    from pathlib import Path

    from runner.calls import Host

SCRIPTS = {
    "x.cs": """using SR;
public static class X {
    static string Inner() { return KSR.pv.get("$rU"); }
    public static void route() {
        Core.Log(2, "one");
        PV.SetS("$var(a)", Inner());
        KSR.warn("two");
        KSR.tm.t_relay();
        KSR.x.exit();
    }
}
""",
    "x.py": """from SR import KSR, PV, Core
def inner(): return KSR.pv.get("$rU")

def route():
    Core.log(2, "one")
    PV.set_s("$var(a)", inner())
    KSR.warn("two")
    KSR.tm.t_relay()
    KSR.x.exit()
""",
    "x.js": """const { KSR, PV, Core } = require("SR");
const inner = () => KSR.pv.get("$rU");

exports.route = () => {
    Core.log(2, "one");
    PV.setS("$var(a)", inner());
    KSR.warn("two");
    KSR.tm.t_relay();
    KSR.x.exit();
};
""",
    "X.java": """import SR.*;
public class X {
    static String inner() { return (String) KSR.call("pv.get", "$rU"); }
    public static void route() {
        Core.log(2, "one");
        PV.setS("$var(a)", inner());
        KSR.call("warn", "two");
        KSR.call("tm.t_relay");
        KSR.x.exit();
    }
}
""",
}
INNER = {"x.cs": 3, "x.py": 2, "x.js": 2, "X.java": 3}


def traced(path: Path, *words: str) -> list[dict[str, Any]]:
    """The calls of one run, by --json, without their times."""
    done = app_mono("exec", path, "-m", MESSAGE, "--trace", "--json", *words)
    value = json.loads(done.stdout)
    assert value["error"] is None, done.stderr
    times = [step.pop("time_us") for step in value["trace"]]
    assert times == sorted(times)
    return cast("list[dict[str, Any]]", value["trace"])


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_call_is_shown_with_the_line_that_makes_it(tmp_path: Path, name: str) -> None:
    if name == "x.js" and shutil.which("node") is None:
        pytest.skip("node is not installed: apt-get install nodejs")
    if name == "X.java" and shutil.which("javac") is None:
        pytest.skip("javac is not installed: apt-get install default-jdk-headless")
    path = tmp_path / name
    path.write_text(SCRIPTS[name], "utf-8")

    steps = traced(path, "--entry", "route", "--answer", "tm.t_relay=1")

    file = name if name == "X.java" else str(path)
    assert steps == [
        {"call": "SR.Core.Log", "arguments": [2, "one"], "value": None, "file": file, "line": 5},
        {"call": "KSR.pv.get", "arguments": ["$rU"], "value": "bob", "file": file, "line": INNER[name]},
        {"call": "SR.PV.SetS", "arguments": ["$var(a)", "bob"], "value": 0, "file": file, "line": 6},
        {"call": "SR.Core.Log", "arguments": [0, "two"], "value": None, "file": file, "line": 7},
        {
            "call": "KSR.tm.t_relay", "arguments": [], "value": 1, "file": file, "line": 8, "given_by": "--answer",
        },
        {"call": "KSR.x.exit", "arguments": [], "value": None, "file": file, "line": 9},
    ]  # fmt: skip


def test_what_would_be_sent_ahead_is_traced_too_and_a_run_without_a_trace_gives_the_same(tmp_path: Path) -> None:
    path = script(tmp_path, 'SR.PV.SetS("$rU", SR.PV.GetS("$fU")); return SR.HDR.Append("X: y\\r\\n");')

    steps = traced(path, "--repeat", "5")
    told = [
        json.loads(app_mono("exec", path, "-m", MESSAGE, "--json", *words).stdout)["message"]
        for words in ((), ("--trace",))
    ]

    assert [(step["call"], step["value"], step["line"]) for step in steps] == [
        ("SR.PV.GetS", "alice", 3), ("SR.PV.SetS", 0, 3), ("SR.HDR.Append", 0, 3),
    ]  # fmt: skip
    assert told[0] == told[1]


def test_people_see_one_line_for_each_call_with_long_and_odd_texts_made_short_and_harmless(tmp_path: Path) -> None:
    body = 'SR.Core.Log(1, "\\x1b[2J" + new string(\'x\', 300)); SR.PV.GetS("$nope"); return SR.PV.SetS("$ru", null);'

    done = app_mono("run", "--load", script(tmp_path, body), "-m", MESSAGE, "--trace")

    rows = [line.split("  ", 2) for line in done.stdout.splitlines() if " ms  X.cs:3  " in line]
    assert len(rows) == 2, "a null argument is no call of the host"
    assert "\\u001b[2Jxxx" in rows[0][2]
    assert rows[0][2].rstrip().endswith("xxx... (304 characters))")
    assert rows[1][2].rstrip() == 'SR.PV.GetS("$nope") -> null'
    assert "\x1b" not in done.stdout


def test_a_call_that_is_refused_is_in_the_trace_with_the_reason(tmp_path: Path) -> None:
    path = script(tmp_path, "try { SR.KSR.tm.t_relay(); } catch (System.Exception) { } return 0;")

    (step,) = traced(path)

    assert step["value"] is None
    assert step["refused"].startswith("KSR.tm.t_relay needs a running Kamailio")


def test_a_helper_and_a_thread_of_the_script_have_lines_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "H.cs").write_text('public class H {\n\n\npublic static void Log() { SR.Core.Dbg("h"); }\n}\n', "utf-8")
    sr = f"-r:{build.ensure_bridge().sr_dll}"
    subprocess.run([MCS, "-debug", "-t:library", sr, "H.cs"], cwd=tmp_path, check=True)
    (tmp_path / "X.cs").write_text(
        "class X { static void Main() {\nH.Log();\nvar t = new System.Threading.Thread(() =>\n"
        'SR.Core.Dbg("t"));\nt.Start(); t.Join(); } }\n', "utf-8",
    )  # fmt: skip
    subprocess.run([MCS, "-debug", sr, "-r:H.dll", "X.cs"], cwd=tmp_path, check=True)

    steps = traced(tmp_path / "X.exe")

    assert [(step["arguments"][1], step["file"], step["line"]) for step in steps] == [
        ("h", str(tmp_path / "H.cs"), 4), ("t", str(tmp_path / "X.cs"), 4),
    ]  # fmt: skip


def test_a_script_without_symbols_is_traced_without_lines(tmp_path: Path) -> None:
    (tmp_path / "X.cs").write_text('class X { static void Main() { SR.PV.GetI("$rs"); } }', "utf-8")
    subprocess.run([MCS, f"-r:{build.ensure_bridge().sr_dll}", "X.cs"], cwd=tmp_path, check=True)

    assert traced(tmp_path / "X.exe") == [{"call": "SR.PV.GetI", "arguments": ["$rs"], "value": 0}]


def test_the_host_remembers_so_many_calls_and_counts_the_rest() -> None:
    traced = TracedHost(cast("Host", MessageHost(INVITE)))
    host: Any = traced

    for _ in range(MOST_CALLS + 3):
        host.get_i("$rs")
    with pytest.raises(CallRefused):
        host.ksr("tm.t_relay", [])

    assert (len(traced.steps), traced.more) == (MOST_CALLS, 4)
    assert not hasattr(traced, "depends_on")


def test_a_place_belongs_to_the_next_call_alone() -> None:
    traced = TracedHost(cast("Host", MessageHost(INVITE)))
    host: Any = traced

    traced.called_from("/x/X.cs", 7)
    host.get_s("$rU")
    host.get_s("$rU")

    assert [step.place for step in traced.steps] == [("/x/X.cs", 7), None]
