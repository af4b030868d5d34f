"""A routing script (KEMI) on the command line, without Kamailio: answers for what needs a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.commands import app_mono
from tests.places import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path

ROUTE = """using SR;
public static class X
{
    public static void route()
    {
        KSR.tm.t_on_failure("nobody");
        int done = KSR.tm.t_relay();
        KSR.info("relayed " + done);
    }

    public static void nobody_answers()
    {
        KSR.tm.t_on_branch("route");
        KSR.tm.t_on_failure("");
    }
}
"""
ENTRY = ("-m", MESSAGE, "--entry", "route")


def route(directory: Path, text: str = ROUTE, name: str = "X.cs") -> Path:
    path = directory / name
    path.write_text(text, "utf-8")
    return path


def test_an_answer_takes_the_place_of_the_server_and_is_shown(tmp_path: Path) -> None:
    words = ("exec", route(tmp_path), *ENTRY, "--answer", "tm.t_relay=-1", "--answer", "tm.t_on_failure=1")

    done = app_mono(*words)
    value = json.loads(app_mono(*words, "--json").stdout)

    assert done.returncode == 0
    lines = [line.strip() for line in done.stdout.splitlines()[:4]]
    assert lines == [
        "info          relayed -1",
        'answers       KSR tm.t_on_failure("nobody") -> 1 (answered by --answer)',
        "KSR tm.t_relay() -> -1 (answered by --answer)",
        "KSR tm.t_on_failure has armed nobody, which the script does not have; did you mean nobody_answers?",
    ]
    assert value["answered"][1] == {
        "function": "KSR.tm.t_relay", "arguments": [], "result": -1, "given_by": "--answer",
    }  # fmt: skip
    assert value["armed"] == {"tm.t_on_failure": "nobody"}


def test_a_reply_of_the_script_is_shown(tmp_path: Path) -> None:
    text = 'public static class X { public static void route() { SR.KSR.sl.send_reply(404, "Not Here"); } }'

    done = app_mono("exec", route(tmp_path, text), *ENTRY)
    value = json.loads(app_mono("exec", tmp_path / "X.cs", *ENTRY, "--json").stdout)

    assert "replies       SIP/2.0 404 Not Here" in done.stdout.splitlines()
    (reply,) = value["replies"]
    assert reply.startswith("SIP/2.0 404 Not Here\r\n")
    assert reply.endswith("\r\n\r\n")


def test_without_an_answer_the_error_says_how_to_give_one(tmp_path: Path) -> None:
    done = app_mono("exec", route(tmp_path), *ENTRY)

    assert done.returncode == 2
    assert "KSR.tm.t_on_failure needs a running Kamailio: app-mono exec --in-kamailio; " in done.stderr
    assert "--answer tm.t_on_failure=VALUE\n" in done.stderr
    assert "X.cs:6\n" in done.stderr


def test_the_settings_have_answers_as_well_and_an_option_outweighs_them(tmp_path: Path) -> None:
    settings = tmp_path / "x.toml"
    settings.write_text('[answers]\n"tm.t_on_failure" = 1\ntm.t_relay = 1\n', "utf-8")

    done = app_mono("exec", route(tmp_path), *ENTRY, "--config", settings, "--answer", "tm.t_relay=2")

    assert 'KSR tm.t_on_failure("nobody") -> 1 (answered by [answers])' in done.stdout
    assert "KSR tm.t_relay() -> 2 (answered by --answer)" in done.stdout


def test_a_refused_function_stays_refused_unless_it_is_answered(tmp_path: Path) -> None:
    body = 'KSR.info("" + KSR.exec.exec_cmd("true"));'
    path = route(tmp_path, f"using SR; public class X {{ public static void route() {{ {body} }} }}")

    refused = app_mono("exec", path, *ENTRY)
    answered = app_mono("exec", path, *ENTRY, "--answer", "exec.exec_cmd=-1")

    assert "KSR.exec.exec_cmd is refused: it starts processes" in refused.stderr
    assert answered.returncode == 0
    assert answered.stdout.startswith("info          -1\n")


def test_an_answer_that_cannot_be_given_ends_the_command_before_anything_runs(tmp_path: Path) -> None:
    words = ("exec", route(tmp_path), *ENTRY)

    for option, there in (("tm.t_rely=1", ()), ("tm.t_relay=1", ("--in-kamailio",)), ("tm.t_relay=1", ("--compare",))):
        done = app_mono(*words, "--answer", option, *there)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: --answer ")


def test_run_takes_answers_too(tmp_path: Path) -> None:
    path = route(tmp_path, "from SR import KSR\ndef main():\n    return KSR.tm.t_relay()\n", "x.py")

    done = app_mono("run", "--load", path, "-m", MESSAGE, "--answer", "tm.t_relay=7")

    assert "exit code 7" in done.stdout


def test_an_entry_that_was_armed_can_be_run_and_an_empty_name_arms_none(tmp_path: Path) -> None:
    words = ("--answer", "tm.t_on_branch=1", "--answer", "tm.t_on_failure=1")

    done = app_mono("exec", route(tmp_path), "-m", MESSAGE, "--entry", "nobody_answers", *words)

    assert [line.strip() for line in done.stdout.splitlines() if "armed" in line] == [
        "KSR tm.t_on_branch has armed route, which nothing calls here: run it with --entry route"
    ]
