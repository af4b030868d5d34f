"""A script in a directory of its own, and what knows which build of it is current."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runner.scripts.current import CurrentScripts
from runner.settings import Settings
from tests.scripts.builds import Builds, Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    directory = tmp_path_factory.mktemp("builds")
    for name, kind in (("a", "exe"), ("b", "exe"), ("h", "library"), ("i", "library")):
        source = directory / f"{name}.cs"
        source.write_text(f'class X {{ public static string S = "{name}"; static int Main() {{ return 0; }} }}')
        subprocess.run(
            ["mcs", f"-t:{kind}", f"-out:{directory / name}", str(source)],  # noqa: S607  # from PATH, as users do
            check=True,
            timeout=60,
        )
    return Builds(directory)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def script(tmp_path: Path, builds: Builds) -> Path:
    path = tmp_path / "scripts" / "x.exe"
    path.parent.mkdir()
    path.write_bytes(builds["a"])
    return path


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., CurrentScripts]]:
    made: list[CurrentScripts] = []

    def make(changed: Callable[[str], None] | None = None, **arguments: Any) -> CurrentScripts:
        names = ("stat", "clock_ns")
        others = {name: arguments.pop(name) for name in names if name in arguments}
        scripts = CurrentScripts(Settings(**arguments), tmp_path / "run", changed, clock=clock, **others)
        made.append(scripts)
        return scripts

    yield make
    for scripts in made:
        scripts.close()
