"""
Compile SR.dll, SRBridge.exe and ``.cs`` scripts with mcs, each only when its inputs have changed.

Must not know who asks or what the assemblies do; it starts a compiler and never a worker.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from . import directives
from .errors import BuildError, ScriptInvalid, ScriptNotFound
from .trust import Place, Untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger("runner.build")

COMPILE_TIMEOUT_S = 60.0
LOCK_TIMEOUT_S = 120.0
BRIDGE_FLAGS = ("-unsafe", "-r:Mono.Posix.dll", "-r:System.Configuration.dll")
STRICT = ("-langversion:6", "-warnaserror+")

PACKAGES = {"mono": "mono-runtime", "mcs": "mono-mcs", "Mono.Posix": "libmono-posix4.0-cil"}
INSTALL = "`make run` in a checkout installs it, or: apt-get install --no-install-recommends "

# a.cs(2,41): error CS0168: Warning as Error: ...   or   error CS0006: Metadata file `H.dll' could not be found
DIAGNOSTIC = re.compile(
    r"^(?:(?P<file>.+?)\((?P<line>\d+),(?P<col>\d+)[^)]*\): )?(?P<text>(?:error|warning) CS\d+: .*)$"
)


@dataclass(frozen=True, slots=True)
class Bridge:
    """The two assemblies that a worker is started from."""

    sr_dll: Path
    """SR.dll, the reference that scripts are compiled with."""
    bridge_exe: Path
    """The program that mono runs in a worker."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the C# sources are and where their assemblies go."""

    lib: Path
    bridge: Path
    output: Path


def ensure_bridge(*, mono: str = "mono") -> Bridge:
    """
    Compile SR.dll and SRBridge.exe if they do not match their sources; safe for several processes at once.

    In a checkout they go to ``build/``. An installed package, or a checkout that is not writable, uses a directory in
    the user's cache, named after a hash of the sources and the version of mono.

    Args:
        mono: The runtime, a name to look up in PATH or a path; a new version of it means a new build.

    Raises:
        BuildError: mono or mcs is missing, a source does not compile, or the output cannot be written. Existing
            assemblies are untouched.
    """
    sources = _sources(mono)
    return Bridge(sr_dll=_ensure_sr(sources, mono), bridge_exe=_ensure_bridge_exe(sources, mono))


def compile_script(source: Path, *, mono: str = "mono") -> Path:
    """
    Compile one ``.cs`` with ``-r:SR.dll -debug``, or return the assembly if it is up to date.

    The assembly's path depends only on the source's path, so a changed source is a new generation of the same script.
    Helpers (``*.dll``) and the ``.config`` beside the source are linked beside the assembly. Comments in the source
    can add references and options, see ``directives``.

    Returns:
        The ``.exe``. Warnings of the compiler are logged.

    Raises:
        ScriptNotFound: There is no such source.
        ScriptInvalid: It is not a file.
        BuildError: It does not compile (see ``diagnostics``), or the compiler or the cache cannot be used. The last
            assembly stays.
    """
    content = _read_source(source)
    where = Path(os.path.abspath(source))  # noqa: PTH100 - resolve() would leave a symlink's directory, and its helpers
    output = _cache() / "scripts" / hashlib.sha256(os.fsencode(where)).hexdigest()[:16]
    _make_directory(output)
    assembly = output / f"{where.stem}.exe"
    _link_neighbours(where, assembly)
    sr_dll = _ensure_sr(_sources(mono), mono)
    wanted = directives.read(content, str(source))
    helpers = [where.parent / name for name in wanted.references]
    options = [*(f"-r:{name}" for name in wanted.references), *wanted.options]
    key = _key([where, sr_dll, *(path for path in helpers if path.is_file())], _mono_version(mono), options)
    arguments = ["-debug+", f"-lib:{where.parent}", f"-r:{sr_dll}", *options]
    _ensure(assembly, key, [*arguments, str(where)], names=(str(where), str(source)))
    return assembly


