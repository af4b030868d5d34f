"""How outcomes and errors look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.commands import SAMPLE, app_mono, script
from tests.places import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path


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
    assert list(value) == ["ok", "exit_code", "error", "logs", "message", "reply_headers", "calls", "timing_us"]
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
