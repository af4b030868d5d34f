"""
The bridges that one runner starts its workers from: made when a runtime's first worker starts, and copied then.

Must not know workers or scripts.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from runner.worker.rundir import BRIDGE, pinned

from .build import bridge_files

if TYPE_CHECKING:
    from pathlib import Path

    from runner.runtimes.runtime import Runtime


class Bridges:
    """
    Copies of bridges in the directory of a runner. Safe to use from several threads.

    Args:
        directory: The runner's directory.
        mono: As the setting; a new version of it means a new build.
    """

    def __init__(self, directory: Path, mono: str) -> None:
        self._place = directory / BRIDGE
        self._mono = mono
        self._made: dict[str, Path | None] = {}
        self._making = threading.Lock()

    def of(self, runtime: Runtime) -> Path | None:
        """
        The program that a worker of a runtime is started from; None: its command is all of it.

        Raises:
            BuildError: It does not compile, or its compiler is missing.
            ConfigError: It cannot be copied.
        """
        with self._making:
            if runtime.name not in self._made:
                files = bridge_files(runtime, mono=self._mono)
                self._made[runtime.name] = files and pinned(files.all, files.root, self._place / runtime.name)
            return self._made[runtime.name]
