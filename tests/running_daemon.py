"""A real daemon for one test, in a process of its own, and scripts for it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from runner.build import ensure_bridge
from runner.cli.admin import request
from runner.control.messages import StatusRequest
from runner.control.status import Status
from tests import warm
from tests.places import ROOT
from tests.programs import MCS, WAIT_S, until

if TYPE_CHECKING:
    import types
    from collections.abc import Mapping, Sequence

COMMAND = [sys.executable, "-c", "import sys; from runner.cli import main; sys.exit(main())"]
# Ends a daemon once its own standard input ends, which is when the process that started both ends, even by SIGKILL.
WATCHER = 'read -r _; kill "$1"'
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def app_mono(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command of app-mono."""
    return warm.run([*COMMAND, *arguments], env=ENVIRONMENT, timeout=WAIT_S)


def compiled(directory: Path, name: str, body: str) -> Path:
    """Compile a class with this body to ``name``.exe, replacing it in one step as a deployment does."""
    directory.mkdir(parents=True, exist_ok=True)
    source = directory / f"{name}.cs"
    source.write_text(f"using System; using System.Threading; using SR; public class {name} {{ {body} }}\n", "utf-8")
    draft = directory / f"{name}.new"
    built = ensure_bridge()
    references = [f"-r:{built.sr_dll}", f"-r:{built.ksr_dll}"]
    subprocess.run([MCS, *references, f"-out:{draft}", str(source)], check=True, capture_output=True)
    script = directory / f"{name}.exe"
    draft.rename(script)
    return script


class RunningDaemon:
    """
    One daemon, started on entering; what is left of it is killed at the end.

    Args:
        directory: Private to the test; the socket, the log and the settings go there.
        settings: Lines of TOML beside ``socket`` and ``script_dirs``.
        env: Added to its environment.
        log_file: Where the settings let it log; None: its standard error.
        constants: Other values for constants, by their dotted names, for what would take too long.
        options: Of ``app-mono serve``, beside ``--config``.
    """

    def __init__(
        self,
        directory: Path,
        settings: str = "",
        env: dict[str, str] | None = None,
        log_file: Path | None = None,
        constants: Mapping[str, float] | None = None,
        *,
        options: Sequence[str] = (),
    ) -> None:
        self._constants = constants or {}
        self._options = options
        self._env = ENVIRONMENT | (env or {})
        self.directory = directory
        self.socket = directory / "control.sock"
        self.config = directory / "app-mono.toml"
        self.scripts = directory / "scripts"
        self.scripts.mkdir(exist_ok=True)
        self._stderr = directory / "daemon.log"
        self._log = log_file or self._stderr
        if os.geteuid() == 0 and "worker_user" not in settings:
            settings = f'worker_user = "root"\n{settings}'  # a daemon of root has to say so
        self.config.write_text(f'socket = "{self.socket}"\nscript_dirs = ["{self.scripts}"]\n{settings}\n', "utf-8")
        self._process: warm.Process | subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(WAIT_S)
            finally:
                self._process.kill()
                self._process.wait()
        self._watch(None)

    def start(self) -> None:
        """Start it, after the end of the one before, and wait until it serves."""
        if self._process is not None:
            self._process.wait(WAIT_S)
        with self._stderr.open("ab") as log:
            begin = len(self.log())
            command = [*command_with(self._constants), "serve", "--config", str(self.config), *self._options]
            process = warm.start(command, env=self._env, stdout=log.fileno(), stderr=log.fileno())
        self._process = process
        self._watch(process.pid)
        until(lambda: "serving" in self.log()[begin:] or process.poll() is not None, "the daemon serves")
        assert process.poll() is None, self.log()

    def _watch(self, pid: int | None) -> None:
        """End this process with ours, and no other one any more."""
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.communicate()
        command = ["/bin/sh", "-c", WATCHER, "watcher", str(pid)]
        watches = pid is not None
        self._watcher = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) if watches else None

    @property
    def pid(self) -> int:
        """The daemon's process."""
        assert self._process is not None
        return self._process.pid

    def status(self) -> dict[str, Any]:
        """What ``app-mono status --json`` prints, without the start of a process."""
        told: dict[str, Any] = json.loads(json.dumps(request(str(self.socket), StatusRequest, Status).as_json()))
        return told

    def workers(self) -> list[dict[str, Any]]:
        """What ``app-mono workers --json`` prints."""
        workers: list[dict[str, Any]] = self.status()["workers"]
        return workers

    def until_idle(self, count: int) -> None:
        """Wait until so many workers have started and are free: a caller that must start one may not wait so long."""
        until(lambda: sum(worker["state"] == "idle" for worker in self.workers()) >= count, f"{count} are idle")

    def descriptors(self) -> int:
        """How many files, sockets and pipes it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def children(self) -> list[int]:
        """The processes that it started, by whichever of its threads."""
        found = []
        for listed in Path(f"/proc/{self.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # a thread that has ended
                found += [int(pid) for pid in listed.read_text(encoding="ascii").split()]
        return found

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Wait for its end; the exit status."""
        assert self._process is not None
        return self._process.wait(WAIT_S)

    def log(self) -> str:
        """All that it logged until now."""
        return self._log.read_text("utf-8") if self._log.exists() else ""

    def stderr(self) -> str:
        """All that it wrote to its standard error until now."""
        return self._stderr.read_text("utf-8")


def command_with(constants: Mapping[str, float]) -> list[str]:
    """``COMMAND``, in a process where these constants have other values."""
    lines = []
    for name, value in constants.items():
        module, _, constant = name.rpartition(".")
        lines.append(f"import {module}; {module}.{constant}; {name} = {value}")  # there has to be one of that name
    return [*COMMAND[:-1], "\n".join([*lines, COMMAND[-1]])]
