"""Builds of a script, and what may happen while their files are read."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.scripts.current import CurrentScripts
    from runner.scripts.generation import Generation


SOON_S = 30.0
SECOND_NS = 1_000_000_000


@dataclass
class Builds:
    """Real assemblies made by mcs, by name; ``a`` and ``b`` are two builds of the same size."""

    directory: Path

    def __getitem__(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Make = Any  # Callable[..., CurrentScripts]; the fixture's type


def content(scripts: CurrentScripts, generation: Generation) -> bytes:
    return scripts.copy_of(generation.file).read_bytes()


def later() -> int:
    """A clock by which no file is young any more."""
    return time.time_ns() + SECOND_NS


class Counting:
    """os.stat that remembers what was asked and rounds file times down to whole ticks."""

    def __init__(self, tick_ns: int = 1) -> None:
        self.asked: list[str | int] = []
        self.tick_ns = tick_ns
        self.times_ns: int | None = None

    def __call__(self, path: str | int) -> Any:
        self.asked.append(path)
        real = os.stat(path)  # noqa: PTH116  # a path or a descriptor
        return Coarse(real, self.times_ns)


class Meanwhile:
    """os.stat that lets something happen right after one look: ``at`` counts those that are ``of`` the same kind."""

    def __init__(self) -> None:
        self._left = 0
        self._of: type = str
        self._work: Callable[[], object] = lambda: None

    def plan(self, at: int, of: type, work: Callable[[], object]) -> None:
        """Call ``work`` after that many looks at a path (``str``) or at what is open (``int``) from now on."""
        self._left, self._of, self._work = at, of, work

    def __call__(self, path: str | int) -> os.stat_result:
        found = os.stat(path)  # noqa: PTH116  # a path or a descriptor
        if isinstance(path, self._of) and (isinstance(path, int) or path.endswith(".exe")):
            self._left -= 1
            if self._left == 0:
                self._work()
        return found


class Coarse:
    """A stat result whose times stand still."""

    def __init__(self, real: os.stat_result, times_ns: int | None) -> None:
        self._real = real
        self.st_ctime_ns = real.st_ctime_ns if times_ns is None else times_ns
        self.st_mtime_ns = real.st_mtime_ns if times_ns is None else times_ns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