def publish(assembly: Path, directory: Path) -> Path:
    """
    Copy a compiled script and its symbols into ``directory``, each in one step, symbols first.

    Raises:
        BuildError: The directory cannot be written.
    """
    for part in (Path(f"{assembly}.mdb"), assembly):
        try:
            with tempfile.TemporaryDirectory(prefix=".new-", dir=directory) as aside:
                shutil.copy(part, aside)
                (Path(aside) / part.name).replace(directory / part.name)
        except OSError as error:
            raise BuildError(f"{directory / part.name}: expected to write it there: {error.strerror}") from error
    return directory / assembly.name


def is_up_to_date(*, mono: str = "mono") -> bool:
    """Whether ``ensure_bridge`` would have nothing to compile."""
    sources = _sources(mono)
    sr_dll, bridge_exe = sources.output / "SR.dll", sources.output / "SRBridge.exe"
    sr_key = _sr_key(sources, mono)
    return _is_current(sr_dll, sr_key) and _is_current(bridge_exe, _bridge_key(sources, sr_key))


def missing(tool: str) -> str:
    """One line: which tool is missing, and how to install it."""
    return f"{tool} is not installed: {INSTALL}{PACKAGES.get(tool, tool)}"


def _sources(mono: str) -> Sources:
    package = Path(__file__).parent
    checkout = package.parent
    if (checkout / "lib" / "SR.cs").is_file() and (checkout / "bridge").is_dir():
        sources = Sources(checkout / "lib", checkout / "bridge", checkout / "build")
        if os.access(sources.output if sources.output.exists() else checkout, os.W_OK):
            return sources
    else:
        sources = Sources(package / "csharp" / "lib", package / "csharp" / "bridge", Path())
    key = _bridge_key(sources, _sr_key(sources, mono))
    return Sources(sources.lib, sources.bridge, _cache() / "bridge" / key[:16])


def _ensure_sr(sources: Sources, mono: str) -> Path:
    assembly = sources.output / "SR.dll"
    _make_directory(sources.output)
    _ensure(assembly, _sr_key(sources, mono), ["-t:library", *STRICT, str(sources.lib / "SR.cs")])
    return assembly


def _ensure_bridge_exe(sources: Sources, mono: str) -> Path:
    assembly = sources.output / "SRBridge.exe"
    flags = ["-debug+", *STRICT, *BRIDGE_FLAGS, f"-r:{sources.output / 'SR.dll'}"]
    files = [str(path) for path in sorted(sources.bridge.glob("*.cs"))]
    _ensure(assembly, _bridge_key(sources, _sr_key(sources, mono)), [*flags, *files])
    return assembly


def _sr_key(sources: Sources, mono: str) -> str:
    return _key([sources.lib / "SR.cs"], _mono_version(mono), STRICT)


def _bridge_key(sources: Sources, sr_key: str) -> str:
    files = sorted(sources.bridge.glob("*.cs"))
    if not files:
        raise BuildError(f"{sources.bridge}: expected the C# sources of the bridge, but there is no .cs file")
    return _key(files, sr_key, (*STRICT, *BRIDGE_FLAGS))


def _ensure(assembly: Path, key: str, arguments: Sequence[str], names: tuple[str, str] = ("", "")) -> None:
    """
    Compile ``assembly`` unless it was made from what ``key`` identifies.

    ``names`` is the source's path twice: as the compiler is given it, and as the user wrote it, for diagnostics.
    """
    if _is_current(assembly, key):
        return
    with _locked(assembly.parent):
        if not _is_current(assembly, key):
            _compile(assembly, key, arguments, names)


