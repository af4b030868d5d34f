"""A runtime of one's own: a command and a suffix in the settings, and a worker that can nothing but what it must."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ScriptError, ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.cli.commands import app_mono
from tests.places import INVITE, MESSAGE
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKER = Path(__file__).with_name("calls_worker.py")
SCRIPTS: dict[str, list[list[Any]]] = {
    "CallsExit": [["PV.SetS", "$rU", "before"], ["return", 3]],
    "MySRTest": [
        ["Core.Log", 1, "Kamailio API Version: 1.0\n"],
        ["Core.Log", 1, "Parameter from Kamailio config: {param}\n"],
        ["PV.GetS", "$ru"],
        ["Core.Log", 3, "Request URI is: {}\n"],
        ["PV.SetS", "$rU", "123"],
        ["HDR.AppendToReply", "My-Mono-Hdr: ok\r\n"],
        ["return", 1],
    ],
    "Notices": [
        ["Core.Log", 2, "one\n"],
        ["Core.Log", -1, "two \u00e9\n"],
        ["PV.GetS", "$rU"],
        ["Core.Log", 3, "{}"],
        ["PV.SetI", "$var(n)", -5],
        ["PV.IsNull", "$du"],
        ["return", "{}"],
    ],
    "Throws": [["Core.Log", 0, "last words"], ["fail", "boom"]],
}
"""What the transcripts run, as far as this language can say it."""


def written(directory: Path, name: str, calls: list[list[Any]]) -> Path:
    path = directory / f"{name}.calls"
    path.write_text("".join(f"{json.dumps(call)}\n" for call in calls), encoding="ascii")
    return path


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    settings = Settings(
        exec_timeout_s=WAIT_S,
        allocate_timeout_s=WAIT_S,
        runtimes={"calls": {"command": [sys.executable, str(WORKER)], "suffixes": [".calls"]}},
    )
    with Runner(settings, begins_with=["calls"]) as running:
        yield running


def test_a_script_reads_and_changes_the_message_as_in_any_language(runner: Runner, tmp_path: Path) -> None:
    script = written(tmp_path, "MySRTest", SCRIPTS["MySRTest"])

    for _ in range(4):  # what was learned from an exec is not sent to a worker that cannot take it
        host = MessageHost(INVITE)
        result = runner.mono_exec(script, "hello $ru", host=host)
        assert (result.exit_code, result.error) == (1, None)
        assert host.logs == [
            (1, "Kamailio API Version: 1.0\n"),
            (1, "Parameter from Kamailio config: hello sip:bob@example.com\n"),
            (3, "Request URI is: sip:bob@example.com\n"),
        ]
        assert (host.get_s("$ru"), host.reply_headers) == ("sip:123@example.com", ["My-Mono-Hdr: ok\r\n"])


def test_its_error_is_the_scripts_and_the_worker_goes_on(runner: Runner, tmp_path: Path) -> None:
    before = runner.snapshot().pids
    result = runner.mono_exec(written(tmp_path, "Throws", SCRIPTS["Throws"]), host=MessageHost(INVITE))

    assert isinstance(result.error, ScriptError)
    assert str(result.error).endswith("Throws.calls: Failure: boom")
    assert runner.snapshot().pids == before


def test_a_save_is_live_and_a_broken_one_leaves_the_last_good_build(
    runner: Runner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def code() -> int | None:
        return runner.mono_exec(script, host=MessageHost(INVITE)).exit_code

    script = written(tmp_path, "Gives", [["return", 1]])
    assert code() == 1
    written(tmp_path, "Gives", [["return", 2]])
    assert code() == 2
    script.write_text('["return", 3\n', encoding="ascii")
    assert code() == 2
    assert f"{script}:1:1: Expecting ',' delimiter" in caplog.text

    other = tmp_path / "Other.calls"
    other.write_text("no call\n", encoding="ascii")
    assert isinstance(runner.mono_exec(other, host=MessageHost(INVITE)).error, ScriptInvalid)


def test_the_check_plays_the_transcripts_whose_scripts_are_there(tmp_path: Path) -> None:
    for name, calls in SCRIPTS.items():
        written(tmp_path, name, calls)

    told = app_mono("runtime", "check", "--suffix", ".calls", "--scripts", tmp_path, "--", sys.executable, WORKER)

    right = [line.split()[0] for line in told.stdout.splitlines() if line.split()[1] == "right"]
    assert told.returncode == 0, told.stdout
    assert right == ["exits", "manual", "no_script", "notices", "throws"]
    assert "5 right, 0 wrong, " in told.stderr


def test_the_commands_know_it_from_the_settings(tmp_path: Path) -> None:
    config, script = tmp_path / "app-mono.toml", written(tmp_path, "MySRTest", SCRIPTS["MySRTest"])
    command = json.dumps([sys.executable, str(WORKER)])
    config.write_text(f'[runtimes.calls]\ncommand = {command}\nsuffixes = [".calls"]\n', encoding="utf-8")

    told = app_mono("exec", script, "--message", MESSAGE, "--config", config)

    assert told.returncode == 1
    assert "+INVITE sip:123@example.com SIP/2.0" in told.stdout
