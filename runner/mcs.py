"""
Compile one assembly with mcs, ilasm or another compiler, unless it is there and was made from the same.

Must not know what the assemblies are.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import re
import shutil
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import platformdirs

from .errors import BuildError
from .trust import Place, Untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger("runner.build")

COMPILE_TIMEOUT_S = 120.0
LOCK_TIMEOUT_S = 120.0

PACKAGES = {
    "mono": "mono-runtime",
    "mcs": "mono-mcs",
    "ilasm": "mono-devel",
    "Mono.Posix": "libmono-posix4.0-cil",
    "netstandard": "mono-devel",
}
INSTALL = "`make run` in a checkout installs it, or: apt-get install --no-install-recommends "


class Compiler(Protocol):
    """What makes assemblies."""

    @property
    def diagnostic(self) -> re.Pattern[str]:
        """What its diagnostics look like: ``text``, and ``file``, ``line`` and ``col`` where they have a place."""

    def missing(self) -> str:
        """One line: what it lacks on this machine, and what installs it; empty when nothing does."""

    def run(self, output: Path, arguments: Sequence[str]) -> tuple[bool, list[str]]:
        """
        Make the assembly ``output``; whether that went well, and the lines that were printed.

        Raises:
            BuildError: It could not be run.
        """


@dataclass(frozen=True, slots=True)
class Program:
    """A compiler that is a program, started for each assembly."""

    name: str
    options: tuple[str, ...]
    output: str
    diagnostic: re.Pattern[str]

    def missing(self) -> str:
        """As ``Compiler.missing``."""
        return missing(self.name) if shutil.which(self.name) is None else ""

    def run(self, output: Path, arguments: Sequence[str]) -> tuple[bool, list[str]]:
        """As ``Compiler.run``."""
        program = shutil.which(self.name)
        if program is None:
            raise BuildError(missing(self.name))
        return run([program, *self.options, f"{self.output}{output}", *arguments], output.name)


MCS = Program(
    "mcs",
    ("-nologo",),
    "-out:",
    # a.cs(2,41): error CS0168: Warning as Error: ...   or   error CS0006: Metadata file `H.dll' could not be found
    re.compile(r"^(?:(?P<file>.+?)\((?P<line>\d+),(?P<col>\d+)[^)]*\): )?(?P<text>(?:error|warning) [A-Z]+\d+: .*)$"),
)
ILASM = Program(
    "ilasm",
    ("-quiet", "-debug"),
    "-output:",
    # /x/a.il (7, 8) : Error : irrecoverable syntax error
    re.compile(r"^(?P<file>.+?) ?\((?P<line>\d+), (?P<col>\d+)\) : (?P<text>Error : .*)$"),
)


def run(command: Sequence[str], what: str) -> tuple[bool, list[str]]:
    """
    Run a compiler: whether it said that all is well, and the lines that it printed.

    Raises:
        BuildError: It could not be run, or took longer than ``COMPILE_TIMEOUT_S``; ``what`` it should compile is named.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMPILE_TIMEOUT_S,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{command[0]}: expected it to compile {what}: {error}") from error
    return done.returncode == 0, (done.stdout + done.stderr).splitlines()


def ensure(
    assembly: Path, key: str, arguments: Sequence[str], names: tuple[str, str] = ("", ""), compiler: Compiler = MCS
) -> None:
    """
    Compile ``assembly`` unless it was made from what ``key`` identifies.

    ``names`` is the source's path twice: as the compiler is given it, and as the user wrote it, for diagnostics.
    """
    if is_current(assembly, key):
        return
    with locked(assembly.parent):
        if not is_current(assembly, key):
            _compile(assembly, key, arguments, names, compiler)


def _compile(assembly: Path, key: str, arguments: Sequence[str], names: tuple[str, str], compiler: Compiler) -> None:
    # mcs deletes and rewrites its output in place. So it writes to another directory, and a rename puts the whole
    # file in its place at once.
    with tempfile.TemporaryDirectory(prefix=".new-", dir=assembly.parent) as aside:
        target = Path(aside) / assembly.name
        ok, printed = compiler.run(target, arguments)
        output = [line.replace(*names) if names[0] else line for line in printed]
        diagnostics = [_diagnostic(match) for match in map(compiler.diagnostic.match, output) if match]
        if not ok or not target.is_file():
            raise _failed(names[1] or assembly.name, diagnostics, output)
        for line in diagnostics:
            log.warning("%s", line)
        put(target, assembly, key)


def symbols(assembly: Path) -> tuple[Path, ...]:
    """Where the symbols of an assembly can lie: as mcs and ilasm write them, and portable ones."""
    return Path(f"{assembly}.mdb"), assembly.with_suffix(".pdb")


