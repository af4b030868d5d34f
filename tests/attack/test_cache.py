"""Compiled assemblies in the cache are used only where nobody else could have put them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script
from runner.errors import BuildError
from tests.attack.users import as_root, new_user

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "public class X { static int Main() { return 0; } }\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    source = tmp_path / "X.cs"
    source.write_text(SOURCE, "utf-8")
    return source


@as_root
def test_root_with_the_home_of_another_user_runs_nothing_from_that_users_cache(source: Path, tmp_path: Path) -> None:
    """The user could put the assembly there, and the stamp that says it is current."""
    planted = compile_script(source)
    with new_user() as user:
        for place in (tmp_path / "home", *(tmp_path / "home").rglob("*")):
            os.chown(place, user.uid, user.gid, follow_symlinks=False)

        with pytest.raises(BuildError, match=f"belongs to {user.name}.*XDG_CACHE_HOME"):
            compile_script(source)

    assert planted.exists()


@as_root
def test_another_users_file_in_ones_own_cache_is_refused(source: Path) -> None:
    planted = compile_script(source)
    with new_user() as user:
        os.chown(planted, user.uid, user.gid)

        with pytest.raises(BuildError, match=f"{planted} belongs to {user.name}"):
            compile_script(source)


def test_a_cache_that_others_may_write_to_is_refused_with_the_remedy(source: Path) -> None:
    directory = compile_script(source).parent
    directory.chmod(0o777)

    with pytest.raises(BuildError, match=f"the cache is not used: {directory} .* 0777.*chmod go-w {directory}"):
        compile_script(source)


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_the_cache_is_private_whatever_the_umask_is(source: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        first = compile_script(source)
        again = compile_script(source)
    finally:
        os.umask(before)

    assert first == again
    assert first.parent.stat().st_mode & 0o077 == 0
