"""Measure sides in turn, in shuffled blocks, and compare them."""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

US = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of the report.

    Attributes:
        name: What was measured.
        ours: Ours, in ``unit``.
        peer: The peer, in ``unit``; None where there is none.
        ratio: The number that the target is for: ours over peer, or ours alone.
        noise: Spread of the same side measured twice, as a share of its median; None when it was measured once.
        unit: The unit of ``ours`` and ``peer``; empty where they are shares.
    """

    name: str
    ours: float
    peer: float | None
    ratio: float
    noise: float | None = None
    unit: str = "us"

    @property
    def target(self) -> str:
        """For example ``<= 2.0``; empty when the row is only reported."""
        return TARGETS.get(self.name, "")

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if not self.target:
            return None
        sign, number = self.target.split()
        return self.ratio <= float(number) if sign == "<=" else self.ratio >= float(number)


@dataclass(frozen=True, slots=True)
class Times:
    """All values of one side, block by block, in seconds or in the unit that ``against`` is given."""

    blocks: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Times:
        """From the values of a side that gives one value each round."""
        return cls(tuple((value,) for value in values))

    @property
    def all(self) -> list[float]:
        """All values, sorted."""
        return sorted(value for block in self.blocks for value in block)

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.all)

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        values = self.all
        return values[int(len(values) * 0.99)]

    def noise(self, *, tail: bool = False) -> float | None:
        """
        How far apart the medians of its odd and even blocks are, as a share; with ``tail``, the 99th percentiles.

        None with one block, because it was measured only once.
        """
        if len(self.blocks) < 2:  # noqa: PLR2004 - odd and even
            return None
        halves = [Times(self.blocks[start::2]) for start in (0, 1)]
        odd, even = (half.p99 if tail else half.median for half in halves)
        return abs(odd - even) / min(odd, even)


def alternate(sides: Mapping[str, Callable[[int], list[float]]], blocks: int, size: int) -> dict[str, Times]:
    """
    Measure every side ``blocks`` times, ``size`` runs each, in an order that is shuffled for every round.

    Args:
        sides: By name, a function that takes a number of runs and returns the seconds of each; a slow one may do fewer.
        blocks: Number of blocks of each side.
        size: Runs in a block.
    """
    for side in sides.values():
        side(size)  # warm up, and let it learn
    return rounds({name: partial(side, size) for name, side in sides.items()}, blocks)


def rounds(sides: Mapping[str, Callable[[], Iterable[float]]], count: int) -> dict[str, Times]:
    """Get the values of every side ``count`` times, in an order that is shuffled for every round."""
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in sides}
    for _ in range(count):
        for name in random.sample(list(sides), len(sides)):
            found[name].append(tuple(sides[name]()))
    return {name: Times(tuple(blocks)) for name, blocks in found.items()}


def against(name: str, ours: Times, peer: Times, *, tail: bool = False, unit: str = "us") -> Row:
    """A row of two sides: medians, or 99th percentiles with ``tail``. Times are seconds where ``unit`` is "us"."""
    scale = US if unit == "us" else 1
    mine, other = ((side.p99 if tail else side.median) * scale for side in (ours, peer))
    return Row(name, mine, other, mine / other, noise(ours, peer, tail=tail), unit)


def within(name: str, ours: Times, limit: float, *, tail: bool = False, unit: str = "us") -> Row:
    """A row that has a limit, in ``unit``, instead of a peer."""
    value = (ours.p99 if tail else ours.median) * (US if unit == "us" else 1)
    return Row(f"{name} / limit", value, limit, value / limit, noise(ours, tail=tail), unit)


def noise(*sides: Times, tail: bool = False) -> float | None:
    """The largest noise of these sides; None when no side was measured twice."""
    return max((found for side in sides if (found := side.noise(tail=tail)) is not None), default=None)
