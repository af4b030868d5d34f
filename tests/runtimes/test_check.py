"""runner.runtimes.check: transcripts, played with any worker; what is wrong is named by its line."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from runner.runtimes.check import Wrong, check
from runner.runtimes.transcripts import directory, language
from tests.bridges.pythons import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

    from runner.runtimes.check import Verdict

READY = {"jsonrpc": "2.0", "method": "ready", "params": {"protocol": 3, "runtime": "1", "pid": 1, "can": []}}


def worker(directory: Path, body: str) -> list[str]:
    """A worker with this body; ``hear`` gives a message, and ``say`` sends one."""
    path = directory / "worker.py"
    path.write_text(
        "import json, os, sys\n"
        "lines = os.fdopen(3)\n"
        "def hear(): return json.loads(lines.readline())\n"
        "def say(message): os.write(4, json.dumps(message).encode() + b'\\n')\n"
        f"ready = {READY!r}\nready['params']['pid'] = os.getpid()\n{body}\n",
        encoding="utf-8",
    )
    return [sys.executable, str(path)]


def verdicts(command: list[str], suffix: str = ".py", scripts: Path | None = None) -> dict[str, Verdict]:
    return {each.transcript.name: each for each in check(command, language(suffix, scripts), patience_s=20)}


def test_the_worker_for_python_is_right_in_every_transcript() -> None:
    found = verdicts(COMMAND)

    assert set(found) == {path.stem for path in directory().glob("*.jsonl")}
    assert {name: (each.wrong, each.left_out) for name, each in found.items() if each.wrong or each.left_out} == {}


def test_of_a_language_that_is_not_known_the_words_are_free_and_what_lacks_its_script_is_left_out(
    tmp_path: Path,
) -> None:
    for file in (directory() / "python").glob("*.py"):
        if file.stem != "Throws":
            (tmp_path / file.name).write_bytes(file.read_bytes())

    found = verdicts(COMMAND, scripts=tmp_path)

    assert {name for name, each in found.items() if each.left_out} == {"throws"}
    assert "has no Throws.py" in found["throws"].left_out
    assert [each.wrong for each in found.values() if each.wrong] == []


def test_what_a_worker_does_not_say_that_it_can_is_left_out_and_what_it_says_wrong_has_its_line(tmp_path: Path) -> None:
    command = worker(
        tmp_path,
        "say(ready)\nprint('to the log', flush=True)\n"
        "while True:\n    request = hear()\n"
        "    say({'jsonrpc': '2.0', 'id': request['id'], 'result': {'needs': [], 'entries': 7}})",
    )
    for file in (directory() / "python").glob("*.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())

    found = verdicts(command, scripts=tmp_path)

    assert {name for name, each in found.items() if each.left_out} == {
        "entries", "foreseen", "nested", "traced",
    }  # fmt: skip
    assert found["nested"].left_out == "the worker does not say that it can: values, edits, entries, within"
    notices = found["notices"]
    assert notices.wrong is not None
    assert notices.wrong.row == 4
    assert json.loads(notices.wrong.expected) == {"jsonrpc": "2.0", "id": 1, "result": {"needs": [], "entries": []}}
    assert json.loads(notices.wrong.got)["result"] == {"needs": [], "entries": 7}
    assert notices.log == "to the log\n"


@pytest.mark.parametrize(
    ("body", "got"),
    [
        ("", "null"),
        ("os.write(4, b'hello\\n')", "expected one line of JSON, got 'hello'"),
        ('os.write(4, b\'{"a": "\\xc3\\xa9"}\\n\')', "expected printable ASCII"),
        ("say(ready | {'method': 'hello'})", '"method": "hello"'),
    ],
)
def test_a_worker_that_does_not_say_ready_is_wrong_everywhere(tmp_path: Path, body: str, got: str) -> None:
    played = [each for each in verdicts(worker(tmp_path, body)).values() if not each.left_out]

    assert len(played) >= 9
    for verdict in played:
        assert verdict.wrong is not None
        assert verdict.wrong.row == 2
        assert got in verdict.wrong.got


def test_a_worker_that_says_nothing_is_not_waited_for_without_an_end(tmp_path: Path) -> None:
    first = next(iter(check(worker(tmp_path, "hear()"), language(".py", None), patience_s=0.2)))

    assert isinstance(first.wrong, Wrong)
    assert first.wrong.got == "nothing, for as long as it had"
