"""Sides measured in turn, in shuffled blocks, and what is said of them."""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

US = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of the report.

    Attributes:
        name: What was measured.
        ours: Ours, in ``unit``.
        peer: The peer, in ``unit``; None where there is none.
        ratio: What the target is about: ours over peer, or ours alone.
        target: For one ``<= 2.0``; empty when it is only reported.
        noise: Spread of the same side measured twice, as a share of its median; None when it was measured once.
        unit: Of ``ours`` and ``peer``.
    """

    name: str
    ours: float
    peer: float | None
    ratio: float
    target: str
    noise: float | None = None
    unit: str = "us"

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if not self.target:
            return None
        sign, number = self.target.split()
        return self.ratio <= float(number) if sign == "<=" else self.ratio >= float(number)


@dataclass(frozen=True, slots=True)
class Times:
    """All times of one side, in seconds, block by block."""

    blocks: tuple[tuple[float, ...], ...]

    @property
    def all(self) -> list[float]:
        """All of them, sorted."""
        return sorted(time for block in self.blocks for time in block)

    @property
    def median_us(self) -> float:
        """The median in microseconds."""
        return statistics.median(self.all) * US

    @property
    def p99_us(self) -> float:
        """The 99th percentile in microseconds."""
        times = self.all
        return times[int(len(times) * 0.99)] * US

    @property
    def noise(self) -> float:
        """How far the medians of its odd and of its even blocks lie apart, as a share."""
        odd, even = (Times(self.blocks[start::2]).median_us for start in (0, 1))
        return abs(odd - even) / min(odd, even)


def alternate(sides: Mapping[str, Callable[[int], list[float]]], blocks: int, size: int) -> dict[str, Times]:
    """
    Measure every side ``blocks`` times, ``size`` runs each, in an order that is shuffled for every round.

    Args:
        sides: Name to what does so many runs and gives the seconds of each.
        blocks: How many blocks of each.
        size: Runs of a block.
    """
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in sides}
    for side in sides.values():
        side(size)  # warm, and learned
    for _ in range(blocks):
        for name in random.sample(list(sides), len(sides)):
            found[name].append(tuple(sides[name](size)))
    return {name: Times(tuple(times)) for name, times in found.items()}


def against(name: str, ours: Times, peer: Times, target: str, *, tail: bool = False) -> Row:
    """A row of two sides: medians, or 99th percentiles with ``tail``."""
    mine, other = (ours.p99_us, peer.p99_us) if tail else (ours.median_us, peer.median_us)
    return Row(name, mine, other, mine / other, target, max(ours.noise, peer.noise))
