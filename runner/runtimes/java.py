"""
The Java bridge: SR.jar and SRBridge.jar, compiled with javac when their sources have changed, and how Java starts it.

Must not know who asks, nor start a worker.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runner import mcs, reviewed
from runner.errors import BuildError
from runner.ksr import functions, java, members

RELEASE = "17"
"""The oldest Java that runs the bridge, that of Debian 12."""

FLAGS = (
    # javac would reserve a quarter of the machine's memory, and more where address space is limited.
    *(f"-J{option}" for option in ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")),
    *("-g", "--release", RELEASE, "-encoding", "UTF-8", "-Xlint:all", "-Werror"),
)

# What srbridge.Native needs of Java's own packages.
MANIFEST = """\
Manifest-Version: 1.0
Main-Class: srbridge.Bridge
Class-Path: SR.jar
Add-Opens: java.base/java.io java.base/java.lang java.base/sun.nio.ch

"""

OPTIONS = (
    # One collector without threads of its own: it starts fastest and takes the least memory.
    "-XX:+UseSerialGC",
    # Only the first compiler. An exec is mostly waiting and short code, and takes as long as with both: with three
    # calls about as long as in mono. A worker that has loaded a source takes 72 instead of 96 MiB (measured: 17.0.15).
    "-XX:TieredStopAtLevel=1",
    # With these a worker reserves 1,960 MiB of address space at its start (measured): 4096 MiB leave room for threads.
    "-Xms16m",
    "-Xmx1g",
    "-XX:ReservedCodeCacheSize=64m",
    "-XX:CompressedClassSpaceSize=128m",
    # No file in /tmp that shows the JVM to everyone, and no core file.
    "-XX:-UsePerfData",
    "-XX:-CreateCoredumpOnCrash",
    # What it writes when it crashes goes to the log, and to no file where it works.
    "-XX:+ErrorFileToStderr",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-DumpReplayDataOnError",
    # An exception that is thrown often keeps its stack.
    "-XX:-OmitStackTraceInFastThrow",
    # In any locale; the first two are the names before Java 19.
    *(f"-D{name}.encoding=UTF-8" for name in ("sun.stdout", "sun.stderr", "stdout", "stderr", "file")),
)


def command(jars: Jars, java: str = "java") -> tuple[str, ...]:
    """The words that start a worker; those that the runner adds come after them."""
    return (java, *OPTIONS, "-jar", str(jars.bridge))


EPOCH = (1980, 1, 1, 0, 0, 0)  # the same classes give the same jar


@dataclass(frozen=True, slots=True)
class Jars:
    """What a worker is started from; the two have to lie in one directory."""

    sr: Path
    """SR.jar, what scripts are compiled with."""
    bridge: Path
    """SRBridge.jar, the program that Java runs in a worker."""


def ensure(javac: str = "javac") -> Jars:
    """
    Compile SR.jar and SRBridge.jar if they do not match their sources; safe for several processes at once.

    In a checkout they go to ``build/``, elsewhere into the user's cache, as those of ``runner.build.ensure_bridge``.

    Args:
        javac: The compiler, a name to look up in PATH or a path; a new version of it means a new build.

    Raises:
        BuildError: There is no javac, it is too old, a source does not compile, or the output cannot be written.
            Existing jars are untouched.
    """
    sources, output = _places(javac)
    mcs.make_directory(output)
    jars = Jars(output / "SR.jar", output / "SRBridge.jar")
    key = _key(sources, javac)
    if not (mcs.is_current(jars.sr, key) and mcs.is_current(jars.bridge, key)):
        with mcs.locked(output):
            if not (mcs.is_current(jars.sr, key) and mcs.is_current(jars.bridge, key)):
                _make(sources, jars, key, javac)
    return jars


def _make(sources: Path, jars: Jars, key: str, javac: str) -> None:
    with tempfile.TemporaryDirectory(prefix=".new-", dir=jars.sr.parent) as aside:
        sr, bridge = Path(aside) / "sr", Path(aside) / "bridge"
        _compile(javac, _sr_sources(sources / "SR", Path(aside)), sr, [])
        _compile(javac, sorted(sources.glob("*.java")), bridge, ["-cp", str(sr)])
        for classes, jar, manifest in ((sr, jars.sr, ""), (bridge, jars.bridge, MANIFEST)):
            made = classes / jar.name
            _pack(classes, made, manifest)
            mcs.put(made, jar, key)


def _sr_sources(folder: Path, aside: Path) -> list[Path]:
    """The sources of SR.jar; that of KSR is made, in ``aside``."""
    by_hand, made = folder / "KSR.java", aside / "KSR.java"
    text = java.source(
        by_hand.read_text("utf-8"),
        {version: functions.read(version) for version in functions.VERSIONS},
        is_refused=lambda name: reviewed.refusal(name) is not None,
    )
    made.write_text(text, "utf-8")
    return [made if path == by_hand else path for path in sorted(folder.glob("*.java"))]


def _compile(javac: str, sources: list[Path], output: Path, more: list[str]) -> None:
    if not sources:
        raise BuildError(f"{output.name}: expected the Java sources of the bridge, but there is no .java file")
    is_made, lines = mcs.run([javac, *FLAGS, *more, "-d", str(output), *map(str, sources)], "the Java bridge")
    if not is_made:
        raise BuildError(f"the Java bridge does not compile: {lines[0] if lines else 'javac printed nothing'}", lines)


def _pack(classes: Path, jar: Path, manifest: str) -> None:
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        parts = [("META-INF/MANIFEST.MF", manifest.encode())] if manifest else []
        parts += [(str(path.relative_to(classes)), path.read_bytes()) for path in sorted(classes.rglob("*.class"))]
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)


def _places(javac: str) -> tuple[Path, Path]:
    """The directory of the sources, and that of the jars."""
    package = Path(__file__).parent.parent
    checkout = package.parent
    sources = checkout / "bridge" / "java"
    if sources.is_dir() and (checkout / "lib" / "SR.cs").is_file():
        output = checkout / "build"
        if os.access(output if output.exists() else checkout, os.W_OK):
            return sources, output
    else:
        sources = package / "csharp" / "bridge" / "java"
    return sources, mcs.cache_directory() / "bridge" / _key(sources, javac)[:16]


def _key(sources: Path, javac: str) -> str:
    lists = [functions.list_of(version) for version in functions.VERSIONS]
    made_by = [Path(str(module.__file__)) for module in (functions, java, members, reviewed)]
    return mcs.key_of([*sorted(sources.rglob("*.java")), *lists, *made_by], version(javac), (*FLAGS, MANIFEST))


@cache
def version(program: str, *options: str) -> str:
    """What ``javac -version`` or ``java -version`` prints; run once per process."""
    found = shutil.which(program)
    if found is None:
        raise BuildError(f"{program} is not installed: apt-get install --no-install-recommends default-jdk-headless")
    try:
        done = subprocess.run(
            [found, *options, "-version"], capture_output=True, timeout=mcs.COMPILE_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"{found}: expected it to print its version: {error}") from error
    return (done.stdout + done.stderr).decode("utf-8", "replace").strip()
