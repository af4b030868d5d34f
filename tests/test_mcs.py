"""One assembly from its sources: when the compiler runs, and what is said when it cannot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner import build, mcs
from runner.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def hide_compilers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    mcs.mono_version.cache_clear()


@pytest.fixture
def forgotten_version() -> Iterator[None]:
    yield
    mcs.mono_version.cache_clear()


def library(directory: Path, text: str = "class X { }") -> tuple[Path, list[str]]:
    """Where an assembly goes, and what the compiler is given for it."""
    source = directory / "X.cs"
    source.write_text(text, "utf-8")
    return directory / "X.dll", ["-t:library", str(source)]


def test_what_was_made_from_the_same_is_not_compiled_again(tmp_path: Path) -> None:
    assembly, arguments = library(tmp_path)
    mcs.ensure(assembly, "one", arguments)
    first = assembly.stat()

    mcs.ensure(assembly, "one", arguments)
    again = assembly.stat()
    mcs.ensure(assembly, "other", arguments)

    assert (again.st_ino, again.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert assembly.stat().st_ino != first.st_ino
    assert mcs.is_current(assembly, "other")
    assert not mcs.is_current(assembly, "one")


def test_an_assembly_that_was_cut_short_is_compiled_again(tmp_path: Path) -> None:
    assembly, arguments = library(tmp_path)
    mcs.ensure(assembly, "one", arguments)
    whole = assembly.stat().st_size
    assembly.write_bytes(b"MZ")

    mcs.ensure(assembly, "one", arguments)

    assert assembly.stat().st_size == whole


def test_what_does_not_compile_leaves_the_last_assembly_and_names_the_file_as_the_user_did(tmp_path: Path) -> None:
    assembly, arguments = library(tmp_path)
    mcs.ensure(assembly, "one", arguments)
    before = assembly.read_bytes()
    _, arguments = library(tmp_path, "class X { int }")

    with pytest.raises(BuildError, match=r"^mine/X\.cs does not compile: 1 error$") as caught:
        mcs.ensure(assembly, "other", arguments, (arguments[-1], "mine/X.cs"))

    assert caught.value.diagnostics[0].startswith("mine/X.cs:1:")
    assert assembly.read_bytes() == before
    assert mcs.is_current(assembly, "one")


def test_what_is_compiled_cannot_be_written_by_others_whatever_the_umask_is(tmp_path: Path) -> None:
    assembly, arguments = library(tmp_path)
    before = os.umask(0)
    try:
        mcs.ensure(assembly, "one", arguments)
    finally:
        os.umask(before)

    assert assembly.stat().st_mode & 0o022 == 0


def test_a_key_is_of_contents_version_and_flags(tmp_path: Path) -> None:
    source = tmp_path / "X.cs"
    source.write_text("class X { }", "utf-8")
    key = mcs.key_of([source], "6.8", ["-debug"])

    assert mcs.key_of([source], "6.8", ["-debug"]) == key
    assert len({key, mcs.key_of([source], "6.9", ["-debug"]), mcs.key_of([source], "6.8", [])}) == 3
    source.write_text("class Y { }", "utf-8")
    assert mcs.key_of([source], "6.8", ["-debug"]) != key
    with pytest.raises(BuildError, match="expected a readable file"):
        mcs.key_of([tmp_path / "None.cs"], "6.8", [])


@pytest.mark.usefixtures("forgotten_version")
def test_a_missing_mono_is_one_line_that_says_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_compilers(monkeypatch, tmp_path)

    with pytest.raises(BuildError) as caught:
        build.ensure_bridge()

    assert str(caught.value) == (
        "mono is not installed: `make run` in a checkout installs it, "
        "or: apt-get install --no-install-recommends mono-runtime"
    )


def test_ilasm_makes_an_assembly_and_its_diagnostics_have_the_form_of_all(tmp_path: Path) -> None:
    good, bad = tmp_path / "X.il", tmp_path / "Y.il"
    good.write_text(
        ".assembly X {}\n.class X {\n.method static void Main() {\n.entrypoint\nret\n}\n}\n", encoding="ascii"
    )
    bad.write_text(".class Y {\n  nonsense\n}\n", encoding="ascii")

    mcs.ensure(tmp_path / "X.exe", "key", [str(good)], (str(good), "X.il"), mcs.ILASM)
    with pytest.raises(BuildError) as caught:
        mcs.ensure(tmp_path / "Y.exe", "key", [str(bad)], (str(bad), "Y.il"), mcs.ILASM)

    assert (tmp_path / "X.exe").read_bytes()[:2] == b"MZ"
    assert str(caught.value) == "Y.il does not compile: 1 error"
    assert caught.value.diagnostics[0].startswith("Y.il:2:")
    assert "error: irrecoverable syntax error" in caught.value.diagnostics[0]
