"""A real node for one test, in a process of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Self

from tests import warm
from tests.programs import WAIT_S, until
from tests.running_daemon import ENVIRONMENT, command_with

if TYPE_CHECKING:
    import signal
    import subprocess
    import types
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ROOTS = 'worker_user = "root"\n' if os.geteuid() == 0 else ""  # a node of root has to say so
PATIENT = {"runner.cluster.node.SILENT_S": 10.0}  # a daemon without CPU for a while is none that has ended


class RunningNode:
    """
    One node, started on entering; what is left of it is killed at the end.

    Args:
        directory: Private to the test.
        name: What it is called.
        urls: Of the servers.
        settings: Lines of TOML; ``worker_user`` is added where it is missing.
        env: Added to its environment.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        urls: Sequence[str],
        settings: str = "max_workers = 2",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._env = ENVIRONMENT | dict(env or {})
        self.name = name
        self._log = directory / f"{name}.log"
        self._config = directory / f"{name}.toml"
        roots = "" if "worker_user" in settings else ROOTS
        self._config.write_text(f"{roots}nats = {json.dumps(list(urls))}\n{settings}\n", "utf-8")
        self._begin = 0
        self._process: warm.Process | subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(WAIT_S)
            finally:
                self._process.kill()
                self._process.wait()

    def start(self) -> None:
        """Start it; ``await_start`` waits until it lends."""
        with self._log.open("ab") as log:
            self._begin = len(self.log())
            command = [*command_with(PATIENT), "node", "--config", str(self._config), "--name", self.name]
            self._process = warm.start(command, env=self._env, stdout=log.fileno(), stderr=log.fileno())

    def await_start(self) -> None:
        """Wait until it lends."""
        process = self._process
        assert process is not None
        until(lambda: "lends" in self.log()[self._begin :] or process.poll() is not None, "the node lends")
        assert process.poll() is None, self.log()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; the exit status."""
        assert self._process is not None
        return self._process.wait(WAIT_S)

    def log(self) -> str:
        """All that it logged until now."""
        return self._log.read_text("utf-8") if self._log.exists() else ""
