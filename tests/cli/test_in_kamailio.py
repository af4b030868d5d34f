"""``app-mono exec --in-kamailio`` and ``--compare``, with a real Kamailio."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import installed
from tests.cli.commands import PHONE, READS, SAMPLE, app_mono, message, script
from tests.kamailio.rig import Kamailio, free_udp_port, preamble
from tests.places import MESSAGE, ROOT
from tests.ports import udp_socket
from tests.programs import stop, until
from tests.running_daemon import COMMAND, ENVIRONMENT, command_with

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def fine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script that is true, and compiled once."""
    return script(tmp_path_factory.mktemp("fine"), "return 0;")


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Likewise, and it logs what it reads of the message."""
    return script(tmp_path_factory.mktemp("reads"), READS + "return 0;")


def without_timing(told: str) -> list[str]:
    return told.partition("\ntiming")[0].splitlines()


def test_the_output_is_that_of_an_exec_without_kamailio() -> None:
    here = app_mono("exec", SAMPLE, 'to "$rU"', "-m", MESSAGE)
    there = app_mono("exec", SAMPLE, 'to "$rU"', "-m", MESSAGE, "--in-kamailio")

    assert without_timing(there.stdout) == without_timing(here.stdout)
    assert (there.returncode, there.stderr) == (here.returncode, here.stderr) == (1, "")


def test_run_loads_its_script_at_start() -> None:
    done = app_mono("run", "--load", SAMPLE, "x", "-m", MESSAGE, "--in-kamailio", "--json")

    value = json.loads(done.stdout)
    assert (value["ok"], value["exit_code"], value["reply_headers"]) == (False, 1, ["My-Mono-Hdr: ok\r\n"])
    assert value["logs"][1]["text"] == "Parameter from Kamailio config: x\n"


def test_a_script_sees_the_addresses_of_an_exec_without_kamailio(tmp_path: Path, reads: Path) -> None:
    done = app_mono("exec", reads, "-m", message(tmp_path), "--in-kamailio", "--json")

    logs = {
        text.partition("=")[0]: text.partition("=")[2]
        for text in (log["text"] for log in json.loads(done.stdout)["logs"])
    }
    assert [logs[name] for name in ("$si", "$sp", "$Ri", "$rc")] == ["127.0.0.1 0", "5060 5060", "127.0.0.1 0", "0 0"]


def test_another_port_is_taken_where_5060_is_not_free(tmp_path: Path, reads: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        with contextlib.suppress(OSError):  # by somebody else, which is as good
            taken.bind(("127.0.0.1", 5060))

        done = app_mono("exec", reads, "-m", message(tmp_path), "--compare")

    assert (done.returncode, done.stderr) == (0, "")


def test_where_5060_is_taken_no_answer_goes_there(tmp_path: Path) -> None:
    """It is the installed Kamailio's, which has nothing to do with it."""
    source = script(tmp_path, READS + 'SR.Core.ModF("sl_reply_error"); return 0;')
    text = PHONE.replace("h.example;branch", "127.0.0.1;rport;branch")
    with udp_socket(5060) as taken:
        taken.settimeout(0.2)

        done = app_mono("exec", source, "-m", message(tmp_path, text), "--in-kamailio", "--json")

        with pytest.raises(TimeoutError):
            taken.recv(65536)
    logs = dict(log["text"].split("=", 1) for log in json.loads(done.stdout)["logs"])
    assert logs["$sp"] == logs["$Rp"] != "5060 5060"


def test_many_runs_at_one_time_do_not_take_each_other_s_port() -> None:
    with ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(app_mono, "exec", SAMPLE, 'to "$rU"', "-m", MESSAGE, "--in-kamailio") for _ in range(6)]

    assert [(run.result().returncode, run.result().stderr) for run in runs] == [(1, "")] * 6


@pytest.mark.parametrize("name", ["t\U0001f600", "t\x7f", 't"\\', "t" * 110])
def test_the_directory_for_temporary_files_may_have_any_name(tmp_path: Path, fine: Path, name: str) -> None:
    """A name beyond U+FFFF made the settings unreadable, so that the daemon of the machine was asked."""
    place = tmp_path / name
    place.mkdir()

    done = app_mono("exec", fine, "-m", message(tmp_path), "--in-kamailio", TMPDIR=str(place))

    assert (done.returncode, done.stderr) == (0, "")


