"""A worker of bridge/node, and scripts written where a test needs them."""

from __future__ import annotations

import time
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from runner.hosts.embedded.host import MessageHost
from tests.bridges.started import Started
from tests.places import INVITE, ROOT
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from runner.calls import Host
    from runner.scripts.generation import Generation
    from runner.worker.outcome import ExecOutcome

BRIDGE = ROOT / "bridge" / "node"
COMMAND = ("node", "--experimental-vm-modules", str(BRIDGE / "bridge.js"))
SHELF = ROOT / "tests" / "shelf" / "node"


class Node(Started):
    """One worker; ``how`` is as ``Started`` has it."""

    def __init__(self, directory: Path, **how: Any) -> None:
        super().__init__(COMMAND, directory, **how)

    def run(
        self, script: Path | Generation, param: str | None = None, host: Host | None = None, **how: Any
    ) -> ExecOutcome:
        """One exec of a script, loaded first where it is a file, on an INVITE where there is no host."""
        generation = self.loaded(script) if isinstance(script, Path) else script
        deadline = time.monotonic() + how.pop("seconds", WAIT_S)
        return self.conversation.exec(generation, param, host or MessageHost(INVITE), deadline, **how)


def body(directory: Path, code: str, name: str = "script") -> Path:
    """A script whose main has this body; ``args`` and all of SR are there."""
    head = 'const { Core, HDR, KSR, KsrError, PV } = require("SR");\n'
    path = directory / f"{name}.js"
    path.write_text(f"{head}exports.main = (args) => {{\n{dedent(code)}\n}};\n", encoding="utf-8")
    return path
