"""What one run of a script gave, as data between what runs and what shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.errors import RunnerError
    from runner.hosts.answered import Answer

    from .trace import Trace


TRUE, FALSE, FAILED = 0, 1, 2
Asked = tuple[str, list[Any], Any]
"""A call that reached the host: its C# name, its arguments and its result."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a script gave."""

    ok: bool
    exit_code: int | None
    """None when the script did not come to its end."""
    error: RunnerError | None
    logs: list[tuple[int, str]] = field(default_factory=list)
    before: str = ""
    """The message as the script found it; bytes that are not UTF-8 are lone surrogates."""
    after: str | None = None
    """The message as the script left it; None when it never got one."""
    reply_headers: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    """The replies that it sent, whole; of a real Kamailio they are not known."""
    calls: int = 0
    timing_us: dict[str, int] = field(default_factory=dict)
    profile_us: dict[str, float] = field(default_factory=dict)
    """Where the time went, by part (``runner.cli.profile``); empty unless it was asked for."""
    had_bare_lf: bool = False
    asked: list[Asked] = field(default_factory=list)
    """Each call that reached the host, in order; empty unless they were recorded."""
    functions: list[Asked] = field(default_factory=list)
    """Those that were functions of KSR by which it did something; there are some in a real Kamailio alone."""
    answered: list[tuple[str, list[Any], Answer]] = field(default_factory=list)
    """Each call of KSR that got an answer of the developer's: as ``runner.hosts.answered``."""
    armed: Mapping[str, str] = field(default_factory=dict)
    """The entries that functions with an answer named, by the function; an empty one means none."""
    entries: Sequence[str] = ()
    """Those that the script has, where it named one."""
    trace: Trace | None = None
    """Every call with where and when it was made; None unless that was asked for."""

    @property
    def status(self) -> int:
        """The exit status that says it."""
        return FAILED if self.error else TRUE if self.ok else FALSE
