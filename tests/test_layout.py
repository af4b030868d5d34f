"""The tests mirror the package: each module has a file of tests. And no file is long."""

from __future__ import annotations

import re

from tests.conftest import ALONE
from tests.places import ROOT

PACKAGE, TESTS = ROOT / "runner", ROOT / "tests"
SOURCES = ("bench", "bridge", "examples", "fuzz", "kamailio", "lib", "runner", "tests", "tools")
SUFFIXES = {".py", ".cs", ".java", ".c", ".h"}
MOST_LINES = 400


def without_own_tests() -> set[str]:
    modules = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.stem != "__init__")
    return {str(module) for module in modules if not (TESTS / module.with_name(f"test_{module.name}")).exists()}


def test_every_module_has_its_tests() -> None:
    assert without_own_tests() == set(), "write tests/.../test_MODULE.py"


def test_no_source_file_is_long() -> None:
    sources = [path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    lines = {str(path.relative_to(ROOT)): path.read_bytes().count(b"\n") for path in sources}

    assert lines.keys() >= {"runner/runner.py", "bridge/SRBridge.cs"}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_group_is_matched_without_a_step_back() -> None:
    """``(a|b)*+`` and ``(?>a|b)`` give wrong matches in Python 3.11.2, Debian 12's (CPython issue 106052)."""
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in ("kamailio", "runner")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"\)[*+?]\+|\(\?>", line)
    }

    assert found == set()


def test_what_runs_alone_is_still_there() -> None:
    for place in ALONE:
        file, _, name = place.partition("::")
        assert name in (TESTS / file).read_text("utf-8"), place
