"""What the common exec and the runner share: an exec that goes from one to the other is expanded and timed once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.test_at_once import runner, warm
from tests.test_runner import RETURNS, compiled

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from runner.runner import Runner
    from runner.scripts.generation import Generation

__all__ = ["runner"]  # a fixture


class Counts(MessageHost):
    """Counts how often a text was expanded."""

    def __init__(self) -> None:
        super().__init__(INVITE)
        self.expanded: list[str] = []

    def expand(self, text: str) -> str:
        self.expanded.append(text)
        return super().expand(text)


def test_a_parameter_is_expanded_once_whoever_runs_the_script(runner: Runner, tmp_path: Path) -> None:
    """A variable like ``$shtinc(t=>n)`` counts each time."""
    script = compiled(tmp_path, RETURNS)

    def expanded() -> list[str]:
        host = Counts()
        assert runner.mono_exec(script, "$(rm{s.len})", host=host).error is None
        return host.expanded

    assert [expanded() for _ in range(3)] == [["$(rm{s.len})"]] * 3
    compiled(tmp_path, RETURNS + "// changed")
    assert expanded() == ["$(rm{s.len})"], "of the first exec of a new build"
    warm(runner, script)
    pool = runner.pools.all()[0].pool
    with ThreadPoolExecutor(1) as threads, pool.lease(None, time.monotonic() + WAIT_S):
        waits = threads.submit(expanded)
        until(lambda: pool.queue.requests, "it waits for the only worker")
    assert waits.result(WAIT_S) == ["$(rm{s.len})"]


def test_the_time_of_a_file_that_is_looked_at_for_long_counts(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = compiled(tmp_path, RETURNS)
    current = runner._at_once._current

    def slow(name: str) -> Generation:
        time.sleep(0.05)
        return current(name)

    monkeypatch.setattr(runner._at_once, "_current", slow)
    result = runner.mono_exec(script, host=MessageHost(INVITE))

    assert result.error is None
    assert result.timing.total_us >= 50_000
