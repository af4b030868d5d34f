"""What can run the player inside a Kamailio: the real app_mono, and ours with its daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.kamailio.routes import built_for_app_mono
from tests.places import ROOT
from tests.running_daemon import RunningDaemon
from tools.compare.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

HERE = Path(__file__).parent
PATIENT = "exec_timeout_s = 20.0\nallocate_timeout_s = 20.0"


def app_mono(directory: Path, stack: ExitStack) -> Server:
    """The real one."""
    script = built_for_app_mono(HERE / "Player.cs", directory / "scripts")
    server = Server(directory / "kamailio", engine="app_mono", load=script, call='mono_run("{}")')
    return stack.enter_context(server)


def ours(directory: Path, stack: ExitStack) -> Server:
    """Its successor: the same player, in a worker of a daemon."""
    script = built_for_app_mono(HERE / "Player.cs", directory / "scripts")
    daemon = stack.enter_context(RunningDaemon(directory, f'load = "{script}"\n{PATIENT}'))
    server = Server(
        directory / "kamailio",
        engine="app_python3",
        load=ROOT / "kamailio" / "app_mono.py",
        call='python_exec("mono_run", "{}")',
        env={"APP_MONO_CONFIG": str(daemon.config), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return stack.enter_context(server)


ENGINES: dict[str, Callable[[Path, ExitStack], Server]] = {"app_mono": app_mono, "ours": ours}
"""By name: a server in this directory, which ends with the stack."""
