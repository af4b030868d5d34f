"""
Compile SR.dll, KSR.dll, SRBridge.exe and scripts that are sources, each only when its inputs have changed.

Must not know who asks or what the assemblies do; it starts a compiler and never a worker.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import directives, mcs, reviewed
from .compilers import languages, package
from .errors import BuildError, ScriptInvalid, ScriptNotFound
from .hosts import foreseen
from .ksr import functions, generate, members
from .runtimes import java

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .compilers.languages import Language
    from .ksr.functions import Function
    from .runtimes.runtime import Runtime

BRIDGE_FLAGS = ("-unsafe", "-r:Mono.Posix.dll", "-r:System.Configuration.dll")
SOURCES = languages.SUFFIXES
"""How the names of scripts end that are compiled to an assembly first."""
STRICT = ("-langversion:6", "-warnaserror+")
NO_KSR = re.compile(r"error (?:CS0103|BC30451|FS0039): .*[`']KSR'")


@dataclass(frozen=True, slots=True)
class Bridge:
    """The assemblies that a worker is started from."""

    sr_dll: Path
    """SR.dll, the reference that scripts are compiled with."""
    ksr_dll: Path
    """KSR.dll, another one: Kamailio's functions. It is loaded when a script refers to it."""
    bridge_exe: Path
    """The program that mono runs in a worker."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the C# sources are and where their assemblies go."""

    lib: Path
    bridge: Path
    output: Path
    is_shipped: bool = False
    """The assemblies came with the package, made from these sources, and nothing is to be compiled."""


def ensure_bridge(*, mono: str = "mono") -> Bridge:
    """
    Compile SR.dll, KSR.dll and SRBridge.exe if they do not match their sources; safe for several processes at once.

    In a checkout they go to ``build/``. A package that ships them (``csharp/build``) has nothing to compile. Another
    installed package, or a checkout that is not writable, uses a directory in the user's cache, named after a hash of
    the sources and the version of mono.

    Args:
        mono: The runtime, a name to look up in PATH or a path; a new version of it means a new build.

    Raises:
        BuildError: mono or mcs is missing, a source does not compile, or the output cannot be written. Existing
            assemblies are untouched.
    """
    sources = _sources(mono)
    return Bridge(_ensure_sr(sources, mono), _ensure_ksr(sources, mono), _ensure_bridge_exe(sources, mono))


class BridgeFiles(NamedTuple):
    """What a worker of one runtime is started from: all files of its bridge, the program first, below ``root``."""

    root: Path
    all: list[Path]


def bridge_files(runtime: Runtime, *, mono: str = "mono") -> BridgeFiles | None:
    """
    The bridge of a runtime, compiled where that has to be done; None for a runtime whose command is the whole worker.

    Raises:
        BuildError: As ``ensure_bridge``, also for another compiler.
    """
    if not runtime.bridge:
        return None
    folder, _, _ = runtime.bridge.rpartition("/")
    if folder:
        root = bridge_sources()
        program = root / runtime.bridge
        files = [path for path in sorted((root / folder).rglob("*")) if path.is_file() and path.suffix != ".pyc"]
        return BridgeFiles(root, [program, *(path for path in files if path != program)])
    program_suffix = Path(runtime.bridge).suffix
    program = java.ensure().bridge if program_suffix == ".jar" else ensure_bridge(mono=mono).bridge_exe
    beside = [path for path in program.parent.iterdir() if path.name.startswith(("SR", "KSR"))]
    files = [path for path in beside if path.suffix not in {".stamp", ".xml"} and path != program]
    return BridgeFiles(program.parent, [program, *files])


def bridge_sources() -> Path:
    """The folder of the bridges' sources, in a checkout or in the installed package."""
    package = Path(__file__).parent
    checkout = package.parent / "bridge"
    return checkout if checkout.is_dir() else package / "csharp" / "bridge"


