"""
One runtime, as data: which scripts it runs, how a worker of it is started, what it needs, and how much it may take.

Must not know pools, workers, or which scripts there are.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .mentions import in_text

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from runner.directives import File

MOVED_WIRE = ("sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >&2', "wire")
"""Runs a command whose wire is at the descriptors 3 and 4, with standard input empty and standard output on the log."""

BESIDE = ("{}",)  # a helper is asked for by the name of its file


class Made(NamedTuple):
    """
    What became of a source.

    Attributes:
        content: What workers load in its place.
        needs: The files beside it that it needs and that did not come, as a worker would name them; then there is no
            content.
    """

    content: bytes
    needs: tuple[str, ...]


class Compile(Protocol):
    """Compiles a source for workers that cannot do so."""

    def __call__(self, command: tuple[str, ...], copies: Path, load: Mapping[str, Any], *, stays_warm: bool) -> Made:
        """
        Compile a source, unless that was done before.

        Args:
            command: The program that runs the workers.
            copies: The directory of the copies.
            load: The parameters of a ``load`` (docs/protocol.md), with the copy of the source itself.
            stays_warm: Whether the caller goes on for long, so that later sources should be compiled fast.

        Raises:
            ScriptInvalid: It does not compile; the text has file, line and column.
            CompilerLost: The compiler died, or took too long. The next call starts another one.
            BuildError: There is no compiler.
        """


@dataclass(frozen=True, slots=True)
class Runtime:
    """
    What runs the scripts of one kind.

    Attributes:
        name: As in ``[runtimes.NAME]``, in the log, and on the control socket.
        suffixes: How the names of its scripts end, in small letters.
        command: The program that runs its workers; of one without a bridge the whole worker.
        options: What comes between the program and the bridge.
        bridge: The program of a worker: a file that is compiled from the folder of bridges, or a file in it; empty: the
            command is the whole worker.
        moves_wire: Whether the wire is moved to the descriptors 3 and 4 before the program starts, with standard
            input empty and standard output on the log, for a runtime that cannot do so itself.
        compilers: Other programs that it needs.
        packages: Debian's packages that bring it.
        environment: Variables that its workers get; ``{}`` is what the settings pass on of that name.
        defaults: The same, only where the settings pass on none of that name.
        passes_on: Beginnings of the names of variables that its workers get from this process.
        max_address_space_mib: Its own default of that setting, for one that reserves much more than it uses. 0: no
            limit. None: the setting's.
        max_data_mib: Most memory of one worker that it writes to and shares with nobody, in MiB, where the address
            space says nothing of that. 0: no limit.
        stacks: The signal on which it writes the stacks of its threads to the log; None: there is none.
        stacks_s: How long that may take, in seconds; then a worker that is stuck is killed without them.
        helpers: Files that a helper may be, beside the script, the first that is there; ``{}`` is its name.
        symbols: Files with symbols, by ``{stem}`` and ``{file}`` of a script or a helper.
        config: The file with a script's configuration, by ``{file}``; empty: there is none.
        check: Refuses content that is no script, or is cut short; called with path and content.
        check_helper: The same for a helper.
        mentions: Those of the names of helpers that the content of a script's file refers to; see ``mentions.py``.
        files_of: Gives the files that a script says it reads; called with path and content. None: its scripts cannot
            say that.
        sources: Of ``suffixes``, those of sources that have to be compiled for its workers.
        compile: Does that.
    """

    name: str
    suffixes: tuple[str, ...]
    command: tuple[str, ...]
    options: tuple[str, ...] = ()
    bridge: str = ""
    moves_wire: bool = True
    compilers: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    passes_on: tuple[str, ...] = ()
    max_address_space_mib: int | None = None
    max_data_mib: int = 0
    stacks: signal.Signals | None = None
    stacks_s: float = 0.05
    helpers: tuple[str, ...] = BESIDE
    symbols: tuple[str, ...] = ()
    config: str = ""
    check: Callable[[str, bytes], None] | None = None
    check_helper: Callable[[str, bytes], None] | None = None
    mentions: Callable[[Sequence[str], bytes], set[str]] = in_text
    files_of: Callable[[str, bytes], tuple[File, ...]] | None = None
    sources: tuple[str, ...] = ()
    compile: Compile | None = None

    @property
    def how_to_install(self) -> str:
        """What to add to the message that it is missing; empty for one that no package brings."""
        return f": apt-get install --no-install-recommends {' '.join(self.packages)}" if self.packages else ""

    def missing(self) -> str:
        """What its workers lack on this machine, and how to get it; empty when nothing does."""
        for program in (self.command[0], *self.compilers):
            if shutil.which(program) is None:
                return f"{program} is not installed{self.how_to_install}"
        return ""

    def variables(self, passed: Mapping[str, str]) -> dict[str, str]:
        """``environment``, where ``passed`` is what the settings pass on."""
        return {name: text.format(passed.get(name, "")).strip(",") for name, text in self.environment.items()}

    def runs(self, path: str) -> bool:
        """Whether a script of that name is for it."""
        return path.lower().endswith(self.suffixes)

    def compiler_of(self, path: str) -> Compile | None:
        """What compiles the script of that name; None: its workers load it as it is."""
        return self.compile if path.lower().endswith(self.sources) else None
