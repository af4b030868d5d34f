"""A worker that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.build import ensure_bridge
from runner.runtimes.known import MONO
from runner.settings import Settings
from runner.worker.stderr import Drain
from runner.worker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def drain() -> Iterator[Drain]:
    with Drain() as running:
        yield running


@pytest.fixture
def worker(drain: Drain, tmp_path: Path) -> Iterator[Worker]:
    started = Worker.start(Settings(), MONO, ensure_bridge().bridge_exe, tmp_path, drain)
    yield started
    started.kill()