def test_without_its_settings_that_kamailio_does_not_start(tmp_path: Path) -> None:
    """With the defaults, it would be a client of the daemon of the machine."""
    port = free_udp_port()
    load = f'loadmodule "app_python3.so"\nmodparam("app_python3", "load", "{ROOT}/kamailio/played.py")\n'
    env = {"APP_MONO_CONFIG": str(tmp_path / "settings.toml"), "APP_MONO_RECORD": str(tmp_path / "record.json")}
    (tmp_path / "settings.toml").write_text('socket = "\\ud83d\\ude00"\n', encoding="ascii")

    with (
        pytest.raises(AssertionError, match="did not start"),
        Kamailio(preamble(port, ["corex"]) + load + "request_route { exit; }\n", tmp_path, port, env),
    ):
        pass


def test_its_home_is_private(tmp_path: Path) -> None:
    source = script(tmp_path, 'SR.Core.Log(1, SR.PV.GetS("$env(HOME)")); return 0;')

    done = app_mono("exec", source, "-m", message(tmp_path), "--in-kamailio", "--json", TMPDIR=str(tmp_path))

    assert json.loads(done.stdout)["logs"][0]["text"].startswith(f"{tmp_path}/app-mono-")


def test_an_exception_is_the_error_of_the_run(tmp_path: Path) -> None:
    done = app_mono(
        "exec", script(tmp_path, 'throw new System.Exception("boom");'), "-m", message(tmp_path), "--in-kamailio"
    )

    assert done.returncode == 2
    assert "System.Exception: boom" in done.stderr


def test_an_error_is_there_for_programs_too() -> None:
    done = app_mono("exec", SAMPLE, "-m", "nofile", "--in-kamailio", "--json")

    assert done.returncode == 2
    assert "nofile" in json.loads(done.stdout)["error"]


def test_an_error_of_ours_in_kamailio_is_an_error_of_the_run(tmp_path: Path) -> None:
    """Status 1 would say that the script said false."""
    (tmp_path / "played.py").write_text(
        "import runpy, sys\n"
        f"sys.path.append({str(ROOT / 'kamailio')!r})\n"
        "import app_mono\n"
        "class Broken:\n"
        "    def exec(self, *_):\n"
        "        raise ValueError('broken')\n"
        "app_mono._lease = Broken()\n"
        f"globals().update(runpy.run_path({str(ROOT / 'kamailio' / 'played.py')!r}))\n",
        encoding="utf-8",
    )
    code = (
        "import pathlib; from runner import installed; "
        f"installed.kamailio_side = lambda: pathlib.Path({str(tmp_path)!r}); "
        "import sys; from runner.cli import main; sys.exit(main())"
    )

    done = subprocess.run(
        [COMMAND[0], "-c", code, "exec", str(SAMPLE), "-m", str(MESSAGE), "--in-kamailio"],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, "ValueError('broken')" in done.stderr) == (2, True), done.stderr


def test_a_message_that_the_core_drops_is_told_as_without_kamailio(tmp_path: Path, fine: Path) -> None:
    unsent = PHONE.replace("From: <sip:a@example.com>;tag=1\r\n", "")
    words = ("exec", fine, "-m", message(tmp_path, unsent))
    why = f"error: --message {tmp_path}/message.sip: Kamailio would have dropped this message: it has no From"

    for option in ("--in-kamailio", "--compare"):
        done = app_mono(*words, option)
        anyway = app_mono(*words, option, "--anyway")

        assert (done.returncode, anyway.returncode) == (2, 2)
        assert done.stderr == f"{why}\n"
        assert anyway.stderr == f"{why}; --anyway cannot help in Kamailio itself\n"
    assert app_mono(*words).stderr.startswith(why)


