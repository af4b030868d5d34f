"""requirements/*.txt: what `make` installs is pinned, with hashes, and is what runs here."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)(?: ; (?P<marker>[^\\]+?))?(?: \\)?$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
WANTED = (
    {"run": [*OURS, *GROUPS["build"]]}
    | {name: [*OURS, *GROUPS["build"], *wanted] for name, wanted in EXTRAS.items()}
    | {name: GROUPS[name] for name in ("audit", "lock")}
)


def pins(path: Path) -> dict[str, str]:
    """Package to version."""
    found = filter(None, map(PIN.match, path.read_text("utf-8").splitlines()))
    return {match["name"]: match["version"] for match in found}


def test_there_is_a_file_for_each_purpose() -> None:
    assert {path.stem for path in LOCKS} == set(WANTED)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_line_is_a_pin_with_hashes_and_names_no_place(path: Path) -> None:
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    odd = [line for line in lines if not PIN.match(line) and not HASH.match(line)]
    bare = [
        line for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if PIN.match(line) and not HASH.match(following)
    ]  # fmt: skip

    assert lines
    assert (odd, bare) == ([], [])


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_what_the_project_asks_for_is_pinned_within_its_bounds(path: Path) -> None:
    found = pins(path)

    for wanted in map(Requirement, WANTED[path.stem]):
        assert wanted.specifier.contains(found[canonicalize_name(wanted.name)]), wanted


def test_a_package_has_one_version_in_all_of_them() -> None:
    versions: dict[str, set[str]] = {}
    for path in LOCKS:
        for name, version in pins(path).items():
            versions.setdefault(name, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_what_runs_here_is_what_is_pinned() -> None:
    locked = pins(ROOT / "requirements" / "dev.txt")
    installed: dict[str, str] = {
        canonicalize_name(each.metadata["Name"]): each.version for each in metadata.distributions()
    }
    others = {name for name in locked if name not in installed}

    assert {name: installed[name] for name in locked.keys() - others} == {
        name: version for name, version in locked.items() if name not in others
    }, "the environment is not that of requirements/dev.txt: make venv-dev"
    assert others <= {"colorama"}  # of another system


def test_the_makefile_installs_nothing_else() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    made = text.replace("$(PIP_INSTALL)", "pip install").replace("$(LOCKED)", "pip install --require-hashes -r")
    lines = [
        line.strip() for line in made.splitlines() if "pip install" in line and not line.startswith(("PIP", "LOC"))
    ]

    assert len(lines) >= 6
    assert [line for line in lines if "--require-hashes" not in line and "--no-deps" not in line] == []


def test_a_file_that_is_another_one_than_was_pinned_is_refused(tmp_path: Path) -> None:
    lines = (ROOT / "requirements" / "run.txt").read_text("utf-8").splitlines()
    (pin,) = [line for line in lines if line.startswith("mdurl==")]
    forged = tmp_path / "run.txt"
    forged.write_text(f"{pin}\n    --hash=sha256:{'0' * 64}\n", "ascii")
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "--no-deps"]

    done = subprocess.run(
        [*command, "--target", str(tmp_path / "site"), "-r", str(forged)], capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr, "pip reached no package: is there a network?"
    assert not list(tmp_path.glob("site/*"))
