"""Functions of KEMI on the wire: asked, answered, refused, and sent ahead."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runner.build import ensure_bridge
from runner.runner import Runner
from runner.settings import Settings
from tests.kemi import Kemi
from tests.programs import MCS, WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MONO = shutil.which("mono") or "mono"

# SR.dll lets in an assembly of the name KSR alone, so the program itself has that name. Its one argument is what it
# does: call FUNCTION [ARGUMENT...], read FUNCTION [NAME], or modf NAME [ARGUMENT...]; a number is an int, true a bool.
PROGRAM = """
using System; using System.Linq; using SR;
class Asks {
    static object Value(string word) {
        int number;
        if (int.TryParse(word, out number)) { return number; }
        return word == "null" ? null : word == "true" ? (object)true : word;
    }
    static int Main(string[] args) {
        foreach (string step in args[0].Split(';')) {
            string[] words = step.Split(' ');
            string refusal = null;
            object[] values = words.Skip(2).Select(Value).ToArray();
            object result = words[0] == "modf"
                ? SR.Core.ModF(words[1], words.Skip(2).ToArray())
                : Host.Ksr(words[0] == "read", words[1], out refusal, values);
            SR.Core.Log(2, refusal ?? (result == null ? "null" : result.GetType().Name + " " + result));
        }
        return 0;
    }
}
"""


class Program:
    """A script that makes the calls it is told to, in one worker."""

    def __init__(self, runner: Runner, path: Path) -> None:
        self._runner, self._path = runner, path
        self.host = Kemi()

    def __call__(self, steps: str) -> list[str]:
        """What each call gave."""
        self.host = Kemi()
        result = self._runner.mono_exec(self._path, steps.replace("$", "$$"), host=self.host, timeout_s=WAIT_S)
        assert result.error is None, result.error
        return [text for _, text in self.host.logs]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    place = tmp_path_factory.mktemp("ksr")
    (place / "Asks.cs").write_text(PROGRAM, encoding="utf-8")
    path = place / "KSR.exe"
    sr_dll = ensure_bridge().sr_dll
    command = [MCS, f"-out:{path}", f"-r:{sr_dll}", "-r:System.Core.dll", str(place / "Asks.cs")]
    subprocess.run(command, check=True, capture_output=True)
    with Runner(Settings(num_workers=1, spare_workers=0, allocate_timeout_s=WAIT_S)) as runner:
        yield Program(runner, path)


@pytest.mark.parametrize(
    ("step", "asked", "result"),
    [
        ("call sl.send_reply 404 Gone", ("sl.send_reply", 404, "Gone"), "Int64 1"),
        ("call is_INVITE", ("is_INVITE",), "Int64 1"),
        ("call x.y true -5", ("x.y", True, -5), "null"),
        ("read pv.get $rU", ("pv.get", "$rU"), "String bob"),
        ("modf append_hf X:1", ("append_hf", "X:1"), "Int32 7"),
    ],
)
def test_a_call_reaches_the_host_with_its_arguments(
    program: Program, step: str, asked: tuple[Any, ...], result: str
) -> None:
    assert program(step) == [result]
    assert program.host.asked[-1] == asked


def test_a_refusal_is_a_sentence_for_the_script(program: Program) -> None:
    (sentence,) = program("call gone")

    assert sentence.startswith("there is no such function: éé")
    assert len(sentence) == 500  # REASON_CHARACTERS


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("call hdr.append null", "KSR.hdr.append: expected a text as argument 1, got null"),
        ("call x 1 2 3 4 5 6 7", "KSR.x: its arguments are too long, or are no text that can be written"),
    ],
)
def test_what_cannot_travel_is_refused_in_the_worker(program: Program, step: str, sentence: str) -> None:
    assert program(step) == [sentence]
    assert [call for call in program.host.asked if call[0] in step] == []


def test_what_only_reads_is_learned_and_does_not_end_the_guessing(program: Program) -> None:
    """The second time both values travel with the exec, and the edit is a notice; nothing is asked."""
    steps = "read pv.get $ru;read kx.get_timestamp;call pv.sets $var(a) b;read pv.get $fu"
    expected = ["String sip:bob@example.com", "null", "Boolean True", "String sip:alice@example.com"]

    for _ in range(4):
        results = program(steps)
        assert [results[0], results[1], results[3]] == [expected[0], expected[1], expected[3]]
    # The time is asked for each time, though the question changes nothing; the others are read ahead.
    assert program.host.asked[-1] == ("kx.get_timestamp",)
    assert {*program.host.asked[:-1]} >= {("pv.get", "$ru"), ("pv.get", "$fu")}
    assert program.host.get_s("$var(a)") == "b"
    assert results[2] == "Boolean True"


def test_a_text_for_the_log_needs_no_answer_and_does_not_end_the_guessing(program: Program) -> None:
    steps = "read pv.get $ru;call err one;call dbg two;call log three;read pv.get $ru"

    for _ in range(2):
        program(steps)
        logged = [entry for entry in program.host.logs if entry[1] in {"one", "two", "three"}]

    assert logged == [(-1, "one"), (3, "two")]
    assert [call for call in program.host.asked if call[0] not in {"pv.get", "is_INVITE"}] == [("log", "three")]


def test_any_other_function_ends_the_guessing(program: Program) -> None:
    """After it the script sees what is there then, not what travelled with the exec."""
    for _ in range(3):
        program("read pv.get $rU;call is_INVITE;read pv.get $rU")

    assert program.host.asked[-2:] == [("is_INVITE",), ("pv.get", "$rU")]


def test_outside_an_exec_there_is_nobody_to_ask(program: Program, tmp_path: Path) -> None:
    """By mono alone, without a bridge."""
    copy = tmp_path / "KSR.exe"
    copy.write_bytes(program._path.read_bytes())
    (tmp_path / "SR.dll").write_bytes(ensure_bridge().sr_dll.read_bytes())

    done = subprocess.run([MONO, str(copy), "call tm.t_relay;modf sl"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
