from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.places import MESSAGE, ROOT
from tests.programs import WAIT_S, has_ended, until

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = 'class X { static int Main() { SR.PV.SetS("$rU", "%s"); return 0; } }\n'
WATCHING = "Ctrl-C ends"


def children(pid: int) -> list[int]:
    """Every process below ``pid``; workers lead sessions of their own, but keep their parent."""
    found = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended
            found += [int(word) for word in listed.read_text(encoding="ascii").split()]
    return found + [below for child in found for below in children(child)]


def save_by_rename(path: Path, text: str) -> None:
    """As most editors save: a new file takes the name."""
    new = path.with_name("#saved#")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "X.cs"
    path.write_text(GOOD % "one", encoding="utf-8")
    return path


def started(*words: str) -> pexpect.spawn[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    command = ["-c", "from runner.cli import main; main()", *words, "-m", str(MESSAGE), "--watch"]
    return pexpect.spawn(
        sys.executable, command, env=environment, encoding="utf-8", timeout=WAIT_S, dimensions=(50, 200), echo=False
    )


@pytest.fixture
def terminal(source: Path) -> Iterator[pexpect.spawn[str]]:
    spawned = started("exec", str(source))
    spawned.expect("sip:one@example.com")
    spawned.expect(WATCHING)
    yield spawned
    spawned.close(force=True)


def test_an_edit_shows_the_new_result_and_what_changed(terminal: pexpect.spawn[str], source: Path) -> None:
    source.write_text((GOOD % "two").replace("return 0", "return 3"), encoding="utf-8")

    terminal.expect("saved X.cs")
    terminal.expect("exit code 3")
    terminal.expect(r"\+INVITE sip:two@example.com")
    terminal.expect("changed since the run before")
    terminal.expect("-result: true, exit code 0")
    terminal.expect(r"\+result: false, exit code 3")
    terminal.expect(WATCHING)


def test_a_syntax_error_is_shown_and_the_next_save_mends_it(terminal: pexpect.spawn[str], source: Path) -> None:
    source.write_text("class X { static int Main() { return 0 } }\n", encoding="utf-8")
    terminal.expect(r"X\.cs does not compile: 1 error")
    terminal.expect(r"X\.cs:1:\d+: error CS1525")
    terminal.expect(WATCHING)

    source.write_text(GOOD % "mended", encoding="utf-8")

    terminal.expect("sip:mended@example.com")
    terminal.expect(WATCHING)


def test_what_does_not_compile_has_no_message_to_compare(terminal: pexpect.spawn[str], source: Path) -> None:
    """Each line of the message was listed as removed, and as added after the next save."""
    source.write_text("class X {\n", encoding="utf-8")
    terminal.expect("does not compile")
    terminal.expect(WATCHING)
    assert terminal.before is not None
    assert "changed since" not in terminal.before

    source.write_text(GOOD % "one", encoding="utf-8")

    terminal.expect("same outcome as run 1")
    terminal.expect(WATCHING)


def test_a_deleted_file_is_not_called_saved(terminal: pexpect.spawn[str], source: Path) -> None:
    source.unlink()

    terminal.expect("deleted X.cs")
    terminal.expect(WATCHING)


def test_a_save_by_rename_runs_it_again(terminal: pexpect.spawn[str], source: Path) -> None:
    save_by_rename(source, GOOD % "renamed")

    terminal.expect("sip:renamed@example.com")
    terminal.expect(WATCHING)


def test_a_save_that_changes_nothing_says_so(terminal: pexpect.spawn[str], source: Path) -> None:
    source.write_text(GOOD % "one", encoding="utf-8")

    terminal.expect("same outcome as the run before")
    terminal.expect(WATCHING)


def test_the_diff_is_coloured_in_a_terminal(terminal: pexpect.spawn[str], source: Path) -> None:
    save_by_rename(source, GOOD % "red")

    terminal.expect(r"\x1b\[31m *-INVITE sip:bob")
    terminal.expect(r"\x1b\[32m *\+INVITE sip:red")


def test_ctrl_c_ends_cleanly_and_leaves_no_process(terminal: pexpect.spawn[str]) -> None:
    assert terminal.pid is not None
    below = children(terminal.pid)
    assert below

    terminal.sendcontrol("c")

    terminal.expect("ended by Ctrl-C")
    terminal.expect(pexpect.EOF)
    assert terminal.before is not None
    assert "Traceback" not in terminal.before
    terminal.wait()
    assert terminal.exitstatus == 130
    until(lambda: all(map(has_ended, below)), "the processes below it have ended")


def test_run_loads_the_script_again_at_every_save(source: Path) -> None:
    terminal = started("run", "--load", str(source))
    terminal.expect("sip:one@example.com")
    terminal.expect(WATCHING)

    source.write_text(GOOD % "again", encoding="utf-8")

    terminal.expect("sip:again@example.com")
    terminal.expect(WATCHING)
    terminal.close(force=True)


def test_a_routing_script_is_watched_with_answers_and_a_trace(tmp_path: Path) -> None:
    source = tmp_path / "X.cs"
    body = "public class X { public static void route() {\nSR.KSR.tm.t_relay(%s); } }\n"
    source.write_text(body.replace("t_relay(%s)", "t_newtran()"), encoding="utf-8")
    words = ("--entry", "route", "--trace", "--answer", "tm.t_relay=1", "--answer", "tm.t_newtran=1")
    terminal = started("exec", str(source), *words)
    try:
        terminal.expect(r"X\.cs:2  KSR\.tm\.t_newtran\(\) -> 1 \(answered by --answer\)")
        terminal.expect(WATCHING)

        source.write_text(body % "", encoding="utf-8")

        terminal.expect(r"X\.cs:2  KSR\.tm\.t_relay\(\) -> 1 \(answered by --answer\)")
        terminal.expect("changed since the run before")
        terminal.expect(WATCHING)
    finally:
        terminal.close(force=True)
