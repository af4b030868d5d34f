"""Texts of scripts and files in logs and tables: no terminal obeys them, and none passes for another line."""

from __future__ import annotations

import logging
import re
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli import serve as daemon_command
from runner.client.lease import Lease
from runner.printable import CONTINUED, RECORD_CHARACTERS, RecordFormatter, ended_record, printable, record
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.places import ROOT
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from pathlib import Path

    from runner.calls import Host

HOSTILE = "\x1b[2J\x1b]0;title\x07\r\x9b31m\x7f\x85\u2028\u202eevil\u2066\u200b\ufeff\x00"
SHOWN = r"\x1b[2J\x1b]0;title\x07\r\x9b31m\x7f\x85\u2028\u202eevil\u2066\u200b\ufeff\x00"
C_SHARP = '"\\u001b[2J\\u009b31m\\u202e\\nworker 1: forged\\r\\nERROR: forged"'
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # including lone surrogates


class NoHost:
    """A host of which the script asks nothing."""

    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


NO_HOST: Host = NoHost()  # type: ignore[assignment]


@pytest.mark.parametrize(
    "text", ["", "an ordinary line", "Grüße, 漢字, שלום, 🙂", 'C:\\x1b is not an escape, nor is "this"', "a\ttab"]
)
def test_an_ordinary_line_is_unchanged(text: str) -> None:
    assert printable(text) == text
    assert record(text) == text
    assert ended_record(text + "\n") == text + "\n"


def test_a_character_that_a_terminal_would_obey_is_shown_as_its_number() -> None:
    assert printable(HOSTILE) == SHOWN
    assert printable("a\nb") == r"a\nb"
    assert printable("\udcff\ud800") == r"\xff\ud800"


@given(ANY_TEXT)
def test_any_text_becomes_one_line_that_can_be_written(text: str) -> None:
    shown = printable(text)

    shown.encode("utf-8")
    assert shown.replace("\t", "").isprintable()


@given(ANY_TEXT)
def test_each_further_line_of_a_record_is_indented(text: str) -> None:
    first, *others = record(text).splitlines() or [""]

    assert len(others) == text.count("\n")
    assert first.replace("\t", "").isprintable()
    assert all(line.startswith(CONTINUED) for line in others)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_line_end_of_a_text_is_kept(end: str) -> None:
    assert ended_record(f"one\r\ntwo{end}") == f"one\n{CONTINUED}two{end}"


def test_a_record_has_a_limited_length() -> None:
    shown = record("x" * (RECORD_CHARACTERS + 7))

    assert shown == f"{'x' * RECORD_CHARACTERS}\n{CONTINUED}(7 more characters)"


def test_a_stack_keeps_its_lines() -> None:
    error = LookupError("one\nERROR: forged")
    made = logging.LogRecord("runner", logging.ERROR, "", 0, "failed: %s", ("a\nb",), (LookupError, error, None))

    lines = RecordFormatter("%(levelname)s %(message)s").format(made).split("\n")

    assert lines[:2] == ["ERROR failed: a", "  b"]
    assert lines[-1].startswith("  ERROR: forged")


def test_each_line_of_a_record_has_its_level_in_the_journal() -> None:
    made = logging.LogRecord("runner", logging.WARNING, "", 0, "said: %s", ("a\n<0>forged\x1b",), None)

    assert daemon_command._Journal("%(message)s").format(made) == "<4>said: a\n<4>  <0>forged\\x1b"


