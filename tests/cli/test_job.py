"""One job of the command line: which script runs on which message, and how often."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from runner.cli.job import Job
from tests.cli.commands import SAMPLE, app_mono, script
from tests.places import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path


def test_an_uncaught_exception_names_the_source_and_its_line(tmp_path: Path) -> None:
    path = script(tmp_path, 'throw new System.Exception("boom");')

    done = app_mono("exec", path, "-m", MESSAGE)

    assert done.stderr.splitlines()[0] == f"error: {path}: System.Exception: boom"
    assert f"{path}:3" in done.stderr


def test_the_message_may_come_from_standard_input_with_bare_line_feeds_and_that_is_said() -> None:
    data = MESSAGE.read_bytes().replace(b"\r\n", b"\n")

    done = app_mono("exec", SAMPLE, "-m", "-", stdin=data)

    assert done.returncode == 1
    assert "bare LF line ends were accepted" in done.stderr


def test_run_loads_the_script_at_start_and_runs_it() -> None:
    done = app_mono("run", "hello", "--load", SAMPLE, "--message", MESSAGE, "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["logs"][1]["text"] == "Parameter from Kamailio config: hello\n"


def test_an_assembly_runs_as_it_is(tmp_path: Path) -> None:
    path = script(tmp_path, "return 0;")
    built = app_mono("build", path)

    done = app_mono("exec", path.with_suffix(".exe"), "-m", MESSAGE)

    assert (built.returncode, done.returncode) == (0, 0)


def test_repeats_keep_the_worker_and_its_statics(tmp_path: Path) -> None:
    path = tmp_path / "X.cs"
    path.write_text("class X { static int n; static int Main() { return n++; } }", encoding="utf-8")

    done = app_mono("exec", path, "-m", MESSAGE, "--repeat", "5")

    assert "5 runs: 1 true, 4 false, 0 failed" in done.stdout
    assert done.returncode == 1


def test_a_script_that_never_returns_ends_at_its_timeout(tmp_path: Path) -> None:
    done = app_mono("exec", script(tmp_path, "while (true) {}"), "-m", MESSAGE, "--timeout", "0.3")

    assert done.returncode == 2
    assert "not done in time" in done.stderr


def test_a_message_that_kamailio_drops_is_not_run_on_unless_anyway(tmp_path: Path) -> None:
    message = re.sub(rb"\nTo: [^\n]*", b"", MESSAGE.read_bytes())
    words = ("--message", "-", "--json")

    for told in (
        app_mono("exec", script(tmp_path, "return 0;"), *words, stdin=message),
        app_mono("run", "--load", script(tmp_path, "return 0;"), *words, stdin=message),
    ):
        assert (told.returncode, json.loads(told.stdout)["ok"]) == (2, False)
        (line,) = told.stderr.splitlines()
        assert line == (
            "error: --message -: Kamailio would have dropped this message: it has no To; "
            "--anyway runs on it all the same"
        )
    assert app_mono("exec", script(tmp_path, "return 0;"), *words, "--anyway", stdin=message).returncode == 0


def test_a_message_without_a_first_line_is_not_run_on_at_all() -> None:
    done = app_mono("exec", SAMPLE, "--message", "-", "--anyway", stdin=b"this is no SIP message\n\n")

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: --message -: Kamailio would have dropped this message: line 1, column ")
    assert "--anyway" not in line


def test_what_a_run_depends_on_is_watched(tmp_path: Path) -> None:
    source = script(tmp_path, "return 0;")
    for name in ("Helper.dll", "X.exe.config", "README"):
        (tmp_path / name).touch()
    beside = {tmp_path / "Helper.dll", tmp_path / "X.exe.config"}

    assert set(Job("exec", str(source), None, str(MESSAGE)).watched()) == {source, MESSAGE, *beside}
    assert set(Job("exec", str(source), None, "-").watched()) == {source, *beside}
    assert Job("exec", str(tmp_path / "gone.exe"), None, "-").watched()[0] == tmp_path / "gone.exe"


@pytest.mark.parametrize(("name", "comment"), [("X.cs", "//"), ("X.py", "#"), ("X.js", "//")])
def test_files_that_a_script_says_it_reads_are_watched(tmp_path: Path, name: str, comment: str) -> None:
    source = tmp_path / name
    source.write_text(f"{comment} app-mono: -file:numbers.txt\n", "ascii")
    assert set(Job("exec", str(source), None, "-").watched()) == {source, tmp_path / "numbers.txt"}

    source.write_text(f"{comment} app-mono: -fiel:numbers.txt\n", "ascii")
    assert Job("exec", str(source), None, "-").watched() == [source]


def test_each_of_several_runs_has_a_message_of_its_own(tmp_path: Path) -> None:
    source = script(tmp_path, 'SR.Core.Log(1, SR.PV.GetS("$rU")); SR.PV.SetS("$rU", "changed"); return 0;')

    with Job("exec", str(source), None, str(MESSAGE)) as job:
        outcomes = list(job.runs(2))

    assert [outcome.logs for outcome in outcomes] == [[(1, "bob")]] * 2
    assert all(outcome.after and "sip:changed@example.com" in outcome.after for outcome in outcomes)


def test_dollars_in_the_name_of_a_file_that_is_there_are_no_variables(tmp_path: Path) -> None:
    source = script(tmp_path, "return 0;")
    assert app_mono("build", source).returncode == 0
    built = source.with_suffix(".exe").rename(tmp_path / "$nosuch.exe")

    assert app_mono("exec", built, "-m", MESSAGE).returncode == 0
    assert app_mono("exec", f"{tmp_path}/$(rU).exe", "-m", MESSAGE).stderr == (
        f"error: {tmp_path}/bob.exe: there is no such file\n"
    )
