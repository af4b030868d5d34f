"""Chance with a few words of its own: one of, maybe, some."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class Dice(random.Random):
    """Seeded by text, the same on every machine and Python."""

    def maybe(self, chance: float, text: str = "x") -> str:
        """The text, or nothing; ``if dice.maybe(0.1):`` asks for one."""
        return text if self.random() < chance else ""

    def one(self, *choices: T) -> T:
        """One of these."""
        return choices[int(self.random() * len(choices))]

    def of(self, choices: Sequence[T]) -> T:
        """One of a list."""
        return choices[int(self.random() * len(choices))]

    def made(self, *makers: Callable[[Dice], str]) -> str:
        """What one of these makes."""
        return self.one(*makers)(self)

    def some(self, most: int, make: Callable[[Dice], str]) -> list[str]:
        """Up to so many, few more often than many."""
        count = int(self.random() * self.random() * (most + 1))
        return [make(self) for _ in range(count)]
