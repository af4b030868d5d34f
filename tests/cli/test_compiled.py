"""What ``app-mono build`` compiles, and what it says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.compiled import DONE, FAILED, build
from tests.cli.commands import app_mono, script
from tests.places import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_build_says_what_is_up_to_date() -> None:
    app_mono("build")

    assert app_mono("build").stdout.endswith("build/SR.dll, KSR.dll and SRBridge.exe up to date\n")


def test_a_script_is_compiled_beside_its_source_and_named_as_short_as_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    status = build([script(tmp_path / place, "return 0;") for place in ("here", "there")])

    assert status == DONE
    assert (tmp_path / "here" / "X.exe").read_bytes()[:2] == b"MZ"
    assert capsys.readouterr() == (f"X.exe compiled\n{tmp_path}/there/X.exe compiled\n", "")


def test_a_source_that_does_not_compile_keeps_no_other_one_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, good = script(tmp_path, "return x;", "Broken"), script(tmp_path, "return 0;", "Good")

    status = build([MESSAGE, broken, good])

    told = capsys.readouterr()
    assert status == FAILED
    assert told.out == f"{good.with_suffix('.exe')} compiled\n"
    assert f"error: {MESSAGE}: expected a script, a name that ends in one of .cs" in told.err
    assert f"{broken}:3:12: error CS0103" in told.err
    assert not broken.with_suffix(".exe").exists()


def test_what_runs_as_it_is_is_loaded_so_that_its_errors_show(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good, bad = tmp_path / "Good.py", tmp_path / "Bad.py"
    good.write_text("def main(args):\n    return 0\n", encoding="utf-8")
    bad.write_text("def main(args)\n    return 0\n", encoding="utf-8")

    assert build([good]) == 0
    assert "Good.py loads, and runs as it is: there is nothing to build" in capsys.readouterr().out
    assert build([bad]) == 2
    assert f"{bad}:1:" in capsys.readouterr().err
