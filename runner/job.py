"""One exec on its way through a ``Runner``: whether it may run, where its time goes, and what it results in.

Must not know workers.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.scripts.generation import Generation
    from runner.worker.outcome import ExecOutcome

    from .calls import Host
    from .errors import RunnerError

log = logging.getLogger("runner")

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


# A NamedTuple's own constructor is one more call of Python.
timing: Callable[[tuple[int, int, int, int]], Timing] = partial(tuple.__new__, Timing)
result: Callable[[tuple[Any, ...]], ExecResult] = partial(tuple.__new__, ExecResult)


class Job:
    """
    What one exec needs, what it has done so far, and where its time went, in nanoseconds.

    Args:
        host: Answers the calls.
        timeout_s: Longest time for all of it, in seconds.
        outcome: What it does.
        entry: What runs; None is Main.
        began: When that time begins; None: now.

    Attributes:
        heard: As ``Conversation.exec`` takes it.
        path: Of the script; None is what ``load`` names.
        generation: What runs, or was to run when it failed; None where nothing is known of the script.
    """

    __slots__ = (
        *("began", "deadline", "entry", "generation", "heard", "host", "last", "load", "outcome", "param", "path"),
        *("queue", "run"),
    )

    def __init__(
        self, host: Host, timeout_s: float, outcome: ExecOutcome, entry: str | None = None, began: int | None = None
    ) -> None:
        self.began = self.last = time.monotonic_ns() if began is None else began
        self.queue = self.load = self.run = 0
        self.host = host
        self.deadline = self.began / NS_PER_S + timeout_s
        self.outcome = outcome
        self.param: str | None = None
        self.entry = entry
        self.path: str | None = None
        self.generation: Generation | None = None
        self.heard: bytes | BaseException | None = None

    def passed(self) -> int:
        """The time since the last call."""
        last, self.last = self.last, time.monotonic_ns()
        return self.last - last

    def result(self, error: RunnerError | None) -> ExecResult:
        """What it has come to; ``error`` is why it has no exit code, and in the log then; None when it has one."""
        outcome = self.outcome
        if error is not None:
            log.warning("%s", error.full())
        code = None if error else outcome.code
        return ExecResult(code == 0, code, error, self.timing(), outcome.calls, outcome.has_ended_routing)

    def timing(self) -> Timing:
        """All of the times, in microseconds."""
        total = time.monotonic_ns() - self.began
        return timing((self.queue // NS_PER_US, self.load // NS_PER_US, self.run // NS_PER_US, total // NS_PER_US))


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
