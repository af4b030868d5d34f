"""A runner with one worker of one runtime, and a directory of scripts in its language."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from runner.build import compile_script, publish
from runner.errors import ExecTimeout, ScriptError, WorkerError
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE, ROOT, SHELF
from tests.programs import MCS, WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.runner import ExecResult

TRANSCRIPTS = ROOT / "tests" / "wire" / "transcripts"
SEVEN = 7  # what ReturnsInt gives


@dataclass(frozen=True, slots=True)
class Language:
    """
    Scripts in one language.

    Attributes:
        name: As people call it.
        runtime: What runs them.
        suffix: How the names of their files end.
        folder: Where they are below tests/shelf and tests/wire/transcripts.
        programs: What they need.
        package: Debian's package that has it.
        names: Those that have other names there.
    """

    name: str
    runtime: str
    suffix: str
    folder: str
    programs: tuple[str, ...]
    package: str
    names: Mapping[str, str] = field(default_factory=dict)

    def source(self, name: str) -> Path:
        """The file of a script of the shelf, or of the transcripts."""
        file = f"{self.names.get(name, name)}{self.suffix}"
        return next(path for place in (SHELF, TRANSCRIPTS) if (path := place / self.folder / file).is_file())


OLDER = {  # the shelf in C# was there before the others
    "CallsLate": "CallsFromAnOldThread",
    "Dies": "FailsFast",
    "Exits": "CallsExit",
    "LeavesAThread": "StartsThreads",
    "Loops": "NeverReturns",
    "OddBytes": "LoneSurrogates",
    "Prints": "PrintsToStdout",
    "Recurses": "RecursesDeeply",
}

LANGUAGES = (
    Language("C#", "mono", ".cs", "", ("mono", "mcs"), "mono-mcs", OLDER),
    Language("Python", "python", ".py", "python", ("python3",), "python3"),
    Language("JavaScript", "node", ".js", "node", ("node",), "nodejs"),
    Language("Java", "java", ".java", "java", ("java", "javac"), "default-jdk-headless"),
)


def missing(language: Language) -> str:
    """What is not installed, and how to install it; empty: nothing."""
    program = next((program for program in language.programs if shutil.which(program) is None), "")
    return program and f"{program} is not installed: apt-get install {language.package}"


@dataclass(frozen=True, slots=True)
class Ran:
    """
    One exec of a script, and what became of its worker.

    Attributes:
        result: What the caller got.
        host: The message that it ran on, with the log of the script.
        is_kept: Whether the exec after it had the same worker.
    """

    result: ExecResult
    host: MessageHost
    is_kept: bool

    def __str__(self) -> str:
        return f"{told(self.result)}; {worker(is_kept=self.is_kept)}"

    @property
    def shortly(self) -> str:
        """The same with nothing of an exception but its type, where the rest depends on the machine."""
        return re.sub(r"`([\w.]+): [^`]*`", r"`\1`", str(self))


def worker(*, is_kept: bool) -> str:
    """What became of a worker, in words."""
    return "same worker" if is_kept else "another worker"


def told(result: ExecResult) -> str:
    """A result in words, which are the same at every run."""
    match result.error:
        case None:
            return f"result {result.exit_code}"
        case ExecTimeout():
            return "ends at the deadline"
        case WorkerError():
            return "an error: the process died"
        case ScriptError() as error:
            return f"an error: `{said(error)}`"
    raise result.error


def said(error: ScriptError) -> str:
    """The first line of what the script said, without its path."""
    return re.sub(r"^/\S+: ", "", str(error)).partition("\n")[0]


class Box:
    """
    A runner with one worker, and scripts. A context manager.

    Args:
        language: Of the scripts.
        settings: Beside those that make it patient, and give it one worker. Of ``runtimes`` its own counts.
    """

    def __init__(self, language: Language, **settings: Any) -> None:
        self.language = language
        limits = settings.pop("runtimes", {}).get(language.runtime, {})
        own = {"num_workers": 1, "max_workers": 1, "spare_workers": 0} | limits
        patient: dict[str, Any] = dict.fromkeys(("exec_timeout_s", "allocate_timeout_s", "start_timeout_s"), WAIT_S)
        self.settings = Settings(
            spare_workers=0,
            poison_message_losses=0,  # all messages here have one Call-ID
            first_exec_timeout_s=WAIT_S,
            **patient,
            **settings,
            runtimes={language.runtime: own},
        )
        self.runner = Runner(self.settings, begins_with=[language.runtime])

    def __enter__(self) -> Self:
        self._made = tempfile.TemporaryDirectory(prefix="app-mono-")
        self.directory = Path(self._made.name)
        self.runner.__enter__()
        return self

    def __exit__(self, *how: object) -> None:
        self.runner.__exit__(*how)
        self._made.cleanup()

    def place(self, name: str, change: Callable[[str], str] = str) -> Path:
        """
        Write a script of the shelf, or a helper, as it is or changed; in C# compile it, too.

        Returns:
            What the runner is given.

        Raises:
            BuildError: It does not compile.
        """
        source = self.language.source(name)
        return self.write(source.name, change(source.read_text("utf-8")))

    def write(self, file: str, text: str) -> Path:
        """The same for any text."""
        draft, path = self.directory / f"{file}.new", self.directory / file
        draft.write_text(text, "utf-8")
        draft.replace(path)
        if path.name == "H.cs":
            subprocess.run([MCS, f"-out:{path.with_suffix('.exe')}", path], check=True)
            return path.with_suffix(".exe")
        return publish(compile_script(path), self.directory) if path.suffix == ".cs" else path

    def run(self, script: str | Path, param: str | None = None, message: bytes = INVITE, **how: Any) -> Ran:
        """One exec, and one of another script, which has to work in any case."""
        path = script if isinstance(script, Path) else self.place(script)
        before, host = self.pid, MessageHost(message)
        result = self.runner.mono_exec(path, param, host=host, **how)
        return Ran(result, host, is_kept=self.pid == before)

    @property
    def pid(self) -> int:
        """The worker, after an exec that shows that it is one."""
        works = self.directory / f"ReturnsInt{'.exe' if self.language.suffix == '.cs' else self.language.suffix}"
        path = works if works.exists() else self.place("ReturnsInt")
        assert self.runner.mono_exec(path, host=MessageHost(INVITE)).exit_code == SEVEN
        (pid,) = self.runner.snapshot().pids
        return pid
