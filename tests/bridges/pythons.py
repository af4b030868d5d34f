"""Scripts in Python for a real worker: started, loaded, and run with a host."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

from runner.hosts.embedded.host import MessageHost
from runner.hosts.recorded import Recorded
from tests.bridges.started import Started
from tests.places import INVITE, ROOT
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.scripts.generation import Generation
    from runner.worker.outcome import ExecOutcome

COMMAND = [sys.executable, "-I", "-X", "utf8", str(ROOT / "bridge" / "python" / "worker.py")]
SHELF = ROOT / "tests" / "shelf" / "python"


class Python:
    """A worker for Python, and a directory of scripts.

    Attributes:
        started: The worker.
        scripts: The directory.
        host: Of the last exec.
    """

    def __init__(self, started: Started, scripts: Path) -> None:
        self.started = started
        self.scripts = scripts
        self.host = Recorded(MessageHost(INVITE))

    def write(self, name: str, text: str) -> Path:
        """A file among the scripts."""
        path = self.scripts / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, text: str, name: str = "Script.py") -> Generation:
        """A script with this text, loaded."""
        return self.started.loaded(self.write(name, text))

    def run(
        self, generation: Generation, param: str | None = None, deadline_s: float = WAIT_S, **how: Any
    ) -> ExecOutcome:
        """One exec, with a message of its own."""
        self.host = Recorded(MessageHost(INVITE))
        return self.started.conversation.exec(generation, param, self.host, time.monotonic() + deadline_s, **how)

    def result(self, body: str, param: str | None = None) -> int:
        """The exit code of a script whose main has this body."""
        lines = "\n    ".join(body.splitlines())
        outcome = self.run(self.load(f"from SR import *\ndef main(args):\n    {lines}\n"), param)
        assert outcome.code is not None
        return outcome.code

    def shelf(self, name: str, param: str | None = None) -> ExecOutcome:
        """One exec of a script of the shelf."""
        return self.run(self.started.loaded(SHELF / f"{name}.py"), param)

    @property
    def logs(self) -> list[tuple[int, str]]:
        """What the last exec has logged."""
        logs: list[tuple[int, str]] = self.host.unrecorded.logs  # type: ignore[attr-defined]
        return logs

    def asked(self) -> list[tuple[str, list[Any], Any]]:
        """What the last exec has asked, without its texts for the log."""
        return [call for call in self.host.calls if call[0] != "Core.Log"]


@contextlib.contextmanager
def python(directory: Path, *, command: list[str] | None = None, **how: Any) -> Iterator[Python]:
    """A worker that has just started."""
    scripts = directory / "scripts"
    scripts.mkdir()
    with Started(command or COMMAND, directory, **how) as started:
        yield Python(started, scripts)
