"""runner.runtimes.java: the jars of the Java bridge."""

from __future__ import annotations

import shutil
import zipfile

import pytest

from runner.errors import BuildError
from runner.runtimes import java

needs_javac = pytest.mark.skipif(shutil.which("javac") is None, reason="apt-get install default-jdk-headless")


@needs_javac
def test_the_jars_are_made_once() -> None:
    jars = java.ensure()
    stamp = jars.bridge.stat().st_mtime_ns

    assert java.ensure().bridge.stat().st_mtime_ns == stamp
    assert "SR/Core.class" in zipfile.ZipFile(jars.sr).namelist()
    assert not [name for name in zipfile.ZipFile(jars.bridge).namelist() if name.startswith("SR/")]


def test_a_missing_compiler_is_one_clear_error() -> None:
    with pytest.raises(BuildError, match="no-such-javac"):
        java.ensure("no-such-javac")
