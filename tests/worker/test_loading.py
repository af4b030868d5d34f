"""One try to load a build: what it gives to go on with, and who is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.errors import ScriptInvalid, WorkerDied
from runner.scripts.generation import Generation, Part
from runner.worker.loading import try_load


def build(number: str) -> Generation:
    return Generation(number, "/a.exe", Part("/a.exe", number), None, None, {})


BUILD, OTHER = build("1"), build("2")


class Site:
    """Loads as it is told, and remembers what was asked of it."""

    def __init__(self, outcome: tuple[str, ...] | Exception) -> None:
        self.outcome = outcome
        self.asked: list[tuple[object, ...]] = []

    def load(self, generation: Generation) -> tuple[str, ...]:
        self.asked.append(("load", generation))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def accept(self, generation: Generation) -> None:
        self.asked.append(("accept", generation))

    def extend(self, generation: Generation, names: tuple[str, ...]) -> Generation:
        self.asked.append(("extend", generation, names))
        return OTHER

    def reject(self, generation: Generation, error: ScriptInvalid) -> Generation:
        self.asked.append(("reject", generation, error))
        return OTHER

    def try_load(self, build: Generation = BUILD) -> Generation:
        return try_load(self.load, build, accept=self.accept, extend=self.extend, reject=self.reject)


def test_a_build_that_is_loaded_is_accepted_and_given_back() -> None:
    site = Site(())

    assert site.try_load() is BUILD
    assert site.asked == [("load", BUILD), ("accept", BUILD)]


def test_a_build_that_needs_helpers_is_extended_and_not_tried_again() -> None:
    site = Site(("H", "I"))

    assert site.try_load() is OTHER
    assert site.asked == [("load", BUILD), ("extend", BUILD, ("H", "I"))]


def test_a_build_that_cannot_be_loaded_is_rejected_for_another_one() -> None:
    error = ScriptInvalid("no Main")
    site = Site(error)

    assert site.try_load() is OTHER
    assert site.asked == [("load", BUILD), ("reject", BUILD, error)]


def test_where_nobody_rejects_the_error_is_raised() -> None:
    site = Site(ScriptInvalid("no Main"))

    with pytest.raises(ScriptInvalid, match="no Main"):
        try_load(site.load, BUILD, accept=site.accept, extend=site.extend)
    assert site.asked == [("load", BUILD)]


def test_a_lost_worker_is_the_business_of_the_caller() -> None:
    site = Site(WorkerDied("stack overflow"))

    with pytest.raises(WorkerDied):
        site.try_load()
    assert site.asked == [("load", BUILD)]


def test_a_worker_that_asks_again_for_what_it_was_told_cannot_load_the_build() -> None:
    """It was asked again until the deadline: a load without end."""
    site, known = Site(("H",)), replace(BUILD, helpers={"H": None})

    assert site.try_load(known) is OTHER
    assert [asked[0] for asked in site.asked] == ["load", "reject"]
