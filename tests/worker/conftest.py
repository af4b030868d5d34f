"""A worker that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.build import ensure_bridge
from runner.runtimes.known import MONO
from runner.settings import Settings
from runner.worker import process
from runner.worker.stderr import Drain
from runner.worker.worker import Worker
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _each_is_reaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that has no CPU for its end in time is reaped later, and how it ended is not known then."""
    monkeypatch.setattr(process, "REAP_S", WAIT_S)


@pytest.fixture
def drain() -> Iterator[Drain]:
    with Drain() as running:
        yield running


@pytest.fixture
def worker(drain: Drain, tmp_path: Path) -> Iterator[Worker]:
    started = Worker.start(Settings(start_timeout_s=WAIT_S), MONO, ensure_bridge().bridge_exe, tmp_path, drain)
    yield started
    started.kill()
