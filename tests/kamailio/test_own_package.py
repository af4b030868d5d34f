"""kamailio/app_mono.py imports the package that belongs to it, and keeps one lease a process; without a Kamailio."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from runner.lane import choice
from tests.kamailio.decoys import decoy
from tests.places import ROOT
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

KSR = "def log(level, text): print(level, text, end='')\n"
IMPORTS_OURS = "import app_mono, runner; print(runner.__file__)"


def run(directory: Path, code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """What a Python that stands for Kamailio's does, with these places first on its path."""
    (directory / "KSR.py").write_text(KSR, "ascii")
    places = ":".join(map(str, [*path, directory, ROOT / "kamailio"]))
    return subprocess.run(
        ["/usr/bin/python3", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
        cwd=directory,
        env={"PYTHONPATH": places, "APP_MONO_CONFIG": str(directory / "none.toml"), choice.VARIABLE: choice.NAME},
    )


def test_ours_is_imported_though_another_package_of_that_name_comes_first(tmp_path: Path) -> None:
    decoy(tmp_path / "decoy")

    done = run(tmp_path, IMPORTS_OURS, tmp_path / "decoy")

    assert done.stdout.splitlines()[-1] == str(ROOT / "runner" / "__init__.py"), done.stderr


def test_nothing_else_beside_our_package_is_found_before_the_standard_library(tmp_path: Path) -> None:
    """In an installed wheel its place is site-packages, which may hold a backport of some module."""
    done = run(tmp_path, f"import app_mono, sys; print(sys.path.count({str(ROOT)!r}))")

    assert done.stdout.splitlines()[-1] == "0", done.stderr


def test_another_package_that_was_imported_before_is_named_with_what_to_do(tmp_path: Path) -> None:
    other = decoy(tmp_path / "decoy")

    done = run(tmp_path, f"import runner; {IMPORTS_OURS}", tmp_path / "decoy")

    assert done.returncode == 1
    assert f"app_mono needs its own package runner, {ROOT}/runner, but Kamailio's Python has already" in done.stderr
    assert f"{other}: give that one another name" in done.stderr


def test_modules_of_an_older_version_are_a_restart_of_kamailio(tmp_path: Path) -> None:
    """An upgrade, then app_python.reload: this file is new, and the modules that it imports are those from before."""
    old = "import sys, types, runner; sys.modules['runner.control'] = types.ModuleType('runner.control')"

    done = run(tmp_path, f"{old}; import app_mono", ROOT)

    assert done.returncode == 1
    assert "app_mono was upgraded, and this process has its modules from before: restart Kamailio" in done.stderr


def test_a_directory_named_runner_that_was_imported_before_is_named_as_well(tmp_path: Path) -> None:
    (tmp_path / "decoy" / "runner").mkdir(parents=True)

    done = run(tmp_path, f"import runner; {IMPORTS_OURS}", tmp_path / "decoy")

    assert f"{tmp_path}/decoy/runner: give that one another name" in done.stderr


def test_a_reload_gives_the_lease_before_back_and_takes_one_of_its_own(tmp_path: Path) -> None:
    code = """
import app_mono, importlib
first, closed = app_mono._lease, []
first.close = lambda: closed.append(first)
importlib.reload(app_mono)
print(closed == [first], app_mono._lease is not first, type(app_mono._lease).__name__)
"""
    done = run(tmp_path, code)

    assert done.stdout.splitlines()[-1] == "True True Lease", done.stderr


def test_app_python3_calls_builtins_but_for_what_a_script_of_its_own_has(tmp_path: Path) -> None:
    """A function of Python between costs as much as a turn's own work; that it is none is seen by no result."""
    code = """
import types, KSR
KSR.pv = KSR.hdr = types.SimpleNamespace(**dict.fromkeys("get sets seti append append_to_reply remove".split(), print))
import app_mono
class Own(app_mono.Methods):
    def mono_exec(self, msg, arguments=""):
        return 7
class Bare(app_mono.Methods):
    def __init__(self):
        pass
made, own, bare = app_mono.mod_init(), Own(), Bare()
print(*(type(it).__name__ for it in (made.mono_exec, made.mono_run, own.mono_exec, own.mono_run, bare.mono_run)))
"""
    done = run(tmp_path, code)

    names = ["builtin_function_or_method" if choice.Exported else "method"] * 4 + ["method"]
    names[2] = "method"
    assert done.stdout.splitlines()[-1].split() == names, done.stderr
