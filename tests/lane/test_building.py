"""runner.lane.building: the lane in C is compiled where that can be, and what is missing is named where not."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
import zipfile
from typing import TYPE_CHECKING

import pytest

from runner.lane import building
from tests.places import ROOT
from tests.test_packaging import wheel_of

if TYPE_CHECKING:
    from pathlib import Path

STABLE = {"_Py_Dealloc", "_Py_NoneStruct", "_Py_TrueStruct", "_Py_FalseStruct", "_Py_BuildValue_SizeT"} | {
    "_PyArg_ParseTuple_SizeT", "_PyArg_ParseTupleAndKeywords_SizeT"
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in building.sources():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_it_is_built_without_a_warning_once_for_the_same_sources(folder: Path) -> None:
    strict = (*building.FLAGS, "-Wextra", "-Wno-missing-field-initializers", "-Wno-cast-function-type", "-Werror")
    assert building.ensure(folder, strict) == ""
    library = folder / building.LIBRARY
    built = library.stat()

    assert building.ensure(folder) == ""
    assert library.stat() == built
    assert list(folder.glob(".building-*")) == []

    (folder / "_line.c").write_bytes((folder / "_line.c").read_bytes() + b"\n")
    assert building.ensure(folder, ("-O0", "-fPIC", "-shared")) == ""
    assert library.stat().st_ino != built.st_ino


def test_it_needs_nothing_of_one_version_of_python() -> None:
    """A name that begins with _Py is nobody's business but CPython's, apart from these (Misc/stable_abi.toml)."""
    nm = shutil.which("nm")
    assert nm, "nm comes with gcc"
    command = [nm, "-D", "--undefined-only", str(building.FOLDER / building.LIBRARY)]
    symbols = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert {name for name in symbols if name.startswith("_Py")} <= STABLE


def test_without_a_compiler_or_headers_the_package_to_install_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert "no C compiler, no-such-compiler: apt-get install gcc" in building.ensure(folder)

    monkeypatch.delenv("CC")
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(folder / "nowhere"))
    assert "nowhere has no Python.h: apt-get install python3-dev" in building.ensure(folder)
    assert not (folder / building.LIBRARY).exists()


def test_what_the_compiler_says_is_told(folder: Path) -> None:
    (folder / "_turn.c").write_text("this is no C\n", "utf-8")

    assert "unknown type name" in building.ensure(folder)


def test_a_folder_without_sources_says_so(tmp_path: Path) -> None:
    assert building.ensure(tmp_path) == f"{tmp_path} has no sources in C: install app-mono from a checkout"


def test_a_wheel_is_pure_where_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_MONO_LANE", "python")
    wheel = wheel_of(ROOT, tmp_path)

    with zipfile.ZipFile(wheel) as archive:
        lane = {name.removeprefix("runner/lane/") for name in archive.namelist() if name.startswith("runner/lane/")}

    assert "py3-none-any" in wheel.name
    assert {"lane.py", "choice.py"} < lane
    assert not [name for name in lane if name.endswith((".so", ".c", ".h"))]