@pytest.mark.parametrize("to_file", [True, False])
def test_a_script_cannot_forge_a_line_of_the_daemons_log(tmp_path: Path, to_file: bool) -> None:  # noqa: FBT001
    file = tmp_path / "app-mono.log"
    body = (
        f'static int Main() {{ Console.Error.WriteLine({C_SHARP}); Console.Error.WriteLine("last words"); return 7; }}'
    )
    with RunningDaemon(
        tmp_path, f'log_file = "{file}"' if to_file else "", log_file=file if to_file else None
    ) as daemon:
        script = compiled(daemon.scripts, "Forges", body)
        lease = Lease(str(daemon.socket))
        assert lease.exec(str(script), None, NO_HOST, time.monotonic() + WAIT_S).code == 7
        lease.close()
        until(lambda: "last words" in daemon.log(), "the script's lines are logged")
    text = (file if to_file else daemon.directory / "daemon.log").read_bytes().decode()

    lines = text.removesuffix("\n").split("\n")
    own = r"\d{4}-\d\d-\d\d \S+ (WARNING|INFO) runner\.\w+: " if to_file else ""
    begin = re.compile(
        own + r"(worker \d+: |started worker|retired worker|serving|client \d+|ended|reads ahead|counted \d+ execs)"
    )
    assert [line for line in lines if not begin.match(line) and not line.startswith(CONTINUED)] == []
    assert all(line.replace("\t", "").isprintable() for line in lines)
    assert any(line.endswith(r": \x1b[2J\x9b31m\u202e") for line in lines)
    assert len([line for line in lines if line.endswith("worker 1: forged") and not line.startswith("worker 1:")]) == 1


def test_the_name_of_a_script_is_neither_an_escape_nor_markup_in_a_table(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path) as daemon:
        plain = compiled(daemon.scripts, "Seven", "static int Main() { return 7; }")
        script = plain.with_name("[b]\x1b[2J\n.exe")
        plain.rename(script)
        lease = Lease(str(daemon.socket))
        assert lease.exec(str(script), None, NO_HOST, time.monotonic() + WAIT_S).code == 7

        shown = app_mono("workers", "--socket", str(daemon.socket))
        lease.close()

    assert shown.returncode == 0, shown.stderr
    assert r"[b]\x1b[2J\n.exe" in shown.stdout
    assert all(line.isprintable() for line in shown.stdout.splitlines())


def test_the_daemons_status_contains_no_escape(tmp_path: Path) -> None:
    place = tmp_path / "of\x1b[2J\nforged"
    place.mkdir()
    with RunningDaemon(tmp_path) as daemon:
        settings = daemon.config.read_text("utf-8").replace(str(daemon.scripts), str(place)).replace("\x1b", "\\u001b")
        daemon.config.write_text(settings.replace("of\\u001b[2J\n", "of\\u001b[2J\\n"), "utf-8")
        daemon.signal(15)  # type: ignore[arg-type]
        daemon.start()

        shown = app_mono("status", "--socket", str(daemon.socket))

    assert shown.returncode == 0, shown.stderr
    assert r"of\x1b[2J\nforged" in shown.stdout
    assert all(line.isprintable() for line in shown.stdout.splitlines())


CFG = """
loadmodule "app_python3.so"
modparam("app_python3", "load", "{ours}")
request_route {{ python_exec("mono_exec", "{script}"); sl_send_reply("200", "OK"); }}
"""


def test_a_script_cannot_forge_a_line_of_kamailios_log(tmp_path: Path) -> None:
    body = f'static int Main() {{ Core.Log(-1, "plain\\n"); Core.Log(-1, {C_SHARP}); throw new Exception({C_SHARP}); }}'
    port = free_udp_port()
    with RunningDaemon(tmp_path, "exec_timeout_s = 20.0\nallocate_timeout_s = 20.0") as daemon, ExitStack() as stack:
        script = compiled(daemon.scripts, "Forges", body)
        cfg = preamble(port, ["kex", "sl", "pv"]) + CFG.format(ours=ROOT / "kamailio" / "app_mono.py", script=script)
        env = {"APP_MONO_CONFIG": str(daemon.config)}
        kamailio = stack.enter_context(Kamailio(cfg, tmp_path / "kamailio", port, env))
        peer = stack.enter_context(Peer(port))
        assert peer.ask(peer.request(), WAIT_S) is not None
        until(lambda: "Forges.Main" in kamailio.log(), "the exception is logged")
        lines = kamailio.log().split("\n")

    forged = [line for line in lines if "forged" in line]
    assert len(forged) >= 4  # two lines that the script logged, and two lines of its exception
    assert all(line.startswith(CONTINUED) for line in forged)
    assert all(line.replace("\t", "").isprintable() for line in lines)
    assert next(line for line in lines if "plain" in line).endswith("plain")
    assert any(r"\x1b[2J\x9b31m\u202e" in line for line in lines)