def _compile(assembly: Path, key: str, arguments: Sequence[str], names: tuple[str, str]) -> None:
    compiler = shutil.which("mcs")
    if compiler is None:
        raise BuildError(missing("mcs"))
    # mcs deletes and rewrites its output in place. So it writes to another directory, and a rename puts the whole
    # file in its place at once.
    with tempfile.TemporaryDirectory(prefix=".new-", dir=assembly.parent) as aside:
        target = Path(aside) / assembly.name
        command = [compiler, "-nologo", f"-out:{target}", *arguments]
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
            raise BuildError(f"{compiler}: expected it to compile {assembly.name}: {error}") from error
        output = [line.replace(*names) if names[0] else line for line in (done.stdout + done.stderr).splitlines()]
        diagnostics = [_diagnostic(match) for match in map(DIAGNOSTIC.match, output) if match]
        if done.returncode != 0 or not target.is_file():
            raise _failed(names[1] or assembly.name, diagnostics, output)
        for line in diagnostics:
            log.warning("%s", line)
        stamp = Path(aside) / "stamp"
        stamp.write_text(f"{key} {hashlib.sha256(target.read_bytes()).hexdigest()}\n", encoding="ascii")
        # The stamp comes last: it says that the other files are complete.
        for made, place in ((Path(f"{target}.mdb"), f"{assembly}.mdb"), (target, assembly), (stamp, _stamp(assembly))):
            if made.is_file():
                # Not writable by others, whatever the umask is: ``trust`` would refuse the file.
                made.chmod(made.stat().st_mode & ~(stat.S_IWGRP | stat.S_IWOTH))
                made.replace(place)


def _failed(name: str, diagnostics: list[str], output: list[str]) -> BuildError:
    text = "\n".join(diagnostics)
    if "Mono.Posix" in text and "CS0006" in text:
        return BuildError(missing("Mono.Posix"), diagnostics)
    errors = sum(": error " in line or line.startswith("error ") for line in diagnostics)
    if errors:
        return BuildError(f"{name} does not compile: {errors} error{'s' if errors > 1 else ''}", diagnostics)
    last = next((line for line in reversed(output) if line.strip()), "mcs printed nothing")
    return BuildError(f"{name} does not compile: {last.strip()}", diagnostics)


def _diagnostic(match: re.Match[str]) -> str:
    if match["file"] is None:
        return match["text"]
    return f"{match['file']}:{match['line']}:{match['col']}: {match['text']}"


def _read_source(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except FileNotFoundError as error:
        raise ScriptNotFound(f"{source}: there is no such file") from error
    except IsADirectoryError as error:
        raise ScriptInvalid(f"{source}: expected a C# source file, but it is a directory") from error
    except OSError as error:
        raise BuildError(f"{source}: expected a readable C# source file: {error.strerror}") from error


def _link_neighbours(source: Path, assembly: Path) -> None:
    """Make the assembly's directory look like the source's: the same helpers, the same ``.config``."""
    wanted = {path.name: path for path in source.parent.glob("*.dll")}
    config = source.parent / f"{assembly.name}.config"
    if config.is_file():
        wanted[config.name] = config
    for link in assembly.parent.iterdir():
        if link.is_symlink() and (link.name not in wanted or link.readlink() != wanted[link.name]):
            link.unlink(missing_ok=True)
    for name, path in wanted.items():
        with suppress(FileExistsError):
            (assembly.parent / name).symlink_to(path)


def _key(files: Sequence[Path], version: str, flags: Sequence[str]) -> str:
    """A hash of what an assembly is made from: the content of files, a version and the compiler's flags."""
    parts = [version, *flags]
    for path in files:
        try:
            parts += [path.name, hashlib.sha256(path.read_bytes()).hexdigest()]
        except OSError as error:
            raise BuildError(f"{path}: expected a readable file: {error.strerror}") from error
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@cache
def _mono_version(mono: str) -> str:
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


def _is_current(assembly: Path, key: str) -> bool:
    """Whether the assembly is exactly what was compiled for ``key``; an incomplete or foreign file is not."""
    for file in (assembly, _stamp(assembly)):
        if file.exists():
            _require_trust(file)
    try:
        made_of, digest = _stamp(assembly).read_text(encoding="ascii").split()
        return made_of == key and hashlib.sha256(assembly.read_bytes()).hexdigest() == digest
    except (OSError, ValueError):
        return False


def _cache() -> Path:
    return platformdirs.user_cache_path("app-mono")


def _make_directory(path: Path) -> None:
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
    return path.is_relative_to(_cache())


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
def _locked(directory: Path) -> Iterator[None]:
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
