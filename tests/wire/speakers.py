"""The runtimes that the transcripts are spoken with: how a worker of each is started, and its scripts."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, ensure_bridge, publish
from runner.runtimes import java, known, transcripts
from runner.runtimes.check import Talk
from runner.runtimes.transcripts import Language
from tests.bridges.pythons import COMMAND
from tests.places import ROOT
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent / "transcripts"
MANUAL = ROOT / "examples" / "MySRTest.cs"
NODE = ROOT / "bridge" / "node" / "bridge.js"
LIMIT = 1024 * 1024
NAMES = ("mono", "python", "node", "java")


@dataclass
class Speaker:
    """
    One runtime.

    Attributes:
        command: Its worker.
        language: Its scripts.
        copies: The directory of their copies.
        directory: For what its workers write.
        moves_wire: As in ``Talk``.
    """

    command: Sequence[str]
    language: Language
    copies: Path
    directory: Path
    moves_wire: bool = True
    started: int = field(default=0)

    def start(self, limit: int = LIMIT) -> Talk:
        """A worker."""
        self.started += 1
        own = self.directory / str(self.started)
        own.mkdir()
        return Talk(self.command, own, self.copies, max_line_bytes=limit, moves_wire=self.moves_wire)


def speaker(name: str, directory: Path, cache: Path) -> Speaker:
    """The runtime of that name; skips the test where it is not here."""
    copies, own = directory / "copies", directory / "workers"
    for made in (copies, own):
        made.mkdir()
    if name == "mono":
        mono = [
            *(f"{key}={value}" for key, value in known.MONO.variables({}).items()),
            shutil.which("mono") or "mono",
            "--debug",
        ]
        language = Language(_compiled(directory, cache), transcripts.places("mono"))
        found = Speaker(["env", *mono, str(ensure_bridge().bridge_exe)], language, copies, own, moves_wire=False)
    elif name == "python":
        found = Speaker(COMMAND, transcripts.language(".py", None), copies, own)
    elif name == "node":
        if shutil.which("node") is None:
            pytest.skip("node is not installed: apt-get install nodejs")
        command = ["node", *known.NODE.options, str(NODE)]
        found = Speaker(command, transcripts.language(".js", None), copies, own)
    else:
        if shutil.which("javac") is None:
            pytest.skip("javac is not installed: apt-get install default-jdk-headless")
        jars = java.ensure()
        command = ["java", *known.JAVA.options, str(jars.bridge)]
        classes = directory / "classes"
        javac = ["javac", "-g", "-cp", str(jars.sr), "-d", str(classes), *map(str, sorted((HERE / "java").iterdir()))]
        subprocess.run(javac, check=True, timeout=WAIT_S)
        found = Speaker(command, Language(classes, transcripts.places("java")), copies, own)
    found.language.copied(copies)
    return found


def _compiled(directory: Path, cache: Path) -> Path:
    """A directory with every script in C#, compiled."""
    sources, output = directory / "sources", directory / "scripts"
    for made in (sources, output):
        made.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        for path in [HERE / "H.cs", MANUAL, *sorted(HERE.glob("*.cs"))]:
            copy = shutil.copy(path, sources)
            publish(compile_script(Path(copy)), sources)
    for assembly in sources.glob("*.exe"):
        publish(assembly, output)
    return output
