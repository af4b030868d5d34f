from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from runner.errors import BuildError
from runner.runtimes import java
from tests.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

JAVAC = shutil.which("javac")
needs_javac = pytest.mark.skipif(not JAVAC, reason="javac is not installed: apt-get install default-jdk-headless")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As in an installed package: its own copy of the sources, beside which nothing can be written."""
    sources = tmp_path / "package" / "csharp" / "bridge" / "java"
    shutil.copytree(ROOT / "bridge" / "java", sources)
    monkeypatch.setattr(java, "__file__", str(tmp_path / "package" / "runtimes" / "java.py"))
    return sources


@needs_javac
def test_the_jars_of_a_checkout_are_in_its_build_directory() -> None:
    jars = java.ensure()

    assert (jars.sr, jars.bridge) == (ROOT / "build" / "SR.jar", ROOT / "build" / "SRBridge.jar")
    with zipfile.ZipFile(jars.sr) as sr:
        assert {name.partition("/")[0] for name in sr.namelist()} == {"SR"}
    assert java.command(jars)[-2:] == ("-jar", str(jars.bridge))


@needs_javac
def test_the_jars_of_an_installed_package_are_in_the_cache_and_made_once(installed: Path, own_cache: Path) -> None:
    jars = java.ensure()
    made = jars.bridge.stat().st_mtime_ns

    assert jars.bridge.is_relative_to(own_cache)
    assert java.ensure() == jars
    assert jars.bridge.stat().st_mtime_ns == made
    jars.sr.write_bytes(jars.sr.read_bytes()[:-1])
    java.ensure()
    with zipfile.ZipFile(jars.sr) as sr:
        assert sr.testzip() is None
    assert installed.is_dir()


def test_the_jars_of_a_package_that_ships_them_need_no_javac(installed: Path, own_cache: Path) -> None:
    shipped = installed.parent.parent / "build"
    shipped.mkdir()
    for name in ("SR.jar", "SRBridge.jar"):
        (shipped / name).touch()

    assert java.ensure("no-javac") == java.Jars(shipped / "SR.jar", shipped / "SRBridge.jar")
    assert not own_cache.exists()


@needs_javac
def test_a_changed_source_gives_other_jars(installed: Path) -> None:
    before = java.ensure()
    entry = installed / "Exit.java"
    entry.write_text(entry.read_text("utf-8") + "\n", encoding="utf-8")

    assert java.ensure().bridge != before.bridge


@needs_javac
def test_a_source_that_does_not_compile_says_where(installed: Path) -> None:
    (installed / "Exit.java").write_text("package srbridge; class Exit extends Error { }", encoding="utf-8")

    with pytest.raises(BuildError, match=r"does not compile: .*Exit\.java:1: ") as caught:
        java.ensure()
    assert "serial" in caught.value.diagnostics[0]


@needs_javac
def test_several_processes_make_them_at_one_time(installed: Path) -> None:
    program = "import sys; from runner.runtimes import java; java.__file__ = sys.argv[1]; print(java.ensure().bridge)"
    command = [sys.executable, "-c", program, str(installed.parents[2] / "runtimes" / "java.py")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) for _ in range(3)]

    said = {process.communicate(timeout=120)[0] for process in running}

    assert len(said) == 1
    assert zipfile.is_zipfile(said.pop().strip())


def test_a_compiler_that_is_missing_is_told_with_its_package() -> None:
    with pytest.raises(BuildError, match="no-such-javac is not installed: apt-get install"):
        java.ensure("no-such-javac")
    with pytest.raises(BuildError, match="expected it to print its version"):
        java.ensure("false")
