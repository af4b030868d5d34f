"""One exec on its way through a ``Runner``: whether it may run, where its time goes, and what it results in.

Must not know workers.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.scripts.generation import Generation
    from runner.worker.outcome import ExecOutcome

    from .calls import Host
    from .errors import RunnerError

NS_PER_US = 1000
NS_PER_S = 1_000_000_000


class Timing(NamedTuple):
    """Where an exec's time went, in microseconds: waiting for a worker, loading, running, and all of it."""

    queue_us: int
    load_us: int
    run_us: int
    total_us: int


class ExecResult(NamedTuple):
    """
    The result of one ``mono_exec`` or ``mono_run``.

    Attributes:
        ok: True exactly when Main returned 0, as the routing script sees it.
        exit_code: What Main returned or ``Environment.Exit`` was given; None when neither happened.
        error: Why there is no exit code; None when there is one.
        timing: Where the time went.
        calls: SR calls that reached the host.
        has_ended_routing: True when the script ended by KSR.x.exit() or drop(), which is the end of the routing script.
    """

    ok: bool
    exit_code: int | None
    error: RunnerError | None
    timing: Timing
    calls: int
    has_ended_routing: bool = False


_timing: Callable[[tuple[int, int, int, int]], Timing] = partial(tuple.__new__, Timing)  # without a call of Python


class Job:
    """What one exec needs, what it has done so far, and where its time went, in nanoseconds."""

    __slots__ = (
        *("began", "deadline", "entry", "generation", "host", "last", "load", "outcome", "param", "path", "queue"),
        "run",
    )

    def __init__(self, host: Host, timeout_s: float, outcome: ExecOutcome, entry: str | None = None) -> None:
        self.began = self.last = time.monotonic_ns()
        self.queue = self.load = self.run = 0
        self.host = host
        self.deadline = self.began / NS_PER_S + timeout_s
        self.outcome = outcome
        self.param: str | None = None
        self.entry = entry
        self.path: str | None = None  # of the script; None: what ``load`` names
        self.generation: Generation | None = None  # that ran; None: none did

    def passed(self) -> int:
        """The time since the last call."""
        last, self.last = self.last, time.monotonic_ns()
        return self.last - last

    def result(self, error: RunnerError | None) -> ExecResult:
        """What it has come to; ``error`` is why it has no exit code, None when it has one."""
        outcome = self.outcome
        code = None if error else outcome.code
        return ExecResult(code == 0, code, error, self.timing(), outcome.calls, outcome.has_ended_routing)

    def timing(self) -> Timing:
        """All of the times, in microseconds."""
        total = time.monotonic_ns() - self.began
        return _timing((self.queue // NS_PER_US, self.load // NS_PER_US, self.run // NS_PER_US, total // NS_PER_US))


def require_mode(path: str | None, load: Path | None) -> None:
    """
    Refuse what the other mode is for.

    Args:
        path: As for ``mono_exec``; None for ``mono_run``.
        load: The setting.

    Raises:
        ConfigError: ``mono_exec`` of another script than ``load`` names, or ``mono_run`` without ``load``.
    """
    if path is None and load is None:
        raise ConfigError(
            "the setting load has to name the script that mono_run, or Kamailio with app_mono_kemi.py, runs"
        )
    if path is not None and load is not None and Path(path) != load:
        raise ConfigError(f"mono_exec is refused while load is set ({load}): use mono_run, or unset load")
