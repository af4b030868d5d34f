"""How a command ends: its exit status, what it says of a failure, and the signals that end it early."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer

from runner.cli.ending import guarded, report
from runner.errors import ConfigError
from tests.cli.commands import PLAIN, SAMPLE, app_mono, script
from tests.places import MESSAGE
from tests.programs import has_ended, until
from tests.running_daemon import COMMAND

if TYPE_CHECKING:
    from pathlib import Path


def test_with_json_a_failure_is_an_object_too(tmp_path: Path) -> None:
    done = app_mono("exec", tmp_path / "none.cs", "-m", MESSAGE, "--json")

    value = json.loads(done.stdout)
    assert (done.returncode, value["ok"], value["exit_code"]) == (2, False, None)
    assert "there is no such file" in value["error"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("exec", "X.cs", "--no-such"), "No such option: --no-such"),
        (("run", "--load", "X.cs"), "message"),
        (("exec", "X.cs", "-m", "none.sip", "--timeout", "x"), "timeout"),
        (("exec", "none.exe", "-m", str(MESSAGE), "--in-kamailio", "--compare"), "leave out --in-kamailio"),
        (("exec", str(MESSAGE), "-m", str(MESSAGE)), "expected a script, a name that ends in one of .cs, "),
        (("pv", "get", "ru", "-m", str(MESSAGE)), "an expression starts with $"),
        (("pv", "get", "$ru", "-m", "none.sip"), "none.sip: expected a readable SIP message"),
        (("pv", "get"), "expr"),
    ],
)
def test_with_json_every_mistake_is_an_object_too(words: tuple[str, ...], told: str) -> None:
    done = app_mono(*words, "--json")

    assert done.returncode == 2
    assert told in json.loads(done.stdout)["error"].lower() or told in json.loads(done.stdout)["error"]


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [
        (signal.SIGINT, 130, "ended by Ctrl-C"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
    ],
)
def test_a_signal_in_the_middle_of_a_run_is_named_and_leaves_no_worker(
    tmp_path: Path, number: signal.Signals, status: int, told: str
) -> None:
    path = script(tmp_path, 'System.Console.WriteLine("looping"); while (true) {}')
    command = [*COMMAND, "exec", str(path), "-m", str(MESSAGE), "--timeout", "60"]
    with subprocess.Popen(command, env=PLAIN, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        worker = int(process.stderr.readline().split()[2].rstrip(":"))

        process.send_signal(number)
        said = process.stderr.read()

    assert process.returncode == status
    assert said.splitlines()[-1] == told
    until(lambda: has_ended(worker), "its worker has ended")  # it is killed, which takes its time on a busy machine


@pytest.mark.parametrize("module", ["runner.cli.app", "runner.cli.job"])
def test_ctrl_c_while_modules_are_imported_is_told_too(module: str) -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "from runner.cli import main; main()"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, "exec", str(SAMPLE), "-m", str(MESSAGE)],
        capture_output=True, text=True, env=PLAIN, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ended by Ctrl-C\n")


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_command_ends_with_its_own_status(code: int) -> None:
    with pytest.raises(typer.Exit) as end:
        guarded(lambda: code)

    assert end.value.exit_code == code


@pytest.mark.parametrize("as_json", [False, True])
def test_a_failure_is_status_2_and_one_line_and_for_programs_an_object(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    def fail() -> int:
        raise ConfigError("no such thing")

    with pytest.raises(typer.Exit) as end:
        guarded(fail, as_json=as_json)

    told = capsys.readouterr()
    assert (end.value.exit_code, told.err) == (2, "error: no such thing\n")
    assert (json.loads(told.out)["error"] if as_json else told.out) == ("no such thing" if as_json else "")


def test_what_nobody_expected_is_one_line_whose_traceback_is_for_verbose_only(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("runner"), "propagate", True)
    with caplog.at_level(logging.DEBUG, "runner.cli"):
        report(ZeroDivisionError("x"), as_json=False)

    assert capsys.readouterr().err == (
        "error: internal error, please report it (--verbose shows more): ZeroDivisionError('x')\n"
    )
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert record.exc_info
    assert isinstance(record.exc_info[1], ZeroDivisionError)


def test_a_signal_that_was_ignored_stays_so_and_the_first_other_one_ends_the_run() -> None:
    """As nohup starts a command."""
    code = (
        "import os, signal\n"
        "from runner.cli.ending import Ended, end_cleanly_on_signals\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "end_cleanly_on_signals()\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "except Ended as end:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print(signal.Signals(end.number).name)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=PLAIN, timeout=60, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "SIGTERM\n", "")
