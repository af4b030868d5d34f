"""``app-mono runtime check``: a worker of one's own, held against the transcripts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.bridges.pythons import COMMAND
from tests.cli.commands import app_mono

if TYPE_CHECKING:
    from pathlib import Path


def test_a_worker_that_is_right_in_all_is_told_so() -> None:
    told = app_mono("runtime", "check", "--", *COMMAND)

    assert told.returncode == 0
    assert "manual              right     the sample of app_mono's manual" in told.stdout
    assert " 0 wrong, 0 left out" in told.stderr


def test_what_is_wrong_is_shown_with_its_line_and_with_the_log(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text("print('what is this?')\n", encoding="ascii")

    told = app_mono("runtime", "check", "--", sys.executable, tmp_path / "worker.py")

    assert told.returncode == 1
    lines = told.stdout.splitlines()
    assert lines[0].split()[:2] == ["entries", "wrong"]
    assert lines[1] == "    line 2 of entries.jsonl"
    assert lines[2].startswith('    expected  {"jsonrpc": "2.0", "method": "ready"')
    assert lines[3:5] == ["    got       null", "    its log   what is this?"]
    assert "0 right, " in told.stderr


def test_bad_usage_says_what_is_missing(tmp_path: Path) -> None:
    for words, said in (
        (["--suffix", ".lua", "--", "sh"], "no scripts for .lua come with app-mono"),
        (["--scripts", str(tmp_path / "gone"), "--", "sh"], "expected a directory"),
        (["--", "no-such-program"], "expected a program that can be started"),
    ):
        told = app_mono("runtime", "check", *words)
        assert told.returncode == 2
        assert said in told.stderr
