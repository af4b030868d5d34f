"""A script finds the files that lie beside it, in each of the ways that led there under app_mono."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from runner.build import compile_script, publish
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE, SHELF, opened
from tests.programs import WAIT_S, needs_bwrap
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from pathlib import Path

WAYS = {
    "BaseDirectory": "AppDomain.CurrentDomain.BaseDirectory",
    "Location": "System.IO.Path.GetDirectoryName(Me().Location)",
    "CodeBase": "System.IO.Path.GetDirectoryName(new Uri(Me().CodeBase).LocalPath)",
    "the command line": "System.IO.Path.GetDirectoryName(Environment.GetCommandLineArgs()[0])",
    "the module": "System.IO.Path.GetDirectoryName(Me().ManifestModule.FullyQualifiedName)",
}
READS = """static System.Reflection.Assembly Me() {{ return System.Reflection.Assembly.GetExecutingAssembly(); }}
    static int Main() {{ return int.Parse(System.IO.File.ReadAllText(System.IO.Path.Combine({0}, "table.txt"))); }}"""


def settings(**more: Any) -> Settings:
    values: dict[str, Any] = {"spare_workers": 0, "observer": "none"}
    return Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, **values | more)


def exit_code(runner: Runner, script: Path) -> int | None:
    result = runner.mono_exec(str(script), host=MessageHost(INVITE))
    assert result.error is None, result.error
    return result.exit_code


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_each_way_leads_to_the_file_beside_the_script(tmp_path: Path, way: str) -> None:
    script = compiled(tmp_path, "X", READS.format(way))
    (tmp_path / "table.txt").write_text("7", "utf-8")

    with Runner(settings()) as runner:
        first = exit_code(runner, script)
        (tmp_path / "table.txt").write_text("8", "utf-8")
        second = exit_code(runner, script)

    assert (first, second) == (7, 8)


@needs_bwrap
def test_it_does_so_in_a_sandbox(tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", READS.format(WAYS["Location"]))
    (tmp_path / "table.txt").write_text("7", "utf-8")

    with Runner(settings(sandbox="bwrap", script_dirs=(tmp_path,))) as runner:
        assert exit_code(runner, script) == 7


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run workers as another user: run as root")
def test_it_does_so_as_another_user_who_may_read_the_directory(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("scripts")
    opened(directory)
    script = compiled(directory, "X", READS.format(WAYS["Location"]))
    (directory / "table.txt").write_text("7", "utf-8")

    with Runner(settings(worker_user=61234, worker_group=61235)) as runner:
        assert exit_code(runner, script) == 7


def test_two_scripts_in_one_worker_find_their_own_files(tmp_path: Path) -> None:
    scripts = []
    for number in (3, 4):
        directory = tmp_path / str(number)
        directory.mkdir()
        scripts.append(compiled(directory, "X", READS.format(WAYS["BaseDirectory"])))
        (directory / "table.txt").write_text(str(number), "utf-8")

    with Runner(settings(max_workers=1)) as runner:
        assert [exit_code(runner, scripts[number % 2]) for number in range(4)] == [3, 4, 3, 4]


def test_a_new_build_is_a_new_assembly_with_the_same_file_beside_it(tmp_path: Path) -> None:
    """Mono gives the same assembly again for the same path."""
    (tmp_path / "table.txt").write_text("7", "utf-8")
    body = READS.format(WAYS["Location"])
    script = compiled(tmp_path, "X", body)
    with Runner(settings(max_workers=1)) as runner:
        first = exit_code(runner, script)
        compiled(tmp_path, "X", body.replace("return int", "return 10 * int"))
        second = exit_code(runner, script)
        (mirror,) = list(runner._directory.glob("worker-*/builds/*"))

    assert (first, second) == (7, 70)
    assert mirror.name != "1", "the directory of the first build is gone"


def test_new_statics_for_each_exec_leave_no_directories_behind(tmp_path: Path) -> None:
    body = "static int s; static int Main() { return typeof(X).Assembly.Location.Length > 0 ? s++ : 9; }"
    script = compiled(tmp_path, "X", body)

    with Runner(settings(max_workers=1, statics="fresh")) as runner:
        assert [exit_code(runner, script) for _ in range(5)] == [0] * 5
        assert len(list(runner._directory.glob("worker-*/builds/*"))) == 1


def test_an_assembly_that_names_no_place_gets_no_directory(tmp_path: Path) -> None:
    """Most scripts do not; making one takes ten times as long as loading them from bytes."""
    script = compiled(tmp_path, "X", "static int Main() { return 5; }")

    with Runner(settings(max_workers=1)) as runner:
        assert exit_code(runner, script) == 5
        assert list(runner._directory.glob("worker-*/builds/*")) == []


def test_an_old_sr_dll_beside_the_script_is_not_there_for_it(tmp_path: Path) -> None:
    (tmp_path / "SR.dll").write_bytes(b"not an assembly")
    body = """static int Main() { string here = System.IO.Path.GetDirectoryName(
        System.Reflection.Assembly.GetExecutingAssembly().Location);
        return System.IO.File.Exists(System.IO.Path.Combine(here, "SR.dll")) ? 1 : PV.GetS("$rU") == "bob" ? 0 : 2; }"""

    with Runner(settings()) as runner:
        assert exit_code(runner, compiled(tmp_path, "X", body)) == 0


@pytest.mark.parametrize("fault", ["no room", "more files than are linked"])
def test_a_script_whose_files_cannot_be_mirrored_runs_all_the_same(tmp_path: Path, fault: str) -> None:
    script = compiled(tmp_path, "X", "static int Main() { return 5; }")
    with Runner(settings(max_workers=1)) as runner:
        if fault == "no room":
            for builds in runner._directory.glob("worker-*/builds"):
                builds.rmdir()
                builds.write_bytes(b"")
        else:
            for number in range(1100):
                (tmp_path / f"f{number}").touch()
        assert exit_code(runner, script) == 5


def test_the_working_directory_is_empty_at_the_start(tmp_path: Path) -> None:
    script = compiled(
        tmp_path, "X", 'static int Main() { return System.IO.Directory.GetFileSystemEntries(".").Length; }'
    )

    with Runner(settings()) as runner:
        assert exit_code(runner, script) == 0


def test_a_stack_has_lines_where_the_symbols_are_copied_too(tmp_path: Path) -> None:
    script = publish(compile_script(SHELF / "Throws.cs"), tmp_path)

    with Runner(settings()) as runner:
        error = runner.mono_exec(str(script), host=MessageHost(INVITE)).error

    assert "Throws.cs:" in getattr(error, "detail", "")
