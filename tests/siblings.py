"""The runtimes that tests run beside mono, and what a test of one needs on this machine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence


class Language(NamedTuple):
    """
    One runtime with a bridge.

    Attributes:
        runtime: Its name.
        suffix: Of its scripts in these tests.
        program: What has to be installed; a JRE without a compiler is not enough for sources in Java.
        package: Debian's, which brings the program.
    """

    runtime: str
    suffix: str
    program: str
    package: str

    @property
    def needed(self) -> pytest.MarkDecorator:
        """Skips a test where the program is missing."""
        reason = f"{self.program} is not installed: apt-get install --no-install-recommends {self.package}"
        return pytest.mark.skipif(shutil.which(self.program) is None, reason=reason)


MONO = Language("mono", ".exe", "mono", "mono-runtime")
SIBLINGS = (
    Language("python", ".py", "python3", "python3"),
    Language("node", ".js", "node", "nodejs"),
    Language("java", ".java", "javac", "default-jdk-headless"),
)


def each(languages: Sequence[Language] = SIBLINGS) -> pytest.MarkDecorator:
    """Runs a test once for each, as ``language``."""
    parameters = [pytest.param(one, id=one.runtime, marks=one.needed) for one in languages]
    return pytest.mark.parametrize("language", parameters)
