"""A worker of any runtime, started as ``runner.worker.process`` starts one, and the conversation with it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from runner.errors import WorkerDied
from runner.runtimes.known import BUILT_IN
from runner.runtimes.runtime import MOVED_WIRE
from runner.scripts.generation import Generation, Helper, Part
from runner.wire.channel import Channel
from runner.wire.session import MAX_LINE_BYTES, Session
from runner.worker.conversation import Conversation
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


class Started:
    """
    One worker process and the conversation with it. A context manager: at its end the process is over.

    Args:
        command: The program and its arguments, without those that the runner adds.
        directory: Where its copies, its log and its working directory are made.
        environment: Variables beside this process's.
        leftover: ``retire`` or ``keep``.
        max_line_bytes: Of its wire.
    """

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        *,
        environment: Mapping[str, str] | None = None,
        leftover: str = "retire",
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        self.copies, self.log_file = directory / "copies", directory / "log"
        builds, work = directory / "builds", directory / "work"
        for made in (self.copies, builds, work):
            made.mkdir()
        their_reads, our_writes = os.pipe()
        our_reads, their_writes = os.pipe()
        with (
            os.fdopen(their_reads, "rb") as stdin,
            os.fdopen(their_writes, "wb") as stdout,
            self.log_file.open("wb") as log,
        ):
            self.process = subprocess.Popen(
                [*MOVED_WIRE, *command, str(max_line_bytes), leftover, str(self.copies), str(builds)],
                stdin=stdin,
                stdout=stdout,
                stderr=log,
                cwd=work,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        channel = Channel(our_reads, our_writes)
        self.conversation = Conversation(channel, Session(max_line_bytes), self.process.pid, follows=0)
        self.conversation.find_helper = lambda generation, name, _deadline: self.helper(generation.path, name)
        self.runtime = self.conversation.await_ready(soon())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Hangs up, which ends the process."""
        self.conversation.end()
        try:
            self.process.wait(WAIT_S)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    @property
    def log(self) -> str:
        """What it has written to its log."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def loaded(self, script: Path, *, runtime: str = "", files: Mapping[str, Part] | None = None) -> Generation:
        """The build of a script that is there now, loaded with every helper that it names, and compiled before that."""
        generation = Generation.of(str(script), self.copy(script), None, None, {}, runtime, dict(files or {}))
        self.conversation.holdings.runtime = runtime
        while needs := self._compiled(generation) or self.conversation.load(generation, soon()):
            helpers = generation.helpers | {name: self.helper(str(script), name) for name in needs}
            generation = Generation.of(str(script), generation.file, None, None, helpers, runtime, generation.files)
        return generation

    def _compiled(self, generation: Generation) -> tuple[str, ...]:
        """Has a source compiled, where its runtime wants that. The files that it needs and that did not come."""
        found = next((one for one in BUILT_IN if one.runs(generation.path)), None)
        compiler = None if found is None else found.compiler_of(generation.path)
        if found is None or compiler is None:
            return ()
        made = compiler(found.command, self.copies, generation.load_params(), stays_warm=False)
        if not made.needs:
            part = Part(generation.path, hashlib.sha256(made.content).hexdigest())
            (self.copies / part.hash).write_bytes(made.content)
            generation.has_compiled(part)
        return made.needs

    def helper(self, script: str, name: str) -> Helper | None:
        """The file of that name beside a script."""
        file = Path(script).parent / name
        return Helper(self.copy(file)) if file.is_file() else None

    def copy(self, file: Path) -> Part:
        """Makes the copy that the worker reads."""
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copyfile(file, self.copies / digest)
        return Part(str(file), digest)


def soon() -> float:
    """A deadline for what takes no time."""
    return time.monotonic() + WAIT_S


@contextlib.contextmanager
def goes_on(run: Callable[[], object]) -> Iterator[None]:
    """Around what happens while an exec goes on that ends with its worker only."""

    def follow() -> None:
        with pytest.raises(WorkerDied):
            run()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    yield
    thread.join(WAIT_S)
    assert not thread.is_alive()
