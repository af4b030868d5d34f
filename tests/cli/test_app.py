from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import MESSAGE, ROOT
from tests.programs import needs_bwrap

SAMPLE = ROOT / "examples" / "MySRTest.cs"
COMMAND = [sys.executable, "-c", "from runner.cli import main; main()"]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120", "TERM": "dumb"}


def app_mono(*words: str | Path, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the real command; no traceback is ever seen."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        input=stdin.decode("latin-1"),
        encoding="latin-1",
        capture_output=True,
        env=environment() | variables,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


def script(directory: Path, body: str, name: str = "X") -> Path:
    path = directory / f"{name}.cs"
    path.write_text(f"class {name} {{\n  static int Main(string[] args) {{\n    {body}\n  }}\n}}\n", encoding="utf-8")
    return path


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


@pytest.mark.parametrize(
    ("body", "status"), [("return 0;", 0), ("return 1;", 1), ("return -1;", 1), ("throw null;", 2)]
)
def test_the_exit_status_is_0_for_true_1_for_false_and_2_for_no_result(tmp_path: Path, body: str, status: int) -> None:
    assert app_mono("exec", script(tmp_path, body), "-m", MESSAGE).returncode == status


def test_an_uncaught_exception_names_the_source_and_its_line(tmp_path: Path) -> None:
    path = script(tmp_path, 'throw new System.Exception("boom");')

    done = app_mono("exec", path, "-m", MESSAGE)

    assert done.stderr.splitlines()[0] == f"error: {path}: System.Exception: boom"
    assert f"{path}:3" in done.stderr


def test_an_entry_is_run_instead_of_main_and_a_name_that_is_none_is_told_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "X.cs"
    path.write_text(
        "public class X { static int Main() { return 1; } public static int route() { return 5; } }", "utf-8"
    )

    named = app_mono("exec", path, "-m", MESSAGE, "--entry", "route", "--json")
    wrong = app_mono("exec", path, "-m", MESSAGE, "--entry", "onsend")
    elsewhere = app_mono("exec", path, "-m", MESSAGE, "--entry", "route", "--compare")

    assert json.loads(named.stdout)["exit_code"] == 5
    assert (wrong.returncode, elsewhere.returncode) == (2, 2)
    assert "X.cs: there is no entry 'onsend'; it has route" in wrong.stderr + wrong.stdout
    assert "leave out --entry" in elsewhere.stderr


def test_a_profile_tells_the_script_from_the_host_and_the_way(tmp_path: Path) -> None:
    sleeps = script(tmp_path, "System.Threading.Thread.Sleep(100); return 0;", "Sleeps")
    asks = script(tmp_path, 'for (int i = 0; i < 200; i++) SR.PV.GetS("$Ts"); return 0;', "Asks")

    slept, asked = (
        json.loads(app_mono("exec", path, "-m", MESSAGE, "--repeat", "3", "--profile", "--json").stdout)["profile_us"]
        for path in (sleeps, asks)
    )
    told = app_mono("exec", asks, "-m", MESSAGE, "--repeat", "3", "--profile").stdout

    assert list(slept) == ["queue", "encode", "wire", "decode", "script", "calls", "edits"]
    assert slept["script"] > 95_000  # it slept for so long at least
    assert slept["calls"] == slept["edits"] == asked["edits"] == 0
    assert asked["calls"] > 0
    assert asked["wire"] > 0
    assert re.search(r"^script +[0-9.]+ us +[0-9]+%  Main itself", told, re.MULTILINE)


def test_what_a_script_prints_is_shown_apart_from_the_result(tmp_path: Path) -> None:
    done = app_mono("exec", script(tmp_path, 'System.Console.WriteLine("hi"); return 0;'), "-m", MESSAGE, "--json")

    assert json.loads(done.stdout)["ok"] is True
    assert done.stderr.startswith("console: worker ")
    assert done.stderr.endswith(": hi\n")


def test_the_message_may_come_from_standard_input_with_bare_line_feeds_and_that_is_said() -> None:
    data = MESSAGE.read_bytes().replace(b"\r\n", b"\n")

    done = app_mono("exec", SAMPLE, "-m", "-", stdin=data)

    assert done.returncode == 1
    assert "bare LF line ends were accepted" in done.stderr


def test_run_loads_the_script_at_start_and_runs_it() -> None:
    done = app_mono("run", "hello", "--load", SAMPLE, "--message", MESSAGE, "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["logs"][1]["text"] == "Parameter from Kamailio config: hello\n"


def test_an_assembly_runs_as_it_is(tmp_path: Path) -> None:
    path = script(tmp_path, "return 0;")
    built = app_mono("build", path)

    done = app_mono("exec", path.with_suffix(".exe"), "-m", MESSAGE)

    assert (built.returncode, done.returncode) == (0, 0)


def test_repeats_keep_the_worker_and_its_statics(tmp_path: Path) -> None:
    path = tmp_path / "X.cs"
    path.write_text("class X { static int n; static int Main() { return n++; } }", encoding="utf-8")

    done = app_mono("exec", path, "-m", MESSAGE, "--repeat", "5")

    assert "5 runs: 1 true, 4 false, 0 failed" in done.stdout
    assert done.returncode == 1


def test_a_script_that_never_returns_ends_at_its_timeout(tmp_path: Path) -> None:
    done = app_mono("exec", script(tmp_path, "while (true) {}"), "-m", MESSAGE, "--timeout", "0.3")

    assert done.returncode == 2
    assert "not done in time" in done.stderr


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


def test_every_mistake_is_one_clear_line_and_exit_status_2(tmp_path: Path) -> None:
    empty = tmp_path / "empty.sip"
    empty.touch()
    mistakes: list[tuple[list[str | Path], dict[str, str], str]] = [
        (["exec", SAMPLE, "-m", tmp_path / "none.sip"], {}, "none.sip: expected a readable SIP message"),
        (["exec", SAMPLE, "-m", tmp_path], {}, "Is a directory"),
        (["exec", SAMPLE, "-m", empty], {}, "but it is empty"),
        (["exec", SAMPLE, "-m", "-"], {}, "--message -: expected a SIP message, but it is empty"),
        (["exec", SAMPLE, "$nosuch", "-m", MESSAGE], {}, "unknown pseudo-variable $nosuch"),
        (["exec", tmp_path, "-m", MESSAGE], {}, "but it is a directory"),
        (["exec", tmp_path / "none.exe", "-m", MESSAGE], {}, "none.exe: there is no such script"),
        (["exec", tmp_path / "none.cs", "-m", MESSAGE], {}, "none.cs: there is no such file"),
        (["exec", MESSAGE, "-m", MESSAGE], {}, "is not a .NET assembly"),
        (["run", "--load", tmp_path / "none.exe", "-m", MESSAGE], {}, "none.exe: there is no such script"),
        (["exec", SAMPLE, "-m", MESSAGE, "--config", tmp_path / "no.toml"], {}, "no.toml: expected a readable TOML"),
        (["exec", SAMPLE, "-m", MESSAGE], {"APP_MONO_NUM_WORKER": "1"}, "did you mean APP_MONO_NUM_WORKERS?"),
        (["exec", SAMPLE, "-m", MESSAGE], {"APP_MONO_MONO": "/none/mono"}, "/none/mono: expected the mono runtime"),
        (["exec", SAMPLE, "-m", MESSAGE, "--watch", "--repeat", "2"], {}, "--repeat has no meaning with --watch"),
        (["build", MESSAGE], {}, "expected a C# source file"),
    ]
    for words, variables, text in mistakes:
        done = app_mono(*words, stdin=b"", **variables)

        assert done.returncode == 2, words
        assert done.stdout == "", words
        first, *more = done.stderr.splitlines()
        assert first.startswith("error: "), words
        assert text in first
        assert not more, more


def test_a_message_that_kamailio_drops_is_not_run_on_unless_anyway(tmp_path: Path) -> None:
    message = re.sub(rb"\nTo: [^\n]*", b"", MESSAGE.read_bytes())
    words = ("--message", "-", "--json")

    for told in (
        app_mono("exec", script(tmp_path, "return 0;"), *words, stdin=message),
        app_mono("run", "--load", script(tmp_path, "return 0;"), *words, stdin=message),
    ):
        assert (told.returncode, json.loads(told.stdout)["ok"]) == (2, False)
        (line,) = told.stderr.splitlines()
        assert line == (
            "error: --message -: Kamailio would have dropped this message: it has no To; "
            "--anyway runs on it all the same"
        )
    assert app_mono("exec", script(tmp_path, "return 0;"), *words, "--anyway", stdin=message).returncode == 0


def test_a_message_without_a_first_line_is_not_run_on_at_all() -> None:
    done = app_mono("exec", SAMPLE, "--message", "-", "--anyway", stdin=b"this is no SIP message\n\n")

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: --message -: Kamailio would have dropped this message: line 1, column ")
    assert "--anyway" not in line


def test_a_mistyped_option_is_told_with_the_right_one() -> None:
    done = app_mono("exec", SAMPLE, "--mesage", MESSAGE)

    assert done.returncode == 2
    assert "--message" in done.stderr


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
        (("exec", str(MESSAGE), "-m", str(MESSAGE)), "is not a .NET assembly"),
        (("pv", "get", "ru", "-m", str(MESSAGE)), "an expression starts with $"),
        (("pv", "get", "$ru", "-m", "none.sip"), "none.sip: expected a readable SIP message"),
        (("pv", "get"), "expr"),
    ],
)
def test_with_json_every_mistake_is_an_object_too(words: tuple[str, ...], told: str) -> None:
    done = app_mono(*words, "--json")

    assert done.returncode == 2
    assert told in json.loads(done.stdout)["error"].lower() or told in json.loads(done.stdout)["error"]


