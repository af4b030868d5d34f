"""The shelf of scripts, one behaviour a file: finding them, running them, and seeing that the next exec works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.build import compile_script
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE, SHELF
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from pathlib import Path

    from runner.runner import ExecResult, Runner


def script(name: str) -> Path:
    """The compiled script."""
    return compile_script(SHELF / f"{name}.cs")


def run(runner: Runner, name: str, host: MessageHost, param: str | None = None, **how: Any) -> ExecResult:
    """One exec of a script of the shelf."""
    return runner.mono_exec(script(name), param, host=host, **how)


def works_on(runner: Runner) -> bool:
    """The next exec is as good as ever."""
    return run(runner, "ReturnsInt", MessageHost(INVITE)).exit_code == 7


def said(runner: Runner, directory: Path, body: str) -> str:
    """What a script with this body logs."""
    host = MessageHost(INVITE)
    result = runner.mono_exec(compiled(directory, "Looks", f"static int Main() {{ {body} return 0; }}"), host=host)
    assert result.error is None
    return "".join(text for _, text in host.logs)
