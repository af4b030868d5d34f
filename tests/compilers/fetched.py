"""The package with the compilers, for tests: fetched once by its hash into build/, else a reason to skip."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner import mcs
from runner.compilers import package
from runner.errors import BuildError
from tests.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CACHE = ROOT / "build" / "languages"
"""What XDG_CACHE_HOME is where the compilers are installed."""


def archive() -> Path:
    """The package as the registry has it."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(CACHE)
    try:
        kept = package.archive()
        mcs.make_directory(kept.parent)
        with mcs.locked(CACHE):
            if not kept.exists():
                aside = CACHE / "fetched"
                aside.mkdir(exist_ok=True)
                package.fetch(aside).replace(kept)
    except BuildError as error:
        if "cannot be fetched" in str(error):
            pytest.skip(str(error))
        raise
    else:
        return kept
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture
def compilers(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the compilers, installed; what a test compiles goes to the same cache."""
    archive()
    monkeypatch.setenv("XDG_CACHE_HOME", str(CACHE))
    package.add()
    return package.directory()
