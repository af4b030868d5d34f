"""What one process has done and holds because of it: the one place that counts, whoever holds its wire.

Must not know wires, conversations or processes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.scripts.generation import Generation, Helper

MAX_LOADED = 512  # scripts that are remembered; with one more the oldest is loaded again when it is wanted


class Reported(Protocol):
    """What another process says of a worker, as ``control.messages.Report`` has it."""

    @property
    def execs(self) -> int: ...  # noqa: D102 - as there
    @property
    def loads(self) -> int: ...  # noqa: D102
    @property
    def bound(self) -> dict[str, str]: ...  # noqa: D102
    @property
    def loaded(self) -> dict[str, str]: ...  # noqa: D102
    @property
    def ran(self) -> dict[str, str]: ...  # noqa: D102
    @property
    def retire_reason(self) -> str: ...  # noqa: D102


@dataclass(slots=True, eq=False)
class Holdings:
    """
    What one worker's process has done and holds. It stays one object while the wire is lent and comes back.

    Attributes:
        execs: Execs begun.
        loads: Assemblies loaded into the process; mono never frees them.
        loaded: Script path to the generation of it that is loaded.
        ran: Script path to the id of the loaded generation, when that has run to an end.
        bound: Simple name of a helper assembly to the hash of the content that the process has bound to it.
        retire_reason: A key of ``events.RETIRE_REASONS`` when the process should run no further exec; else empty.
        last_used: When the last exec, load or loan ended, on ``time.monotonic``.
        runtime: The name of its runtime; it gets no scripts of another one.
        can: What its bridge says that it can, of ``events.CAN``.
    """

    execs: int = 0
    loads: int = 0
    loaded: dict[str, Generation] = field(default_factory=dict)
    ran: dict[str, str] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    retire_reason: str = ""
    last_used: float = field(default_factory=time.monotonic)
    runtime: str = ""
    can: tuple[str, ...] = ()

    def note(self, report: Reported, known: Mapping[str, Generation], most_bound: int) -> None:
        """
        Take in what another process has done with it. Counts and names only grow.

        Args:
            report: What that process says.
            known: Generations that it can have loaded, by id.
            most_bound: How many names may be bound; beyond that nothing is added.
        """
        self.execs = max(self.execs, report.execs)
        self.loads = max(self.loads, report.loads)
        self.retire_reason = self.retire_reason or report.retire_reason
        bound = self.bound | report.bound
        if len(bound) <= most_bound:
            self.bound = bound
        loaded = set(report.loaded.values())
        self.loaded = {known[id_].path: known[id_] for id_ in report.loaded.values() if id_ in known}
        self.ran = {known[id_].path: id_ for id_ in report.ran.values() if id_ in known and id_ in loaded}

    def has(self, generation: Generation) -> bool:
        """Whether exactly this generation is loaded."""
        loaded = self.loaded.get(generation.path)
        return loaded is generation or (loaded is not None and loaded.id == generation.id)

    def has_run(self, generation: Generation) -> bool:
        """Whether the generation is loaded and has run to an end: what is slow the first time is behind it."""
        return self.ran.get(generation.path) == generation.id

    def fits(self, generation: Generation) -> bool:
        """Whether it is of this runtime, and contradicts no helper that is bound: mono binds a name once."""
        if generation.runtime != self.runtime:
            return False
        for name, helper in generation.helpers.items():
            there = self.bound.get(name)
            if there is not None and (helper is None or helper.hash != there):
                return False
        return True

    def bind(self, generation: Generation) -> None:
        """A load has ended. Whatever its result is, the helpers before the first failure are bound."""
        self.last_used = time.monotonic()
        if "helpers" in self.can:
            return
        binds = {name: helper.hash for name, helper in generation.helpers.items() if helper is not None}
        self.loads += len(binds.keys() - self.bound.keys())
        self.bound.update(binds)

    def bind_helper(self, name: str, helper: Helper) -> None:
        """A script that runs has got a helper by its name."""
        self.loads += 1
        if "helpers" not in self.can:
            self.bound[name] = helper.hash

    def add(self, generation: Generation) -> list[str]:
        """
        A generation is loaded.

        Returns:
            The ids of the generations that are not loaded any more, and of this one: what was known of them is over.
        """
        old = self.loaded.get(generation.path, generation)
        self.loaded[generation.path] = generation
        self.ran.pop(generation.path, None)  # a new load has new statics, also when this build was here before
        replaced = [old.id, generation.id]
        if len(self.loaded) > MAX_LOADED:
            forgotten = self.loaded.pop(next(iter(self.loaded)))
            self.ran.pop(forgotten.path, None)
            replaced.append(forgotten.id)
        return replaced
