"""What a test does with one worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runner.build import compile_script
from runner.scripts.current import CurrentScripts
from runner.settings import Settings
from runner.worker.rundir import BLOBS
from tests.places import SHELF
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

    from runner.scripts.generation import Generation
    from runner.worker.worker import Worker


def soon() -> float:
    return time.monotonic() + WAIT_S


def loaded(worker: Worker, name: str, tmp_path: Path) -> Generation:
    scripts = CurrentScripts(Settings(observer="none"), tmp_path / BLOBS)
    generation = scripts.current(str(compile_script(SHELF / f"{name}.cs")))
    assert worker.load(generation, soon()) == ()
    return generation
