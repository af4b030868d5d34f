"""Data files belong to the builds of scripts in every language, as their sources say it, or as a setting does."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, publish
from runner.errors import BuildError, ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.data_files import NAMED, SCRIPTS
from tests.places import INVITE
from tests.programs import MCS, WAIT_S, needs_bwrap
from tests.siblings import SIBLINGS, Language

if TYPE_CHECKING:
    from pathlib import Path

CIL = Language("mono", ".il", "ilasm", "mono-devel")
NEEDED = {language.suffix: language.needed for language in (*SIBLINGS, CIL)}
NEEDED[".mjs"] = NEEDED[".js"]


def each(*suffixes: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("suffix", [pytest.param(one, marks=NEEDED[one]) for one in suffixes])


def saved(directory: Path, suffix: str, number: int = 7) -> Path:
    """A script that reads this number from the file beside it, compiled where that has to be done first."""
    (directory / NAMED).write_text(str(number), "ascii")
    source = directory / f"Reads{suffix}"
    source.write_text(SCRIPTS[suffix], "utf-8")
    return publish(compile_script(source), directory) if suffix == ".il" else source


def settings(**more: object) -> Settings:
    patient = {
        "spare_workers": 0,
        "observer": "none",
        "exec_timeout_s": WAIT_S,
        "allocate_timeout_s": WAIT_S,
        "start_timeout_s": WAIT_S,
        "first_exec_timeout_s": WAIT_S,
    }
    return Settings.model_validate(patient | more)


def code(runner: Runner, script: Path, param: str | None = None, entry: str | None = None) -> int:
    result = runner.mono_exec(str(script), param, host=MessageHost(INVITE), entry=entry)
    assert result.error is None, result.error
    assert result.exit_code is not None
    return result.exit_code


def refusal(script: Path, **more: object) -> str:
    with Runner(settings(**more)) as runner, pytest.raises(ScriptInvalid) as refused:
        runner.scripts.current(str(script))
    return str(refused.value)


@each(".il", ".py", ".js", ".mjs", ".java")
def test_a_change_of_the_file_is_a_new_build_and_the_script_is_led_to_its_copy(tmp_path: Path, suffix: str) -> None:
    script = saved(tmp_path, suffix)

    with Runner(settings(max_workers=1)) as runner:
        assert [code(runner, script, str(tmp_path / "Reads")) for _ in range(2)] == [7, 7]
        before = runner.scripts.current(str(script))
        (tmp_path / NAMED).write_text("8", "ascii")
        assert [code(runner, script, str(tmp_path)) for _ in range(2)] == [8, 8]
        after = runner.scripts.current(str(script))

    assert before.id != after.id
    assert before.files.keys() == after.files.keys() == {NAMED}


@each(".py", ".js", ".mjs", ".java")
@needs_bwrap
def test_it_is_found_in_a_sandbox_and_with_fresh_statics(tmp_path: Path, suffix: str) -> None:
    script = saved(tmp_path, suffix)

    with Runner(settings(sandbox="bwrap", script_dirs=(tmp_path,), statics="fresh")) as runner:
        assert [code(runner, script) for _ in range(2)] == [7, 7]


@each(".py", ".js", ".java")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-file:gone.txt", ":1:{column}: names the file {directory}/gone.txt, which is not there"),
        ("-file:lib", ":1:{column}: names the file {directory}/lib, which is a directory"),
        ("-file:../a.txt", ":1:{column}: app-mono: expected {allowed}, but '-file:../a.txt' came"),
        ("-fiel:a.txt", ":1:{column}: app-mono: expected {allowed}, but '-fiel:a.txt' came"),
    ],
)
def test_what_cannot_be_a_file_of_the_build_is_an_error_with_its_place(
    tmp_path: Path, suffix: str, words: str, expected: str
) -> None:
    script = saved(tmp_path, suffix)
    (tmp_path / "lib").mkdir()
    script.write_text(SCRIPTS[suffix].replace("-file:numbers.txt", words), "utf-8")

    allowed = "-r:NAME.jar or -file:NAME" if suffix == ".java" else "-file:NAME"
    column = SCRIPTS[suffix].index("-file") + 1
    assert refusal(script) == f"{script}" + expected.format(column=column, directory=tmp_path, allowed=allowed)


@CIL.needed
def test_a_source_in_cil_names_a_file_that_is_not_there_and_is_not_compiled(tmp_path: Path) -> None:
    source = tmp_path / "Reads.il"
    source.write_text(SCRIPTS[".il"], "utf-8")

    with pytest.raises(BuildError) as refused:
        compile_script(source)

    assert refused.value.diagnostics == (f"{source}:1:14: error: app-mono: there is no file {tmp_path / NAMED}",)


@each(".py")
def test_a_build_with_a_directive_that_is_not_understood_leaves_the_last_one_serving(
    tmp_path: Path, suffix: str
) -> None:
    script = saved(tmp_path, suffix)

    with Runner(settings(max_workers=1)) as runner:
        assert code(runner, script) == 7
        script.write_text(SCRIPTS[suffix].replace("-file:", "-flie:"), "utf-8")
        assert code(runner, script) == 7


@each(".py")
def test_modules_beside_and_below_find_the_file_and_what_is_not_named_is_there_as_well(
    tmp_path: Path, suffix: str
) -> None:
    script = saved(tmp_path, suffix)
    (tmp_path / "lib").mkdir()
    find = "import os\ndef number(*up): return int(open(os.path.join(os.path.dirname(__file__), *up)).read())\n"
    for module in ("beside.py", "lib/below.py", "late.py"):
        (tmp_path / module).write_text(find, "ascii")
    (tmp_path / "more.txt").write_text("100", "ascii")
    entries = (
        "import beside, lib.below\n"
        "def modules():\n    import importlib\n    late = importlib.import_module('late')\n"
        "    return beside.number('numbers.txt') + lib.below.number('..', 'numbers.txt') + late.number('more.txt')\n"
        "def fails(): raise ValueError\n"
    )
    script.write_text(SCRIPTS[suffix] + entries, "utf-8")

    with Runner(settings()) as runner:
        assert code(runner, script, entry="modules") == 114
        failed = runner.mono_exec(str(script), host=MessageHost(INVITE), entry="fails").error

    assert f'File "{script}", line' in str(getattr(failed, "detail", ""))


@each(".js")
def test_files_of_node_beside_and_below_find_the_file_and_what_is_not_named_is_there_as_well(
    tmp_path: Path, suffix: str
) -> None:
    script = saved(tmp_path, suffix)
    (tmp_path / "lib").mkdir()
    find = "exports.number = (name) => Number(require('fs').readFileSync(`${__dirname}/${name}`, 'utf8'));\n"
    for module in ("beside.js", "lib/below.js", "late.js"):
        (tmp_path / module).write_text(find, "ascii")
    (tmp_path / "more.txt").write_text("100", "ascii")
    entries = (
        "const beside = require(__dirname + '/beside.js'), below = require('./lib/below');\n"
        "exports.modules = () => { const late = require('./' + 'late');\n"
        "    return beside.number('numbers.txt') + below.number('../numbers.txt') + late.number('more.txt'); };\n"
        "exports.fails = () => { throw new Error('boom'); };\n"
    )
    script.write_text(SCRIPTS[suffix] + entries, "utf-8")

    with Runner(settings()) as runner:
        assert code(runner, script, entry="modules") == 114
        failed = runner.mono_exec(str(script), host=MessageHost(INVITE), entry="fails").error

    assert f"{script}:" in str(getattr(failed, "detail", ""))


def named_by(script: Path, *names: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """The setting for a script."""
    return {str(script): {"files": names}}


def test_a_setting_names_the_files_of_an_assembly_without_a_source(tmp_path: Path) -> None:
    (tmp_path / NAMED).write_text("7", "ascii")
    source = tmp_path / "Old.cs"
    source.write_text(SCRIPTS[".cs"].partition("\n")[2], "utf-8")
    script = tmp_path / "Old.exe"
    subprocess.run([MCS, f"-out:{script}", str(source)], check=True)
    link = tmp_path / "Link.exe"
    link.symlink_to(script)

    with Runner(settings(max_workers=1, scripts=named_by(link, NAMED))) as runner:
        assert code(runner, script, str(tmp_path)) == 7
        (tmp_path / NAMED).write_text("8", "ascii")
        assert code(runner, script, str(tmp_path)) == 8
        assert runner.scripts.current(str(script)).files.keys() == {NAMED}


@each(".java")
def test_a_setting_names_the_files_of_a_jar(tmp_path: Path, suffix: str) -> None:
    source = saved(tmp_path, suffix)
    script, manifest = tmp_path / "Old.jar", tmp_path / "manifest"
    manifest.write_text("Main-Class: Reads\n", "ascii")
    subprocess.run(["javac", "-d", tmp_path, source], check=True)  # noqa: S607  # from PATH, as users do
    subprocess.run(["jar", "cfm", script, manifest, "-C", tmp_path, "Reads.class"], check=True)  # noqa: S607  # as above

    with Runner(settings(max_workers=1, scripts=named_by(script, NAMED))) as runner:
        assert code(runner, script, str(tmp_path)) == 7
        (tmp_path / NAMED).write_text("8", "ascii")
        assert code(runner, script, str(tmp_path)) == 8


@each(".py")
def test_a_file_of_the_setting_that_is_not_there_or_a_directory_is_an_error_that_names_the_setting(
    tmp_path: Path, suffix: str
) -> None:
    script = saved(tmp_path, suffix)
    (tmp_path / "lib").mkdir()

    said = f'{script}: setting scripts."{script}".files: names the file {tmp_path}'
    assert refusal(script, scripts=named_by(script, "gone.txt")) == f"{said}/gone.txt, which is not there"
    assert refusal(script, scripts=named_by(script, "lib")) == f"{said}/lib, which is a directory"
