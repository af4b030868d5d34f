"""Files that a source says it reads belong to its build: ``// app-mono: -file:numbers.txt``."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, publish
from runner.errors import BuildError, ScriptError
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.scripts import builds
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S, needs_bwrap, until

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """// app-mono: -file:numbers.txt
using System;
using System.IO;
public class Reads
{
    static int s_execs;
    public static int Main(string[] arguments)
    {
        string text = File.ReadAllText(Path.Combine(AppDomain.CurrentDomain.BaseDirectory, "numbers.txt"));
        return int.Parse(text) + 100 * s_execs++;
    }
}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "Reads.cs"
    source.write_text(SOURCE, "utf-8")
    (tmp_path / "numbers.txt").write_text("7", "utf-8")
    return source


def settings(**more: object) -> Settings:
    values = {"spare_workers": 0, "observer": "none", "exec_timeout_s": WAIT_S, "allocate_timeout_s": WAIT_S} | more
    return Settings.model_validate(values)


def code(runner: Runner, script: Path) -> int:
    result = runner.mono_exec(str(script), host=MessageHost(INVITE))
    assert result.error is None, result.error
    assert result.exit_code is not None
    return result.exit_code


def test_a_change_of_the_file_is_a_new_build(source: Path) -> None:
    script = publish(compile_script(source), source.parent)

    with Runner(settings(max_workers=1)) as runner:
        assert [code(runner, script) for _ in range(2)] == [7, 107]
        before = runner.scripts.current(str(script))
        (source.parent / "numbers.txt").write_text("8", "utf-8")
        assert [code(runner, script) for _ in range(2)] == [8, 108]
        after = runner.scripts.current(str(script))

    assert before.id != after.id
    assert before.files.keys() == after.files.keys() == {"numbers.txt"}


WAYS = {
    "BaseDirectory": "AppDomain.CurrentDomain.BaseDirectory",
    "Location": "Path.GetDirectoryName(typeof(Reads).Assembly.Location)",
    "the command line": "Path.GetDirectoryName(Environment.GetCommandLineArgs()[0])",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("statics", ["kept", "fresh"])
def test_each_way_leads_to_the_file_of_the_build(source: Path, way: str, statics: str) -> None:
    source.write_text(SOURCE.replace(WAYS["BaseDirectory"], way), "utf-8")
    script = publish(compile_script(source), source.parent)

    with Runner(settings(max_workers=1, statics=statics)) as runner:
        assert [code(runner, script) % 100 for _ in range(3)] == [7, 7, 7]
        named = runner.scripts.current(str(script)).files["numbers.txt"]
        assert runner.scripts.copy_of(named).read_text("utf-8") == "7"


def test_it_is_found_without_a_build_command_as_well(source: Path) -> None:
    with Runner(settings()) as runner:
        assert code(runner, compile_script(source)) == 7


@needs_bwrap
def test_it_is_found_in_a_sandbox(source: Path) -> None:
    script = publish(compile_script(source), source.parent)

    with Runner(settings(sandbox="bwrap", script_dirs=(source.parent,))) as runner:
        assert code(runner, script) == 7


def test_a_build_elsewhere_takes_it_along(source: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script = publish(compile_script(source), elsewhere)

    shutil.move(source.parent / "numbers.txt", tmp_path / "moved")

    with Runner(settings()) as runner:
        assert code(runner, script) == 7


def test_a_file_that_is_not_there_is_an_error_with_its_place(source: Path) -> None:
    (source.parent / "numbers.txt").unlink()

    with pytest.raises(BuildError, match="does not compile") as refused:
        compile_script(source)

    assert refused.value.diagnostics == (
        f"{source}:1:14: error: app-mono: there is no file {source.parent / 'numbers.txt'}",
    )


def test_one_that_is_deleted_later_leaves_the_last_build_serving_and_a_new_runner_names_it(
    source: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "DELETED_GRACE_S", 0.1)
    script, named = publish(compile_script(source), source.parent), source.parent / "numbers.txt"
    missing = f"{script}: Reads.cs:1:14: names the file {named}, which is not there"

    with Runner(settings(max_workers=1)) as runner:
        assert code(runner, script) == 7
        named.unlink()
        until(lambda: code(runner, script) % 100 == 7 and missing in caplog.text, "it is missed")

    with Runner(settings()) as runner, pytest.raises(ScriptError) as refused:
        runner.scripts.current(str(script))
    assert str(refused.value) == missing


@pytest.mark.parametrize("name", ["../numbers.txt", "/etc/passwd", "..", "a/b", "a,b"])
def test_only_a_name_beside_the_source_is_taken(source: Path, name: str) -> None:
    source.write_text(SOURCE.replace("numbers.txt", name, 1), "utf-8")

    with pytest.raises(BuildError) as refused:
        compile_script(source)

    assert f"but '-file:{name}' came" in refused.value.diagnostics[0]
