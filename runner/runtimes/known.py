"""
The runtimes that come with a bridge, and those of the settings, by name and by the suffix of a script.

Must not know how a bridge is made, nor start anything.
"""

from __future__ import annotations

import itertools
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.directives import Comments, files_of
from runner.errors import ConfigError

from . import classes, java
from .checks import check_assembly, check_java, check_text
from .mentions import in_assembly
from .runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runner.settings import RuntimeSettings, Settings

MONO = Runtime(
    name="mono",
    suffixes=(".exe", ".dll"),
    command=("mono",),
    options=("--debug",),
    bridge="SRBridge.exe",
    moves_wire=False,  # it moves it itself, before any script runs
    compilers=("mcs",),
    packages=("mono-runtime", "mono-mcs", "libmono-posix4.0-cil"),
    # No crash files in the working directory, nothing left in /dev/shm (measured: mono 6.8; see docs/architecture.md).
    # Where gdb is installed, mono would run it when native code crashes: 1.4 s instead of 3 ms (measured).
    environment={"MONO_CRASH_NOFILE": "1", "MONO_DISABLE_SHARED_AREA": "1", "MONO_DEBUG": "{},no-gdb-backtrace"},
    # glibc makes 8 malloc arenas for each CPU, and each takes 64 MiB of address space. With one arena for each of 64
    # threads, 4096 MiB are full; with 8 arenas there is room for 1,774 threads (measured).
    # mono begins no collection while a thread of its own sweeps. Where that thread waits for a CPU, as on a busy
    # machine, garbage of large arrays grew to all 4096 MiB, an OutOfMemoryException in the script; swept at once, the
    # process took 184 MiB (measured).
    defaults={"MALLOC_ARENA_MAX": "8", "MONO_GC_PARAMS": "no-concurrent-sweep"},
    passes_on=("MONO_",),
    stacks=signal.SIGQUIT,
    helpers=("{}.dll", "{}.exe"),
    symbols=("{stem}.pdb", "{file}.mdb"),
    config="{file}.config",
    check=check_assembly,
    check_helper=check_assembly,
    mentions=in_assembly,
    files_of=files_of,
)

PYTHON = Runtime(
    name="python",
    suffixes=(".py",),
    # -I: neither the working directory nor the user's own packages; a bridge in a directory of root has no cache.
    command=("python3",),
    options=("-I", "-X", "utf8", "-B"),
    bridge="python/worker.py",
    packages=("python3",),
    defaults={"MALLOC_ARENA_MAX": "8"},
    stacks=signal.SIGQUIT,
    check=check_text,
    files_of=Comments("#").files_of,
)

NODE = Runtime(
    name="node",
    suffixes=(".js", ".mjs", ".cjs"),
    command=("node",),
    options=("--experimental-vm-modules", "--no-warnings", "--max-old-space-size=512", "--v8-pool-size=1"),
    bridge="node/bridge.js",
    packages=("nodejs",),
    max_address_space_mib=0,  # it reserves far more than it uses, and WebAssembly, so fetch, 10 GiB a memory
    max_data_mib=1024,  # the heap's 512, and Buffers, which are outside of it
    stacks=signal.SIGQUIT,
    stacks_s=0.5,  # its inspector takes 50 to 170 ms to begin, on two busy CPUs (measured: 20.20)
    check=check_text,
    files_of=Comments("//").files_of,
)

JAVA = Runtime(
    name="java",
    suffixes=(".java", ".jar", ".class"),
    command=("java",),
    options=(*java.OPTIONS, "-jar"),
    bridge="SRBridge.jar",
    compilers=("javac",),
    packages=("default-jdk-headless",),
    stacks=signal.SIGQUIT,
    check=check_java,
    check_helper=check_java,
    files_of=Comments("//", ".java", "-r:", "-r:NAME.jar or -file:NAME").files_of,
    sources=(".java",),
    compile=classes.compile_source,
)

LOOKED_AT = 10_000  # names; more than a site has scripts

BUILT_IN = (MONO, PYTHON, NODE, JAVA)


class Runtimes:
    """
    The runtimes of one set of settings.

    Raises:
        ConfigError: A runtime of the settings that does not come with a bridge lacks its command or its suffixes, or
            two have the same suffix.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        known = {runtime.name: runtime for runtime in BUILT_IN}
        known["mono"] = replace(MONO, command=(settings.mono,))
        for name, own in settings.runtimes.items():
            known[name] = _with(known.get(name), name, own)
        self.all = tuple(known.values())
        self._by_name = known
        owners: dict[str, str] = {}
        for runtime in self.all:
            for suffix in runtime.suffixes:
                if owners.setdefault(suffix, runtime.name) != runtime.name:
                    raise ConfigError(
                        f"runtimes.{runtime.name}.suffixes: {suffix} belongs to runtimes.{owners[suffix]} already"
                    )

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the names of scripts end."""
        return tuple(suffix for runtime in self.all for suffix in runtime.suffixes)

    def named(self, name: str) -> Runtime:
        """The runtime of that name, which has to be one."""
        return self._by_name[name]

    def of(self, path: str) -> Runtime:
        """The runtime of a script, by its suffix; that of assemblies where the suffix says nothing."""
        return next((runtime for runtime in self.all if runtime.runs(path)), self._by_name["mono"])

    @property
    def first(self) -> list[str]:
        """Those that have workers before a script is used: that of ``load``, and where the settings want some."""
        first = self.of(str(self._settings.load or "")).name
        wanted = [name for name, own in self._settings.runtimes.items() if own.num_workers]
        return [first, *(name for name in wanted if name != first)]

    def below(self, directories: Iterable[Path]) -> list[str]:
        """Those that have a script below these directories, as far as the first ``LOOKED_AT`` names say it."""
        names = (name for directory in directories for _, _, names in os.walk(directory) for name in names)
        return sorted({one.name for name in itertools.islice(names, LOOKED_AT) for one in self.all if one.runs(name)})

    def settings_of(self, name: str) -> Settings:
        """The settings as they are for workers of one runtime: its own table outweighs the others."""
        runtime, own = self._by_name[name], self._settings.runtimes.get(name)
        values = {} if own is None else {key: value for key, value in own.of_workers().items() if value is not None}
        if runtime.max_address_space_mib is not None:
            values.setdefault("max_address_space_mib", runtime.max_address_space_mib)
        if name != "mono":
            values.setdefault("num_workers", 0)
        return self._settings.model_copy(update=values) if values else self._settings


def _with(known: Runtime | None, name: str, own: RuntimeSettings) -> Runtime:
    """A runtime as its table in the settings has it."""
    if known is None:
        for setting in ("command", "suffixes"):
            if not getattr(own, setting):
                built_in = ", ".join(runtime.name for runtime in BUILT_IN)
                raise ConfigError(
                    f"runtimes.{name}.{setting}: a runtime of your own needs one; those that come with app-mono are "
                    f"{built_in}"
                )
        return Runtime(name=name, suffixes=own.suffixes, command=own.command, check=check_text)
    suffixes = (*known.suffixes, *(suffix for suffix in own.suffixes if suffix not in known.suffixes))
    return replace(known, command=own.command or known.command, suffixes=suffixes)