def test_an_unknown_variable_is_told_as_without_kamailio(tmp_path: Path, fine: Path) -> None:
    words = ("exec", fine, "to $nosuch", "-m", message(tmp_path))

    told = [app_mono(*words, *option).stderr for option in ((), ("--in-kamailio",), ("--compare",))]

    assert told == ["error: 'to $nosuch' is no valid format string: unknown pseudo-variable $nosuch\n"] * 3


def test_both_options_together_are_refused(tmp_path: Path, fine: Path) -> None:
    done = app_mono("exec", fine, "-m", message(tmp_path), "--in-kamailio", "--compare")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --compare runs the script in Kamailio too: leave out --in-kamailio\n"


def test_an_error_in_kamailio_does_not_call_the_message_unchanged(tmp_path: Path) -> None:
    done = app_mono("exec", MESSAGE, "-m", message(tmp_path), "--in-kamailio")

    assert (done.returncode, done.stdout) == (2, "")


def test_a_reply_runs_the_script_as_well(tmp_path: Path, reads: Path) -> None:
    reply = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK0\r\n" + PHONE.partition("\r\n")[2]

    done = app_mono("exec", reads, "-m", message(tmp_path, reply), "--compare")

    assert (done.returncode, done.stdout.split()[:2]) == (0, ["no", "difference"])


def test_a_reply_that_comes_back_to_that_kamailio_does_not_run_the_script_again(tmp_path: Path) -> None:
    """The Via has no port, so the reply goes to 5060, where that Kamailio listens itself."""
    source = script(tmp_path, 'SR.Core.ModF("sl_reply_error"); SR.Core.Log(1, SR.PV.GetS("$rm")); return 0;')

    for _ in range(3):
        done = app_mono("exec", source, "-m", message(tmp_path), "--in-kamailio", "--json")

        assert [log["text"] for log in json.loads(done.stdout)["logs"]] == ["INVITE"]


