"""The shelf's main rows in VB.NET and F#: they end, fail, load and reload as scripts in C# do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, publish
from runner.errors import BuildError, ExecTimeout, ScriptError
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE, SHELF
from tests.programs import WAIT_S
from tests.scripts.test_current_under_load import build_helper, rewrite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.runner import ExecResult

SUFFIXES = {"vb": ".vb", "fsharp": ".fs"}

pytestmark = pytest.mark.usefixtures("compilers")


@pytest.fixture(params=SUFFIXES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def runner() -> Iterator[Runner]:
    with Runner(Settings(allocate_timeout_s=WAIT_S, first_exec_timeout_s=WAIT_S, exec_timeout_s=WAIT_S)) as runner:
        yield runner


def source(language: str, name: str, directory: Path) -> Path:
    """A script of the shelf, copied to where its helpers and its configuration are."""
    return Path(shutil.copy(SHELF / language / f"{name}{SUFFIXES[language]}", directory))


def run(runner: Runner, script: Path, *parameter: str) -> tuple[ExecResult, MessageHost]:
    host = MessageHost(INVITE)
    return runner.mono_exec(str(compile_script(script)), *parameter, host=host), host


def test_every_call_gives_what_it_gives_in_c_sharp(runner: Runner, language: str, tmp_path: Path) -> None:
    result, host = run(runner, source(language, "MakesEveryCall", tmp_path))
    expected, of_c_sharp = run(runner, SHELF / "MakesEveryCall.cs")

    assert (result.exit_code, result.calls) == (expected.exit_code, expected.calls)
    assert host.get_s("$var(got)") == of_c_sharp.get_s("$var(got)")
    assert host.message_bytes() == of_c_sharp.message_bytes()
    assert (host.logs, host.reply_headers) == (of_c_sharp.logs, of_c_sharp.reply_headers)


def test_an_exception_has_file_and_line_and_leaves_what_was_set(runner: Runner, language: str, tmp_path: Path) -> None:
    script = source(language, "Throws", tmp_path)
    result, host = run(runner, script)
    line = next(number for number, text in enumerate(script.read_text("utf-8").split("\n"), 1) if "boom" in text)

    assert isinstance(result.error, ScriptError)
    assert "System.InvalidOperationException: boom" in str(result.error)
    assert f"in {script}:{line}" in result.error.detail
    assert host.get_s("$var(x)") == "set before"


def test_exit_is_a_result(runner: Runner, language: str, tmp_path: Path) -> None:
    result, host = run(runner, source(language, "CallsExit", tmp_path), "3")

    assert (result.exit_code, result.error) == (3, None)
    assert [text for _, text in host.logs] == ["before exit"]


def test_a_loop_is_ended_in_time(language: str, tmp_path: Path) -> None:
    script = source(language, "NeverReturns", tmp_path)
    settings = Settings(allocate_timeout_s=WAIT_S, exec_timeout_s=2.0, first_exec_timeout_s=WAIT_S)

    with Runner(settings) as runner:
        runner.check(str(compile_script(script)))  # loading it takes none of its time
        result, host = run(runner, script)

    assert isinstance(result.error, ExecTimeout)
    assert [text for _, text in host.logs] == ["last words"]


def test_the_configuration_beside_the_source_is_its_own(runner: Runner, language: str, tmp_path: Path) -> None:
    script = source(language, "ReadsAppSettings", tmp_path)
    config = '<configuration><appSettings><add key="key" value="found"/></appSettings></configuration>'
    (tmp_path / "ReadsAppSettings.exe.config").write_text(config, "utf-8")

    result, host = run(runner, script)

    assert result.ok, result.error
    assert host.get_s("$var(got)") == "found"


def test_a_helper_beside_the_source_is_compiled_with_and_loaded(runner: Runner, language: str, tmp_path: Path) -> None:
    build_helper(tmp_path)

    result, host = run(runner, source(language, "UsesHelper", tmp_path))

    assert result.ok, result.error
    assert host.get_s("$var(seen)") == "GEN00000"


def test_a_source_that_stops_compiling_leaves_its_last_build(runner: Runner, language: str, tmp_path: Path) -> None:
    script = source(language, "SaysItsBuild", tmp_path)
    assembly = str(compile_script(script))
    good = script.read_text("utf-8")
    script.write_text(good.replace("PV.SetS", "PV.SetX"), "utf-8")
    row = next(number for number, text in enumerate(good.split("\n"), 1) if "PV.SetS" in text)

    with pytest.raises(BuildError, match="does not compile: 1 error") as caught:
        compile_script(script)
    host = MessageHost(INVITE)
    result = runner.mono_exec(assembly, host=host)

    assert result.ok
    assert host.get_s("$var(seen)") == "GEN00000"
    assert caught.value.diagnostics[0].startswith(f"{script}:{row}:")
    assert ": error " in caught.value.diagnostics[0]
    script.write_text(good.replace("GEN00000", "GEN00001"), "utf-8")
    assert run(runner, script)[1].get_s("$var(seen)") == "GEN00001"


def test_a_script_rewritten_under_load_is_never_stale_and_never_fails(language: str, tmp_path: Path) -> None:
    script = publish(compile_script(source(language, "SaysItsBuild", tmp_path)), tmp_path)
    settings = Settings(max_workers=6, allocate_timeout_s=WAIT_S, first_exec_timeout_s=WAIT_S)

    with Runner(settings) as runner:
        load = rewrite(runner, script, script, 30, "by_rename")

    assert load.faults == []
    assert load.done > 30