def put(made: Path, assembly: Path, key: str) -> None:
    """
    Put an assembly that was made from what ``key`` identifies, and its symbols, in its place, each in one step.

    Symbols of another form, which an earlier compiler left there, are removed.
    """
    stamp = made.with_name("stamp")
    stamp.write_text(f"{key} {hashlib.sha256(made.read_bytes()).hexdigest()}\n", encoding="ascii")
    # The stamp comes last: it says that the other files are complete.
    parts = (*zip(symbols(made), symbols(assembly), strict=True), (made, assembly), (stamp, _stamp(assembly)))
    for part, place in parts:
        if part.is_file():
            # Not writable by others, whatever the umask is: ``trust`` would refuse the file.
            part.chmod(part.stat().st_mode & ~(stat.S_IWGRP | stat.S_IWOTH))
            part.replace(place)
        else:
            place.unlink(missing_ok=True)


def _failed(name: str, diagnostics: list[str], output: list[str]) -> BuildError:
    text = "\n".join(diagnostics)
    for library in ("Mono.Posix", "netstandard"):
        if library in text and "CS0006" in text:
            return BuildError(missing(library), diagnostics)
    errors = sum(": error" in line or line.startswith("error ") for line in diagnostics)
    if errors:
        return BuildError(f"{name} does not compile: {errors} error{'s' if errors > 1 else ''}", diagnostics)
    last = next((line for line in reversed(output) if line.strip()), "the compiler printed nothing")
    return BuildError(f"{name} does not compile: {last.strip()}", diagnostics)


def _diagnostic(match: re.Match[str]) -> str:
    if match["file"] is None:
        return match["text"]
    text = match["text"].replace("Error : ", "error: ", 1)  # as ilasm writes it
    return f"{match['file']}:{match['line']}:{match['col']}: {text}"


def missing(tool: str) -> str:
    """One line: which tool is missing, and how to install it."""
    return f"{tool} is not installed: {INSTALL}{PACKAGES.get(tool, tool)}"


def key_of(files: Sequence[Path], version: str, flags: Sequence[str]) -> str:
    """A hash of what an assembly is made from: the content of files, a version and the compiler's flags."""
    parts = [version, *flags]
    for path in files:
        try:
            parts += [path.name, hashlib.sha256(path.read_bytes()).hexdigest()]
        except OSError as error:
            raise BuildError(f"{path}: expected a readable file: {error.strerror}") from error
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@cache
def mono_version(mono: str) -> str:
    """The first line of ``mono --version``; run once per process."""
    runtime = shutil.which(mono)
    if runtime is None:
        raise BuildError(missing("mono") if mono == "mono" else f"{mono}: expected the mono runtime, found no program")
    try:
        done = subprocess.run([runtime, "--version"], capture_output=True, timeout=COMPILE_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"{runtime}: expected it to print its version: {error}") from error
    return done.stdout.decode("utf-8", "replace").partition("\n")[0]


def _stamp(assembly: Path) -> Path:
    return Path(f"{assembly}.stamp")


def is_current(assembly: Path, key: str) -> bool:
    """Whether the assembly is exactly what was compiled for ``key``; an incomplete or foreign file is not."""
    for file in (assembly, _stamp(assembly)):
        if file.exists():
            _require_trust(file)
    try:
        made_of, digest = _stamp(assembly).read_text(encoding="ascii").split()
        return made_of == key and hashlib.sha256(assembly.read_bytes()).hexdigest() == digest
    except (OSError, ValueError):
        return False


def cache_directory() -> Path:
    """The user's cache, where what is compiled goes; it may not be there yet."""
    return platformdirs.user_cache_path("app-mono")


def make_directory(path: Path) -> None:
    """
    Make a directory for assemblies, where it is not there.

    Raises:
        BuildError: It cannot be made, or it is in the cache and others may change it.
    """
    try:
        for directory in reversed((path, *path.parents)):
            if not directory.exists():
                directory.mkdir(mode=0o755 if not _is_cached(path) else 0o700, exist_ok=True)
        _require_trust(path)
    except OSError as error:
        raise BuildError(
            f"{path}: expected a writable directory for assemblies: {error.strerror}; "
            "set XDG_CACHE_HOME to a writable one"
        ) from error


def _is_cached(path: Path) -> bool:
    return path.is_relative_to(cache_directory())


def _require_trust(path: Path) -> None:
    """
    Refuse a file of the cache that others may change: with another user's HOME it would be that user's code.

    A checkout is not checked, because whoever runs one trusts it.

    Raises:
        BuildError: Others may change the file. The message has owner, mode and remedy.
    """
    if not _is_cached(path):
        return
    try:
        with Place(str(path)) as place:
            place.require_trust()
    except (OSError, Untrusted) as error:
        raise BuildError(f"the cache is not used: {error}; or set XDG_CACHE_HOME to a directory of your own") from error


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock; the kernel releases it when the process ends, however that happens."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    try:
        file = (directory / ".lock").open("w", encoding="ascii")
    except OSError as error:
        raise BuildError(f"{directory}: expected a writable directory: {error.strerror}") from error
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise BuildError(f"{directory}: another process has been compiling there for too long") from error
                time.sleep(0.02)
        yield
