"""What a test does with one worker."""

from __future__ import annotations

import itertools
import os
import re
import time
from typing import TYPE_CHECKING

from runner.build import compile_script
from runner.scripts.current import CurrentScripts
from runner.settings import Settings
from runner.worker.rundir import BLOBS
from runner.worker.worker import Worker
from tests.places import SHELF
from tests.ports import PROCESS
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from runner.scripts.generation import Generation

# Numbers that no system gives to a user. A limit counts all processes of a user, also those of a test that runs beside
# this one or has just ended, so each test takes another number, and each process of xdist has a hundred of its own.
_UIDS = itertools.cycle(61_300 + 100 * PROCESS + (number + os.getpid()) % 100 for number in range(100))


def unused_uid() -> int:
    """The number of a user who runs no process."""
    return next(_UIDS)


def soon() -> float:
    return time.monotonic() + WAIT_S


def loaded(worker: Worker, name: str, tmp_path: Path) -> Generation:
    scripts = CurrentScripts(Settings(observer="none"), tmp_path / BLOBS)
    generation = scripts.current(str(compile_script(SHELF / f"{name}.cs")))
    assert worker.load(generation, soon()) == ()
    return generation


def await_stacks(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stack: str) -> None:
    """
    Ask workers for their stacks until this one is in the log, and only then go on to kill them.

    A worker has ``Runtime.stacks_s`` for it, and a pause counts as the end; a busy machine may give it less than that.
    """
    ask = Worker._ask_for_stacks

    def ask_until_told(worker: Worker) -> None:
        def is_told() -> bool:
            ask(worker)
            return re.search(stack, caplog.text) is not None

        until(is_told, "its stack is in the log")

    monkeypatch.setattr(Worker, "_ask_for_stacks", ask_until_told)
