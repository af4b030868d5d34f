"""What one exec did, and how much one exec may do.

A worker is not believed: whatever it sends, its caller answers Kamailio at the deadline, with a bounded memory. The
bridge keeps to the same numbers, so that an honest worker never meets those that end an exec. Must not know the wire.
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
Events, or edits, between two looks at the clock. A turn nearly always has fewer, and pays nothing. The slowest call of
a host takes milliseconds, so a deadline is missed by some of them and not by seconds.
"""

MAX_TEXTS = 1000
"""Log texts of one exec. Kamailio needs 17 us for each (measured), so these take 17 ms of its process."""

MAX_TEXT_CHARACTERS = 1 << 20
"""Of all log texts of one exec together; an eighth of the longest line."""

MAX_EDITS = 10_000
"""Edits of one exec, certain or asked for. Each stays in the memory of the message, so that of Kamailio's process."""

MAX_KEPT_QUESTIONS = 256
"""Questions of one exec that are remembered, to learn from and to tell of: those that came last, and at least half."""

LINES_OF_AN_EXEC = 4
"""Of the longest length: as many bytes may one exec say. A value of a question stays in memory until its end."""

TOLD_CALLS = 5
WARNING = 0  # of ``calls.LOG_LEVELS``


def in_time(items: Sequence[T], deadline: float) -> Iterator[T]:
    """
    The items, as long as there is time for them.

    Raises:
        ExecTimeout: The deadline has passed. The items given until then were dealt with.
    """
    for number, item in enumerate(items):
        if not number % LOOK_EVERY and time.monotonic() >= deadline:
            raise ExecTimeout(f"it was not done in time; {len(items) - number} of its calls were not dealt with")
        yield item


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
        characters: Of all these texts together.
        dropped: Texts beyond ``MAX_TEXTS`` and ``MAX_TEXT_CHARACTERS``, which went nowhere.
        used: Which of the values sent ahead the script used, as bits.
        spent: Filled when it is a dict, in nanoseconds: ``encode`` the first line, all ``turns`` after it, of which the
            bridge needs ``decode`` until Main begins and ``script`` in Main.
        refused: The first edit that the host had called certain and refused; empty for none.
        has_exited: Whether the script ended its process, which is its worker.
    """

    # One is made for every exec: what stays as it is at the beginning costs nothing.
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
    spent: dict[str, int] | None = None
    has_exited: bool = False

    def dropped_texts(self) -> Notice:
        """What the log says in the place of texts beyond the bounds; the bridge has the same words (Wire.cs)."""
        return Notice("Core.Log", (WARNING, f"{self.dropped} more texts were dropped\n"))

    def bound_edits(self, more: int) -> None:
        """
        Look whether the exec may make so many more edits.

        Raises:
            ProtocolViolation: It may not. The script goes on and cannot be stopped alone, so its worker is lost.
        """
        if self.edits + more > MAX_EDITS:
            raise ProtocolViolation(f"the script made more than {MAX_EDITS} edits in one exec", step="RUNNING")

    @property
    def calls(self) -> int:
        """Questions that the host answered, edits and texts that it took, values sent ahead that the script used."""
        return self.answered + self.certain + self.logs + self.used.bit_count()

    @property
    def edits(self) -> int:
        """Calls among them that may have changed the message."""
        return self.certain + self.edited

    def told(self) -> str:
        """What was done until now, for the log of an exec that came to no end: no texts, and no values sent ahead."""
        last = [
            f"{call} {args[0]!a:.80}" if CALLS[call].has_target else call
            for call, args in (self.asked or [])[-TOLD_CALLS:]
        ]
        told = f"; it asked last: {', '.join(last)}" if last else ""
        return f"{self.calls} calls were answered, {self.edits} edits stand{told}"
