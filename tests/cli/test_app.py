from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.commands import SAMPLE, app_mono, script
from tests.places import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path


def test_what_a_script_prints_is_shown_apart_from_the_result(tmp_path: Path) -> None:
    done = app_mono("exec", script(tmp_path, 'System.Console.WriteLine("hi"); return 0;'), "-m", MESSAGE, "--json")

    assert json.loads(done.stdout)["ok"] is True
    assert done.stderr.startswith("console: worker ")
    assert done.stderr.endswith(": hi\n")


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
        (["exec", MESSAGE, "-m", MESSAGE], {}, "expected a script, a name that ends in one of .cs, "),
        (["run", "--load", tmp_path / "none.exe", "-m", MESSAGE], {}, "none.exe: there is no such script"),
        (["exec", SAMPLE, "-m", MESSAGE, "--config", tmp_path / "no.toml"], {}, "no.toml: expected a readable TOML"),
        (["exec", SAMPLE, "-m", MESSAGE], {"APP_MONO_NUM_WORKER": "1"}, "did you mean APP_MONO_NUM_WORKERS?"),
        (["exec", SAMPLE, "-m", MESSAGE], {"APP_MONO_MONO": "/none/mono"}, "/none/mono: expected the mono runtime"),
        (["exec", SAMPLE, "-m", MESSAGE, "--watch", "--repeat", "2"], {}, "--repeat has no meaning with --watch"),
        (["build", MESSAGE], {}, "expected a script, a name that ends in one of .cs"),
    ]
    for words, variables, text in mistakes:
        done = app_mono(*words, stdin=b"", **variables)

        assert done.returncode == 2, words
        assert done.stdout == "", words
        first, *more = done.stderr.splitlines()
        assert first.startswith("error: "), words
        assert text in first
        assert not more, more


def test_a_mistyped_option_is_told_with_the_right_one() -> None:
    done = app_mono("exec", SAMPLE, "--mesage", MESSAGE)

    assert done.returncode == 2
    assert "--message" in done.stderr


def test_the_version_is_the_package_s() -> None:
    assert app_mono("--version").stdout.startswith("app-mono ")


def test_an_entry_is_run_instead_of_main_and_a_name_that_is_none_is_told_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "X.cs"
    path.write_text(
        "public class X { static int Main() { return 1; } public static int route() { return 5; } }", "utf-8"
    )

    named = app_mono("exec", path, "-m", MESSAGE, "--entry", "route", "--json")
    wrong = app_mono("exec", path, "-m", MESSAGE, "--entry", "onsend")

    assert json.loads(named.stdout)["exit_code"] == 5
    assert wrong.returncode == 2
    assert "X.cs: there is no entry 'onsend'; it has route" in wrong.stderr + wrong.stdout


def test_the_file_of_settings_may_be_named_by_a_variable(tmp_path: Path) -> None:
    """As for Kamailio; with it every command was refused."""
    settings, path = tmp_path / "own.toml", tmp_path / "X.cs"
    settings.write_text("max_workers = 0\n", "utf-8")
    path.write_text("public class X { static int Main() { return 1; } }", "utf-8")

    done = app_mono("exec", path, "-m", MESSAGE, APP_MONO_CONFIG=str(settings))

    assert done.stderr.startswith(f"error: {settings}: max_workers = 0 ")


def test_a_script_without_main_is_told_its_entries_and_the_option(tmp_path: Path) -> None:
    path = tmp_path / "X.cs"
    path.write_text("public class X { public static void route() { } }", "utf-8")

    done = app_mono("exec", path, "-m", MESSAGE)

    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2, f"error: {path}: there is no main function (Main in C#); it has route; --entry NAME runs an entry",
    )  # fmt: skip
