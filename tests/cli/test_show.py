"""How outcomes and errors look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runner.cli import show
from runner.cli.outcome import Outcome
from runner.errors import BuildError, ConfigError, ScriptError, WorkerDied
from tests.cli.commands import SAMPLE, app_mono, script
from tests.places import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_manual_s_sample_shows_its_log_lines_result_changed_message_and_reply_header() -> None:
    done = app_mono("exec", SAMPLE, "hello", "--message", MESSAGE)

    assert (done.returncode, done.stderr) == (1, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[:4] == [
        "notice Kamailio API Version: 1.0",
        "notice Parameter from Kamailio config: hello",
        "debug Request URI is: sip:bob@example.com",
        "result false exit code 1",
    ]
    assert "-INVITE sip:bob@example.com SIP/2.0" in lines
    assert "+INVITE sip:123@example.com SIP/2.0" in lines
    assert "reply headers +My-Mono-Hdr: ok" in lines
    assert lines[-2].startswith("timing queue load run total")


def test_json_is_one_object_with_everything() -> None:
    done = app_mono("exec", SAMPLE, "hello", "--message", MESSAGE, "--json")

    value = json.loads(done.stdout)
    keys = "ok exit_code error logs message reply_headers replies calls timing_us"
    assert list(value) == keys.split()
    assert (value["ok"], value["exit_code"], value["error"]) == (False, 1, None)
    assert value["logs"][1] == {"level": 1, "text": "Parameter from Kamailio config: hello\n"}
    assert value["message"] == MESSAGE.read_bytes().decode().replace(
        "sip:bob@example.com SIP", "sip:123@example.com SIP"
    )
    assert value["reply_headers"] == ["My-Mono-Hdr: ok\r\n"]
    assert list(value["timing_us"]) == ["queue", "load", "run", "total"]


def test_compiler_errors_name_file_line_and_column_and_show_the_line(tmp_path: Path) -> None:
    path = script(tmp_path, 'int n = "a"; return n;')

    done = app_mono("exec", path, "-m", MESSAGE)

    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{path}:3:13: error CS0029" in done.stderr
    assert 'int n = "a"; return n;' in done.stderr


def test_control_characters_of_a_script_do_not_reach_the_terminal(tmp_path: Path) -> None:
    done = app_mono("exec", script(tmp_path, r'SR.Core.Log(1, "\u001b[2J"); return 0;'), "-m", MESSAGE)

    assert "\x1b" not in done.stdout
    assert r"\x1b[2J" in done.stdout


def outcome(code: int = 0, text: str = "", **more: Any) -> Outcome:
    return Outcome(ok=code == 0, exit_code=code, error=None, before="", after=text, **more)


FAILED = Outcome(ok=False, exit_code=None, error=ConfigError("no"))


def test_several_runs_are_one_object_with_their_number(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [outcome(timing_us={"total": 5}), outcome(1, timing_us={"total": 7}), FAILED]

    value = json.loads(show.as_json(runs))
    show.repeats(runs)

    assert (value["ok"], value["error"]) == (False, "no")
    assert value["repeat"] == {"count": 3, "true": 1, "failed": 1, "total_us": [5, 7, None]}
    assert "repeat" not in json.loads(show.as_json(runs[:1]))
    assert capsys.readouterr().out == "3 runs: 1 true, 1 false, 1 failed\n"


def test_only_what_changed_since_an_earlier_run_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    old = outcome(text="INVITE a\r\nX: 1\r\n", reply_headers=["R: 1\r\n"])

    show.changes(old, outcome(3, text="INVITE b\r\nX: 1\r\n", reply_headers=["R: 1\r\n"]), "the run before")
    show.changes(old, old, "the run before")

    told = capsys.readouterr()
    assert [line.strip() for line in told.out.splitlines()] == [
        "changed since the run before",
        "-result: true, exit code 0",
        "-INVITE a",
        "+result: false, exit code 3",
        "+INVITE b",
    ]
    assert told.err == "same outcome as the run before\n"


def test_the_slowest_of_several_runs_has_a_row_and_a_single_run_none(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [outcome(timing_us={"run": us}, calls=4) for us in (1000, 9000, 2000)]

    show.timing(runs)
    show.timing(runs[:1])
    show.timing([FAILED])

    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["timing", "run", "calls"],
        ["fastest", "1.00", "ms", "4"],
        ["median", "2.00", "ms", "4"],
        ["slowest", "9.00", "ms", "4"],
        ["timing", "run", "calls"],
        ["1.00", "ms", "4"],
    ]


def test_an_error_is_followed_by_what_the_script_or_its_worker_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    show.error(ScriptError("X.cs: E: boom", "E: boom\n  at X.Main ()"))
    show.error(WorkerDied("worker 7: the process ended", last_lines=("last\x1bwords",)))

    assert capsys.readouterr().err.splitlines() == [
        "error: X.cs: E: boom",
        "    at X.Main ()",
        "error: worker 7: the process ended",
        r"  stderr: last\x1bwords",
    ]


def test_the_caret_of_a_diagnostic_is_below_its_column_behind_tabs_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "X.cs"
    source.write_text("first\n\t\tint n = x;\n", "utf-8")

    show.error(
        BuildError("it does not compile", [f"{source}:2:11: error CS0103: x", "no place", f"{source}:9:1: error"])
    )

    _, placed, text, caret, *more = capsys.readouterr().err.splitlines()
    assert placed == f"  {source}:2:11: error CS0103: x"
    assert text[caret.index("^")] == "x"
    assert more == ["  no place", f"  {source}:9:1: error"]


def test_a_patch_that_is_piped_is_byte_by_byte(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    show.patch(["--- a", "+++ b", "+caf\udce9 \x1b[2J"])

    assert capfdbinary.readouterr().out == b"--- a\n+++ b\n+caf\xe9 \x1b[2J\n"


def test_marks_of_rich_in_foreign_text_have_no_effect(capsys: pytest.CaptureFixture[str]) -> None:
    show.line("[red]a[/red]")
    show.logged("warning", "[/] first\nsecond")
    show.located("[b].cfg", 3, "[i]", is_error=True)
    show.checked("a", "[b]", "bad")

    told = capsys.readouterr()
    assert told.out.splitlines() == ["[red]a[/red]", "FIX  a          [b]"]
    assert told.err.splitlines() == ["warning: [/] first", "  second", "[b].cfg:3: [i]"]
