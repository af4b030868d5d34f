"""What one exec did, and how much one exec may do.

A worker is not trusted: whatever it sends, its caller answers Kamailio at the deadline and uses bounded memory. The
bridge keeps to the same numbers, so an honest worker never reaches one that ends its exec. Must not know the wire.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from runner.calls import CALLS
from runner.errors import ExecTimeout, ProtocolViolation
from runner.wire.events import Notice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

LOOK_EVERY = 16
"""
Events, or edits, between two looks at the clock. A turn nearly always has fewer and pays nothing. The slowest call of
a host takes milliseconds, so a deadline is missed by milliseconds, not by seconds.
"""

MAX_TEXTS = 1000
"""Log texts of one exec. Kamailio needs 17 us for each (measured), so together they take 17 ms."""

MAX_TEXT_CHARACTERS = 1 << 20
"""Characters of all log texts of one exec together."""

MAX_EDITS = 10_000
"""Edits of one exec, certain or not. Each stays in the memory of the message, which is Kamailio's."""

MAX_KEPT_QUESTIONS = 256
"""Questions of one exec that are kept, to learn from and for the log. With more the older half is dropped."""

LINES_OF_AN_EXEC = 4
"""Lines of ``max_line_bytes`` that one exec may send. The arguments of its questions stay in memory until it ends."""

LAST_CALLS = 5
WARNING = 0  # of ``calls.LOG_LEVELS``


def in_time(items: Sequence[T], deadline: float) -> Iterator[T]:
    """
    The items, until the deadline.

    Raises:
        ExecTimeout: The deadline has passed. The items before it were processed.
    """
    for number, item in enumerate(items):
        if not number % LOOK_EVERY and time.monotonic() >= deadline:
            raise ExecTimeout(f"it was not done in time; {len(items) - number} of its calls were dropped")
        yield item


class Profile:
    """
    Where the time of one exec goes.

    Args:
        spent: Filled, in nanoseconds: ``encode`` for the first line, ``turns`` for all after it, of which the bridge
            needs ``decode`` until Main begins and ``script`` in Main.
    """

    def __init__(self, spent: dict[str, int]) -> None:
        self._spent = spent
        self._last = 0

    def begin(self) -> None:
        """The exec begins."""
        self._last = time.monotonic_ns()

    def encoded(self) -> None:
        """Its first line is ready."""
        now = time.monotonic_ns()
        self._spent["encode"], self._last = now - self._last, now

    def done(self, times: Sequence[int]) -> None:
        """Its result is there, with what the bridge needed."""
        self._spent["turns"] = time.monotonic_ns() - self._last
        self._spent["decode"], self._spent["script"] = times


class ExecOutcome:
    """
    What one exec did.

    Attributes:
        code: The exit code; None while it runs or when it had none.
        asked: The last questions, call and arguments; None for none. ``MAX_KEPT_QUESTIONS`` at most.
        answered: How many questions there were.
        edited: How many of them may have changed the message.
        certain: How many edits came without a question.
        logs: How many texts it logged.
        characters: Characters of these texts together.
        dropped: Texts beyond ``MAX_TEXTS`` and ``MAX_TEXT_CHARACTERS``, which were dropped.
        used: Which of the values sent ahead the script used, as bits.
        profile: Where the time goes, when that was asked for; else None.
        refused: The first edit that the host had declared certain and then refused; empty for none.
        has_looked: Whether it asked for a file beside its script, which is no call.
        has_exited: Whether the script ended its process, which is its worker.
        has_ended_routing: Whether it ended by KSR.x.exit() or drop(), which ends Kamailio's routing script as well.
        is_missing: Whether nothing ran, for the script has no such entry.
    """

    # Class attributes: one of these is made for every exec, and what does not change costs nothing.
    code: int | None = None
    asked: list[tuple[str, tuple[Any, ...]]] | None = None
    answered: int = 0
    edited: int = 0
    certain: int = 0
    logs: int = 0
    characters: int = 0
    dropped: int = 0
    used: int = 0
    refused: str = ""
    profile: Profile | None = None
    has_looked: bool = False
    has_exited: bool = False
    has_ended_routing: bool = False
    is_missing: bool = False

    def refusal(self) -> str:
        """The words for ``refused``."""
        return f"the host refused {self.refused}, which it had declared certain"

    def dropped_texts(self) -> Notice:
        """The log line in place of the texts beyond the bounds; the bridge has the same words."""
        return Notice("Core.Log", (WARNING, f"{self.dropped} more texts were dropped\n"))

    def bound_edits(self, more: int) -> None:
        """
        Check that the exec may make so many more edits.

        Raises:
            ProtocolViolation: It may not. The script goes on and cannot be stopped alone, so its worker is lost.
        """
        if self.edits + more > MAX_EDITS:
            raise ProtocolViolation(f"the script made more than {MAX_EDITS} edits in one exec", step="RUNNING")

    @property
    def calls(self) -> int:
        """Calls that reached the host: questions, edits and texts, and values sent ahead that the script read."""
        return self.answered + self.certain + self.logs + self.used.bit_count()

    @property
    def edits(self) -> int:
        """Those that may have changed the message."""
        return self.certain + self.edited

    def summary(self) -> str:
        """What was done so far, for the log of an exec that did not end: no texts, no values sent ahead."""
        last = [
            f"{call} {args[0]!a:.80}" if CALLS[call].has_target else call
            for call, args in (self.asked or [])[-LAST_CALLS:]
        ]
        asked = f"; it asked last: {', '.join(last)}" if last else ""
        return f"{self.calls} calls were answered, {self.edits} edits stand{asked}"
