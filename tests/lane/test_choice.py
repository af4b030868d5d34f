"""runner.lane.choice: which lane runs, and what is said where it is not the one that was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.lane import building, choice
from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

TELL = "from runner.lane import choice; print(choice.NAME, choice.WHY or choice.FAULT, sep=': ')"


def told(place: Path, wanted: str | None, interpreter: str = sys.executable, code: str = TELL) -> str:
    """What a process says whose package is at that place."""
    env = {name: value for name, value in os.environ.items() if name != choice.VARIABLE}
    env |= {} if wanted is None else {choice.VARIABLE: wanted}
    done = subprocess.run([interpreter, "-c", code], cwd=place, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def package(place: Path, lane_files: Iterable[Path]) -> Path:
    """The package, with these files of the lane only."""
    (place / "runner" / "lane").mkdir(parents=True)
    for path in (ROOT / "runner").iterdir():
        if path.name != "lane":
            (place / "runner" / path.name).symlink_to(path)
    for path in lane_files:
        (place / "runner" / "lane" / path.name).write_bytes(path.read_bytes())
    return place


MODULES = [path for path in building.FOLDER.iterdir() if path.suffix == ".py"]


@pytest.mark.parametrize(("wanted", "name"), [(None, "c"), ("c", "c"), ("python", "python")])
def test_the_lane_in_c_runs_unless_the_environment_says_otherwise(wanted: str | None, name: str) -> None:
    assert told(ROOT, wanted).startswith(f"{name}:")


@pytest.mark.skipif(
    not Path("/usr/bin/python3").exists(), reason="Kamailio embeds the system's Python: install python3"
)
def test_one_library_serves_the_python_that_kamailio_embeds_as_well() -> None:
    assert told(ROOT, "c", "/usr/bin/python3") == "c:"


def test_without_a_library_the_lane_in_python_runs_and_the_wish_is_a_fault(tmp_path: Path) -> None:
    place = package(tmp_path, MODULES)
    code = "from runner.lane import choice; print(choice.NAME, choice.FAULT)"

    assert told(place, None).startswith("python: there is no ")
    assert told(place, None, code=code) == "python"
    assert told(place, "c", code=code).startswith("python APP_MONO_LANE is c, and there is no ")


def test_a_library_of_other_sources_or_that_is_none_is_not_used(tmp_path: Path) -> None:
    place = package(tmp_path, [*MODULES, *building.sources(), building.FOLDER / building.LIBRARY])
    lane = place / "runner" / "lane"
    assert told(place, None) == "c:"

    (lane / "_line.c").write_bytes((lane / "_line.c").read_bytes() + b"\n")
    assert told(place, None) == f"python: {lane / building.LIBRARY} was built from other sources"

    (lane / building.LIBRARY).write_bytes(b"")
    assert told(place, None).startswith(f"python: {lane / building.LIBRARY} does not load: ")


def test_a_wish_that_is_none_is_named_and_changes_nothing() -> None:
    code = "from runner.lane import choice; print(choice.NAME, choice.FAULT)"

    assert told(ROOT, "C", code=code) == "c APP_MONO_LANE: expected python or c, got 'C'"


def test_a_forked_child_is_another_process() -> None:
    """A fork in C, as Kamailio makes it: Python hears nothing of it."""
    code = """
import ctypes, os
from runner.lane import choice
before = choice.process()
assert choice.process() == before
pid = ctypes.CDLL(None).fork()
if not pid:
    os._exit(choice.process() == before)
print(choice.NAME, os.waitpid(pid, 0)[1], choice.process() == before)
"""
    for name in choice.NAMES:
        assert told(ROOT, name, code=code) == f"{name} 0 True"
