"""A worker of scripts in Java, and what the tests have run in it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.hosts.embedded.host import MessageHost
from runner.runtimes import java
from tests.bridges.started import Started, soon
from tests.places import INVITE

if TYPE_CHECKING:
    from runner.scripts.generation import Generation
    from runner.worker.outcome import ExecOutcome

JAVAC = shutil.which("javac") or ""
NO_JAVAC = "" if JAVAC else "javac is not installed: apt-get install default-jdk-headless"


class Plain:
    """A host that says nothing ahead: every call is a question."""

    def __init__(self, host: MessageHost) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Any:
        if name == "depends_on":
            raise AttributeError(name)
        return getattr(self._host, name)


def started(directory: Path, **how: Any) -> Started:
    directory.mkdir(exist_ok=True)
    return Started(java.command(java.ensure()), directory, **how)


def written(directory: Path, name: str, text: str) -> Path:
    file = directory / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def run(
    worker: Started, script: Path | Generation, host: Any = None, param: str | None = None, **how: Any
) -> ExecOutcome:
    generation = worker.loaded(script) if isinstance(script, Path) else script
    return worker.conversation.exec(generation, param, host or MessageHost(INVITE), soon(), **how)


def body(directory: Path, name: str, statements: str, more: str = "") -> Path:
    """A script with these statements in its main."""
    return written(
        directory,
        f"{name}.java",
        f"import SR.*;\npublic class {name} {{ {more}\n"
        f"  public static int main(String[] args) throws Exception {{\n{statements}\n  }}\n}}\n",
    )
