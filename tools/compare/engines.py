"""What can run the player inside a Kamailio: the real app_mono, and ours with its daemon."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.hosts.embedded.host import to_bytes
from tests.kamailio.rig import has_module
from tests.kamailio.routes import built_for_app_mono
from tests.places import ROOT
from tests.running_daemon import RunningDaemon
from tools.compare.server import Server
from tools.oracle import as_mono_reads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

    from tools.compare.cases import Answer, Case, Played

HERE = Path(__file__).parent
PATIENT = "exec_timeout_s = 20.0\nallocate_timeout_s = 20.0"


class Ours(Server):
    """Ours passes on bytes that are not UTF-8, which app_mono garbles (docs/deviations.md): its answers as garbled."""

    def collect(self, case: Case) -> Played:
        """As Mono 6.8 would have read them."""
        played = super().collect(case)
        return replace(played, answers=tuple(_garbled(answer) for answer in played.answers))


def _garbled(answer: Answer) -> Answer:
    return as_mono_reads(to_bytes(answer)) if isinstance(answer, str) and not answer.isascii() else answer


def app_mono(directory: Path, stack: ExitStack) -> Server:
    """The real one."""
    script = built_for_app_mono(HERE / "Player.cs", directory / "scripts")
    server = Server(directory / "kamailio", engine="app_mono", load=script, call='mono_run("{}")')
    return stack.enter_context(server)


def kemi(directory: Path, stack: ExitStack) -> Server:
    """The real Kamailio where it has no app_mono: the same steps by KEMI."""
    server = Server(
        directory / "kamailio",
        engine="app_python3",
        load=HERE / "kemi_player.py",
        call='python_exec("play", "{}")',
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )
    return stack.enter_context(server)


@contextlib.contextmanager
def daemon() -> Iterator[Path]:
    """
    A daemon of ours that has the player loaded; the file of its settings.

    Not in a namespace: as an ordinary user in one, it would see files of root as nobody's, and refuse to start.
    """
    with tempfile.TemporaryDirectory(prefix="compare-") as name:
        script = built_for_app_mono(HERE / "Player.cs", Path(name) / "scripts")
        with RunningDaemon(Path(name), f'load = "{script}"\n{PATIENT}') as running:
            yield running.config


def ours(directory: Path, stack: ExitStack) -> Server:
    """Its successor: the same player, in a worker of the daemon whose settings APP_MONO_CONFIG names."""
    server = (Ours if has_module("app_mono") else Server)(
        directory / "kamailio",
        engine="app_python3",
        load=ROOT / "kamailio" / "app_mono.py",
        call='python_exec("mono_run", "{}")',
        env={"APP_MONO_CONFIG": os.environ["APP_MONO_CONFIG"], "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return stack.enter_context(server)


ENGINES: dict[str, Callable[[Path, ExitStack], Server]] = {"app_mono": app_mono, "ours": ours, "kemi": kemi}
"""By name: a server in this directory, which ends with the stack."""
