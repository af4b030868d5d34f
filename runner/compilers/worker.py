"""
A process in which compilers stay warm, and one compilation in it; here that of the compilers of the package.

Must not know scripts. Such a process is started when it is first needed, and ends with this one.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from runner import mcs
from runner.errors import BuildError, CompilerLost

from . import package

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

REFERENCES = (
    *(f"Microsoft.CodeAnalysis{part}.dll" for part in ("", ".CSharp", ".VisualBasic")),
    *(
        "System.Collections.Immutable.dll",
        "System.Reflection.Metadata.dll",
        "FSharp.Core.dll",
        "FSharp.Compiler.Private.dll",
    ),
    *("Facades/netstandard.dll", "Facades/System.Runtime.dll"),
)
# CS1702: Roslyn was compiled with an older System.Collections.Immutable than the one beside it.
FLAGS = ("-langversion:6", "-warnaserror+", "-nowarn:1702", "-unsafe", *(f"-r:{name}" for name in REFERENCES))
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Resident:
    """One of the package's compilers, for ``mcs.ensure``."""

    name: str
    """The language, as ``bridge/compilers/CompileWorker.cs`` knows it."""
    diagnostic: re.Pattern[str] = mcs.MCS.diagnostic  # it writes them alike

    def missing(self) -> str:
        """What it lacks on this machine, and what installs it; empty when nothing does."""
        return "" if package.is_installed() else f"its compiler is not installed: app-mono lang add {self.name}"

    def run(self, output: Path, arguments: Sequence[str]) -> tuple[bool, list[str]]:
        """
        Compile, and return whether that went well and what was printed.

        Raises:
            BuildError: The compilers are not installed, cannot be started, took too long, or died. The next call
                starts them again.
        """
        if missing := self.missing():
            raise BuildError(missing)
        return _WORKER.compile(self.name, [f"-out:{output}", *arguments])


class CompileWorker:
    """
    The process, one at most; calls from several threads take turns.

    Args:
        command: Gives the words that start it; it speaks as ``bridge/compilers/CompileWorker.cs`` does. May raise
            ``BuildError``.
    """

    def __init__(self, command: Callable[[], list[str]]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None  # its standard error
        self._told = ""
        atexit.register(self.stop)

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        return None if self._process is None else self._process.pid

    def compile(self, language: str, arguments: Sequence[str]) -> tuple[bool, list[str]]:
        """
        Compile: whether that went well, and the lines of the answer.

        Raises:
            CompilerLost: It took too long, or died. The next call starts another process.
            BuildError: The process cannot be started.
        """
        line = json.dumps({"language": language, "arguments": list(arguments)}).encode("ascii") + b"\n"
        with self._lock:
            was_warm = self._process is not None
            answer = self._turn(line)
            if answer is None and was_warm:  # it may have died since the last one
                answer = self._turn(line)
        if answer is None:
            raise CompilerLost(f"the compiler ended in the middle of a compilation{self._told}")
        return answer["ok"], answer["lines"]

    def stop(self) -> None:
        """End the process; the next compilation starts another one. One that is under way in a thread goes on."""
        if self._lock.acquire(timeout=STOP_TIMEOUT_S):
            self._stop()
            self._lock.release()

    def _turn(self, line: bytes) -> Any:
        """The answer of the process, which is started where there is none; None when it ended, and why in ``_told``."""
        if self._process is None:
            self._process = self._start()
        answer = None
        try:
            answer = json.loads(self._ask(self._process, line))
        except (OSError, EOFError, ValueError):
            self._told = self._last_line()
        finally:
            if answer is None:  # also at Ctrl-C: an answer that comes later would be taken for that of the next
                self._stop(at_once=True)
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        command = self._command()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for us, and we end it
            )
        except OSError as error:
            raise BuildError(f"{command[0]}: expected it to start the compiler: {error.strerror}") from error

    def _ask(self, process: subprocess.Popen[bytes], line: bytes) -> bytes:
        to, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        deadline = time.monotonic() + mcs.COMPILE_TIMEOUT_S
        to.write(line)
        to.flush()
        answer = b""
        ready = select.poll()
        ready.register(answers, select.POLLIN)
        while not answer.endswith(b"\n"):
            if not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise CompilerLost(f"the compiler took longer than {mcs.COMPILE_TIMEOUT_S:g} s")
            piece = os.read(answers.fileno(), 65536)
            if not piece:
                raise EOFError("the compiler closed its output")
            answer += piece
        return answer

    def _last_line(self) -> str:
        log = cast("IO[bytes]", self._log)
        log.seek(0)
        lines = log.read().decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return last and f": {last}"

    def _stop(self, *, at_once: bool = False) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if at_once:
            process.kill()
        for stream in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                cast("IO[bytes]", stream).close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)
        cast("IO[bytes]", self._log).close()


def ensure() -> Path:
    """
    Compile the program of the process, beside the compilers, unless it is up to date.

    Raises:
        BuildError: The compilers are not installed, or something of mono is missing; the message says what.
    """
    directory = package.directory()
    mcs.make_directory(directory)
    sources = _sources()
    program = directory / "CompileWorker.exe"
    key = mcs.key_of(sources, package.INTEGRITY, FLAGS)
    mcs.ensure(program, key, ["-debug+", f"-lib:{directory}", *FLAGS, *map(str, sources)])
    return program


def version() -> str:
    """What identifies the compilers, for keys of what they make."""
    return mcs.key_of(_sources(), package.INTEGRITY, FLAGS)


def _sources() -> list[Path]:
    package_of_runner = Path(__file__).parent.parent
    checkout = package_of_runner.parent / "bridge"
    bridge = checkout if checkout.is_dir() else package_of_runner / "csharp" / "bridge"
    return [*sorted((bridge / "compilers").glob("*.cs")), *sorted(bridge.glob("Json*.cs"))]


def _command() -> list[str]:
    program, mono = ensure(), shutil.which("mono")
    if mono is None:
        raise BuildError(mcs.missing("mono"))
    return [mono, "--debug", str(program)]


_WORKER = CompileWorker(_command)