def compile_script(source: Path, *, mono: str = "mono") -> Path:
    """
    Compile one source with references to SR.dll and KSR.dll, and symbols, unless the assembly is up to date.

    The assembly's path depends only on the source's path, so a changed source is a new generation of the same script.
    A source without Main, which has entries for a routing script, becomes a library, of the same name.

    Helpers (``*.dll``) and the ``.config`` beside the source are linked beside the assembly, and so are the libraries
    that its language needs to run. Comments in the source can add references and options, see ``directives``.

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
    output = mcs.cache_directory() / "scripts" / hashlib.sha256(os.fsencode(where)).hexdigest()[:16]
    mcs.make_directory(output)
    assembly = output / f"{where.stem}.exe"
    wanted = directives.read(content, str(source))
    language = languages.of(where, wanted.options)
    _check_files(source, wanted.files)
    named = directives.resource(wanted.files).decode("utf-8", "surrogateescape")
    sources = _sources(mono)
    sr_dll, ksr_dll = _ensure_sr(sources, mono), _ensure_ksr(sources, mono)
    own = where.parent / ksr_dll.name  # made by `app-mono ksr`, of one Kamailio
    ksr_dll = own if own.is_file() else ksr_dll
    helpers = [where.parent / name for name in wanted.references]
    read = [where, sr_dll, ksr_dll, *(path for path in helpers if path.is_file())]
    version = mcs.mono_version(mono) + language.version()
    keys = [
        mcs.key_of(read, version, [*way.options, *wanted.references, *wanted.options, named]) for way in language.ways
    ]
    made_by = next((way for way, key in zip(language.ways, keys, strict=True) if mcs.is_current(assembly, key)), None)
    if made_by is not None and all(path.is_file() for path in made_by.libraries()):
        _link_neighbours(where, assembly, made_by.libraries(), wanted.files)
        return assembly
    if missing := language.compiler.missing():
        raise BuildError(f"{source}: {missing}")
    for number, (way, key) in enumerate(zip(language.ways, keys, strict=True), start=1):
        libraries = way.libraries()
        references = [str(path) for path in (sr_dll, ksr_dll, *libraries)] + list(wanted.references)
        options = [*way.options, *wanted.options, *_resources(output, wanted.files, language)]
        arguments = language.arguments(where, references, options)
        _link_neighbours(where, assembly, libraries, wanted.files)
        try:
            _compile(assembly, key, arguments, (str(where), str(source)), language)
            break
        except BuildError as error:
            if number == len(keys) or not error.diagnostics:
                raise
    return assembly


def _compile(assembly: Path, key: str, arguments: list[str], names: tuple[str, str], language: Language) -> None:
    """Compile a source to a program, or to a library where it has no Main."""
    try:
        mcs.ensure(assembly, key, arguments, names, language.compiler)
    except BuildError as error:
        if any(map(NO_KSR.search, error.diagnostics)):
            raise BuildError(f"{error}; KSR takes a `{language.using}`", error.diagnostics) from error
        if not language.no_main or not any(language.no_main in line for line in error.diagnostics):
            raise
        mcs.ensure(assembly, key, ["-target:library", *arguments], names, language.compiler)


def ksr_of(lists: Mapping[str, Collection[Function]], directory: Path, *, mono: str = "mono") -> Path:
    """
    Write a KSR.dll that has only the functions of these lists into ``directory``, and KSR.xml, for editors.

    Raises:
        BuildError: As ``ensure_bridge``, or the directory cannot be written.
    """
    sources = _sources(mono)
    _ensure_sr(sources, mono)
    try:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=directory) as aside:
            made = Path(aside) / "KSR.dll"
            _compile_ksr(lists, sources, made, _ksr_key(sources, mono))
            for part in (made.with_suffix(".xml"), made):
                part.replace(directory / part.name)
    except OSError as error:
        raise BuildError(f"{directory / 'KSR.dll'}: expected to write it there: {error.strerror}") from error
    return directory / "KSR.dll"


def publish(assembly: Path, directory: Path) -> Path:
    """
    Copy a compiled script into ``directory``, each file in one step: what its language needs, symbols, the assembly,
    and the files that its source names.

    Raises:
        BuildError: The directory cannot be written.
    """
    links = [link for link in assembly.parent.iterdir() if link.is_symlink()]
    named = {file.name for file in directives.files_of(str(assembly), assembly.read_bytes())}
    runtime = [link for link in links if _is_of_package(link.readlink())]
    runtime += [link for link in links if link.name in named and link.readlink() != directory.absolute() / link.name]
    symbols = mcs.symbols(assembly)
    for part in (*runtime, *symbols, assembly):
        place = directory / part.name
        try:
            if part in symbols and not part.exists():  # of an earlier compiler
                place.unlink(missing_ok=True)
                continue
            with tempfile.TemporaryDirectory(prefix=".new-", dir=directory) as aside:
                shutil.copy(part, aside)
                (Path(aside) / part.name).replace(place)
        except OSError as error:
            raise BuildError(f"{place}: expected to write it there: {error.strerror}") from error
    return directory / assembly.name


def is_up_to_date(*, mono: str = "mono") -> bool:
    """Whether ``ensure_bridge`` would have nothing to compile."""
    sources = _sources(mono)
    if sources.is_shipped:
        return True
    sr_key = _sr_key(sources, mono)
    made_of = {"SR.dll": sr_key, "KSR.dll": _ksr_key(sources, mono), "SRBridge.exe": _bridge_key(sources, sr_key)}
    return all(mcs.is_current(sources.output / name, key) for name, key in made_of.items())


def _sources(mono: str) -> Sources:
    package = Path(__file__).parent
    checkout = package.parent
    if (checkout / "lib" / "SR.cs").is_file() and (checkout / "bridge").is_dir():
        sources = Sources(checkout / "lib", checkout / "bridge", checkout / "build")
        if os.access(sources.output if sources.output.exists() else checkout, os.W_OK):
            return sources
    else:
        csharp = package / "csharp"
        sources = Sources(csharp / "lib", csharp / "bridge", csharp / "build", is_shipped=True)
        if (sources.output / "SRBridge.exe").is_file():
            return sources
    key = _bridge_key(sources, _ksr_key(sources, mono))
    return Sources(sources.lib, sources.bridge, mcs.cache_directory() / "bridge" / key[:16])


def _ensure_sr(sources: Sources, mono: str) -> Path:
    assembly = sources.output / "SR.dll"
    if sources.is_shipped:
        return assembly
    mcs.make_directory(sources.output)
    mcs.ensure(assembly, _sr_key(sources, mono), ["-t:library", *STRICT, str(sources.lib / "SR.cs")])
    return assembly


def _ensure_ksr(sources: Sources, mono: str) -> Path:
    assembly = sources.output / "KSR.dll"
    if sources.is_shipped:
        return assembly
    key = _ksr_key(sources, mono)
    if not mcs.is_current(assembly, key):
        _compile_ksr({each: functions.read(each) for each in functions.VERSIONS}, sources, assembly, key)
    return assembly


def _compile_ksr(lists: Mapping[str, Collection[Function]], sources: Sources, assembly: Path, key: str) -> None:
    with tempfile.TemporaryDirectory(prefix="app-mono-") as aside:
        made = Path(aside) / "KSR.cs"
        text = generate.source(
            lists, reads=foreseen.KSR_READS, is_refused=lambda name: reviewed.refusal(name) is not None
        )
        made.write_text(text, encoding="utf-8")
        files = [str(sources.lib / "KSR.cs"), str(made)]
        # Editors look for the comments beside the assembly.
        comments = f"-doc:{assembly.with_suffix('.xml')}"
        mcs.ensure(assembly, key, ["-t:library", *STRICT, f"-r:{sources.output / 'SR.dll'}", comments, *files])


def _ensure_bridge_exe(sources: Sources, mono: str) -> Path:
    assembly = sources.output / "SRBridge.exe"
    if sources.is_shipped:
        return assembly
    flags = ["-debug+", *STRICT, *BRIDGE_FLAGS, f"-r:{sources.output / 'SR.dll'}"]
    files = [str(path) for path in sorted(sources.bridge.glob("*.cs"))]
    mcs.ensure(assembly, _bridge_key(sources, _sr_key(sources, mono)), [*flags, *files])
    return assembly


def _sr_key(sources: Sources, mono: str) -> str:
    return mcs.key_of([sources.lib / "SR.cs"], mcs.mono_version(mono), STRICT)


def _ksr_key(sources: Sources, mono: str) -> str:
    lists = [functions.list_of(each) for each in functions.VERSIONS]
    made_by = [Path(str(module.__file__)) for module in (functions, generate, members, foreseen, reviewed)]
    return mcs.key_of([sources.lib / "KSR.cs", *lists, *made_by], _sr_key(sources, mono), STRICT)


def _bridge_key(sources: Sources, sr_key: str) -> str:
    files = sorted(sources.bridge.glob("*.cs"))
    if not files:
        raise BuildError(f"{sources.bridge}: expected the C# sources of the bridge, but there is no .cs file")
    return mcs.key_of(files, sr_key, (*STRICT, *BRIDGE_FLAGS))


def _read_source(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except FileNotFoundError as error:
        raise ScriptNotFound(f"{source}: there is no such file") from error
    except IsADirectoryError as error:
        raise ScriptInvalid(f"{source}: expected a source file, but it is a directory") from error
    except OSError as error:
        raise BuildError(f"{source}: expected a readable source file: {error.strerror}") from error


def _check_files(source: Path, files: Sequence[directives.File]) -> None:
    """
    Refuse a file that a source names and that is not there.

    Raises:
        BuildError: With file, line and column in the diagnostics.
    """
    wrong = [
        f"{file.place}: error: app-mono: there is no file {source.parent / file.name}"
        for file in files
        if not (source.parent / file.name).is_file()
    ]
    if wrong:
        raise BuildError(f"{source} does not compile: {len(wrong)} error{'s' if len(wrong) > 1 else ''}", wrong)


def _resources(output: Path, files: tuple[directives.File, ...], language: Language) -> list[str]:
    """
    What is given to a compiler so that it puts the names of ``files`` into an assembly.

    Raises:
        BuildError: ``output`` cannot be written.
    """
    if not files:
        return []
    made = output / directives.RESOURCE
    try:
        made.write_bytes(directives.resource(files))
        if not language.search:  # ilasm has no option for that, but takes several sources
            source = made.with_suffix(".il")
            source.write_text(f".mresource public '{made}' {{}}\n", encoding="utf-8")
            return [str(source)]
    except OSError as error:
        raise BuildError(f"{made}: expected to write it: {error.strerror}") from error
    return [f"-resource:{made},{directives.RESOURCE}"]


def _link_neighbours(source: Path, assembly: Path, libraries: Sequence[Path], files: Sequence[directives.File]) -> None:
    """Make the assembly's directory look like the source's: helpers, ``.config`` and ``files``; and ``libraries``."""
    wanted = {path.name: path for path in (*libraries, *source.parent.glob("*.dll"))}
    wanted |= {file.name: source.parent / file.name for file in files}
    config = source.parent / f"{assembly.name}.config"
    if config.is_file():
        wanted[config.name] = config
    for link in assembly.parent.iterdir():
        if link.is_symlink() and (link.name not in wanted or link.readlink() != wanted[link.name]):
            link.unlink(missing_ok=True)
    for name, path in wanted.items():
        with suppress(FileExistsError):
            (assembly.parent / name).symlink_to(path)


def _is_of_package(path: Path) -> bool:
    return path.parent == package.directory()