def test_doctor_finds_nothing_to_mend_here() -> None:
    done = app_mono("doctor")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SR, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null" in done.stdout
    assert "FIX" not in done.stdout


def test_doctor_says_how_to_mend_what_is_missing(tmp_path: Path) -> None:
    done = app_mono("doctor", PATH=str(tmp_path))

    assert done.returncode == 1
    assert "apt-get install --no-install-recommends mono-runtime" in done.stdout
    assert "apt-get install --no-install-recommends mono-mcs" in done.stdout


MEASURES = ("user", "group", "privileges", "limits", "variables", "files", "sandbox", "scripts")


def test_doctor_tells_each_measure_that_confines_a_worker_and_how_to_have_more() -> None:
    done = app_mono("doctor", "--json")
    told = json.loads(done.stdout)
    by_name = {check["check"]: check for check in told["checks"]}

    assert (done.returncode, told["ok"]) == (0, True)
    assert [check["check"] for check in told["checks"] if check["check"] in MEASURES] == list(MEASURES)
    for name in ("group", "privileges", "limits", "variables", "files"):
        assert by_name[name]["verdict"] == "ok", by_name[name]
    assert "core files 0, open files 256" in by_name["limits"]["text"]
    assert by_name["sandbox"]["verdict"] == by_name["user"]["verdict"] == by_name["scripts"]["verdict"] == "none"
    assert re.search("worker_user", by_name["user"]["text"])
    assert re.search('set sandbox = "bwrap"|not possible here|bubblewrap', by_name["sandbox"]["text"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only a daemon of root needs worker_user: run as root")
@pytest.mark.parametrize(("line", "is_told"), [("", True), ('worker_user = "root"\n', False)])
def test_doctor_tells_root_that_its_daemon_needs_a_user_for_scripts(
    tmp_path: Path, line: str, *, is_told: bool
) -> None:
    config = tmp_path / "app-mono.toml"
    config.write_text(f'{line}socket = "{tmp_path}/c.sock"\nscript_dirs = ["{tmp_path}"]\n', "utf-8")

    told = json.loads(app_mono("doctor", "--json", "--config", str(config)).stdout)

    (daemon,) = [check["text"] for check in told["checks"] if check["check"] == "daemon"]
    assert ("started by root it needs worker_user" in daemon) is is_told


@needs_bwrap
def test_doctor_sees_the_sandbox_of_a_worker(tmp_path: Path) -> None:
    config = tmp_path / "app-mono.toml"
    config.write_text(f'sandbox = "bwrap"\nscript_dirs = ["{tmp_path}"]\n', "utf-8")

    done = app_mono("doctor", "--config", str(config))

    assert re.search(r"^ok +sandbox +bwrap: ", done.stdout, re.MULTILINE), done.stdout
    assert re.search(rf"^ok +scripts +only below {tmp_path}", done.stdout, re.MULTILINE), done.stdout


def test_build_says_what_is_up_to_date() -> None:
    app_mono("build")

    assert app_mono("build").stdout.endswith("build/SR.dll and SRBridge.exe up to date\n")


def test_the_version_is_the_package_s() -> None:
    assert app_mono("--version").stdout.startswith("app-mono ")


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
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        worker = int(process.stderr.readline().split()[2].rstrip(":"))

        process.send_signal(number)
        said = process.stderr.read()

    assert process.returncode == status
    assert said.splitlines()[-1] == told
    assert not Path(f"/proc/{worker}").exists()


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
        capture_output=True, text=True, env=environment(), timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ended by Ctrl-C\n")