def test_without_kamailio_the_packages_are_named(tmp_path: Path) -> None:
    """The command is found in no place of PATH, nor is it in /usr/sbin of a sandbox without it."""
    if installed.executable() and Path("/usr/sbin/kamailio").exists():
        code = "from runner import installed; installed.executable = lambda: None; "
        code += "import sys; from runner.cli import main; sys.exit(main())"
        command = [COMMAND[0], "-c", code]
    else:
        command = COMMAND
    done = subprocess.run(
        [*command, "exec", str(SAMPLE), "-m", str(MESSAGE), "--in-kamailio"],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith("apt-get install kamailio kamailio-python3-modules")


def test_an_error_names_the_script_once(tmp_path: Path) -> None:
    """A file that is no assembly was named twice."""
    path = message(tmp_path)

    for words in (("exec", path), ("run", "--load", path)):
        told = app_mono(*words, "-m", path, "--in-kamailio").stderr

        assert told.startswith(f"error: {path}: expected a script, a name that ends in one of .cs, ")
        assert told.count(str(path)) == 1


@pytest.mark.parametrize("option", ["--in-kamailio", "--compare"])
def test_a_timeout_is_said_once_and_by_no_name_of_a_cached_copy(tmp_path: Path, option: str) -> None:
    """The private daemon logged that it lets the worker finish its first run."""
    source = script(tmp_path, "while (true) { }")

    done = app_mono("exec", source, "-m", message(tmp_path), option, "--timeout", "5")

    (line,) = done.stderr.splitlines()
    assert (done.returncode, line.startswith("error: "), "it was not done in time" in line) == (2, True, True)


@pytest.mark.parametrize("option", ["--watch", "--repeat=2", "--profile"])
def test_what_runs_again_and_again_is_refused(option: str) -> None:
    done = app_mono("exec", SAMPLE, "-m", MESSAGE, "--in-kamailio", option)

    assert done.returncode == 2
    assert "run a script once" in done.stderr


def test_an_interrupt_leaves_no_process_and_no_directory(tmp_path: Path) -> None:
    with endless_run(tmp_path) as running:
        until(lambda: kamailios_in(tmp_path), "Kamailio runs")

        running.send_signal(signal.SIGINT)
        told = running.communicate(timeout=30)

    assert (running.returncode, told) == (130, ("", "ended by Ctrl-C\n"))
    until(lambda: not kamailios_in(tmp_path), "no process of that Kamailio is left")
    assert list(tmp_path.glob("app-mono-*")) == []


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_disturb_the_end(tmp_path: Path, second: signal.Signals) -> None:
    """A Kamailio that does not end is killed some seconds later; a signal in between left it behind."""
    with endless_run(tmp_path, END_S=2.0) as running:
        until(lambda: len(kamailios_in(tmp_path)) > 1, "Kamailio has started its processes")
        main = min(kamailios_in(tmp_path))
        stop(main)

        running.send_signal(signal.SIGINT)
        until(lambda: was_told_to_end(main), "the first one has come")
        running.send_signal(second)
        running.communicate(timeout=30)

    assert running.returncode == 130
    until(lambda: not kamailios_in(tmp_path), "no process of that Kamailio is left")
    assert list(tmp_path.glob("app-mono-*")) == []


def test_many_signals_during_the_start_leave_no_process(tmp_path: Path) -> None:
    with endless_run(tmp_path) as running:
        until(lambda: kamailios_in(tmp_path), "Kamailio starts")
        for _ in range(8):
            running.send_signal(signal.SIGINT)
            time.sleep(0.02)  # what a finger on Ctrl-C does
        running.communicate(timeout=30)

    assert running.returncode == 130
    until(lambda: not kamailios_in(tmp_path), "no process of that Kamailio is left")


def test_a_killed_command_takes_its_kamailio_with_it(tmp_path: Path) -> None:
    """And what it leaves on the disk is removed by the next one."""
    with endless_run(tmp_path) as running:
        until(lambda: len(kamailios_in(tmp_path)) > 1, "Kamailio has started its processes")
        running.kill()

    until(lambda: not kamailios_in(tmp_path), "no process of that Kamailio is left")
    app_mono("exec", SAMPLE, "-m", MESSAGE, "--in-kamailio", TMPDIR=str(tmp_path))
    assert list(tmp_path.glob("app-mono-*")) == []


@contextlib.contextmanager
def endless_run(directory: Path, **constants: float) -> Iterator[subprocess.Popen[str]]:
    """``constants``: others of ``runner.cli.private_kamailio``."""
    source = script(directory, 'SR.Core.Log(1, "in"); while (true) { }')
    others = {f"runner.cli.private_kamailio.{name}": value for name, value in constants.items()}
    command = [
        *command_with(others),
        "exec",
        str(source),
        "-m",
        str(message(directory)),
        "--in-kamailio",
        "--timeout",
        "60",
    ]
    with subprocess.Popen(
        command, env=ENVIRONMENT | {"TMPDIR": str(directory)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        yield running


def kamailios_in(directory: Path) -> list[int]:
    """The processes of a Kamailio whose configuration is below a directory."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if "kamailio" in words[0] and any(str(directory) in word for word in words):
            found.append(int(place.name))
    return found


def was_told_to_end(pid: int) -> bool:
    """Whether a process that is stopped was sent SIGTERM, or has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return True
    (pending,) = [int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd:")]
    return bool(pending >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_can_do_it_too() -> None:
    """In a home of its own; the user has no right to anything that a service of Kamailio has."""
    # Python itself and what it has installed may lie where that user cannot look: all is imported before.
    code = (
        "import os, sys; import runner.cli.app, runner.cli.compare, runner.cli.job, runner.build; "
        "import encodings.ascii, encodings.latin_1, encodings.idna, rich.rule, "
        "watchdog.observers, pydantic.deprecated; from runner.cli import main; "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); sys.exit(main())"
    )
    with tempfile.TemporaryDirectory(prefix="user-") as home:
        Path(home).chmod(0o755)
        os.chown(home, 65534, 65534)
        source = script(Path(home), READS + "return 0;")
        done = subprocess.run(
            [COMMAND[0], "-c", code, "exec", str(source), "-m", str(message(Path(home))), "--compare"],
            capture_output=True, text=True, env=ENVIRONMENT | {"HOME": home}, timeout=60, check=False, cwd="/",
        )  # fmt: skip

    assert (done.returncode, done.stdout.split()[:2]) == (0, ["no", "difference"]), done.stderr
