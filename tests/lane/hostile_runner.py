"""
A runner whose parts are whatever arbitrary bytes say, and the common exec of a program over them.

For ``make fuzz``, and for the inputs that were kept.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

from runner.control.outcomes import IN_C
from runner.hosts.embedded.host import MessageHost
from runner.lane import _lane
from runner.pool.slot import State
from runner.scripts.generation import Generation
from runner.worker.outcome import ExecOutcome
from tests.lane.hostile import MOST_ANSWER, Bad, Bytes, Text, answer, asked
from tests.lane.turns import Known
from tests.places import INVITE
from tests.scripts.test_plans import learned

WORLD = (
    "seen.trusted", "seen.found", "seen.script", "seen.stamps", "script.rejected", "stamps.at_once", "poison.until",
    "kept.pool", "pool.slots", "pool.queue", "queue.requests", "slots.released", "slots.recent", "slots.is_closed",
    "slots.settings", "settings.statics", "slot.state", "slot.lent_to", "slot.worker", "worker.has_ended",
    "worker.holdings", "worker.conversation",
)  # fmt: skip
"""What may be something else than it is, or missing."""


class Part(SimpleNamespace):
    """Has what it was given; an exception that it has is raised."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if isinstance(value, BaseException):
            raise type(value)("\ud800")
        return value


class Caller(MessageHost):
    """A host whose ``expand`` gives what the bytes say."""

    def __init__(self, taken: Bytes) -> None:
        super().__init__(INVITE)
        self._taken = taken

    def expand(self, text: str) -> Any:
        if self._taken.number() % 16 == 1:
            raise self._taken.one_of((ValueError, KeyboardInterrupt, MemoryError))
        return self._taken.one_of((text, text, text, text, None, 7, Text(text), self._taken.text()))


class World:
    """A runner, a pool and a slot, as far as they are looked at, around a worker that is pipes."""

    def __init__(self, known: Known) -> None:
        generation = known.generation
        worker = Part(has_ended=False, holdings=known.holdings, conversation=known.conversation)
        slot = Part(state=State.IDLE, lent_to=None, worker=worker)
        recent = OrderedDict({generation.path: generation})
        settings = Part(statics="kept")
        self.lock = threading.Lock()
        slots = Part(lock=self.lock, released=slot, recent=recent, is_closed=False, settings=settings)
        queue = Part(requests=[])
        pool = Part(slots=slots, queue=queue, release=self.release)
        script, stamps = Part(rejected=(None, None)), Part(at_once=lambda: True)
        seen = Part(trusted=True, found=generation, script=script, stamps=stamps)
        self.parts = {
            "seen": seen, "script": script, "stamps": stamps, "poison": Part(until={}), "kept": Part(pool=pool),
            "pool": pool, "queue": queue, "slots": slots, "settings": settings, "slot": slot, "worker": worker,
        }  # fmt: skip
        self.went_on: list[Any] = []
        self.at_once = _lane.AtOnce(
            {generation.path: seen},
            {generation.runtime: self.parts["kept"]},
            self.parts["poison"],
            types=(Generation, ExecOutcome),
            states=(State.IDLE, State.LEASED),
            shapes=(tuple, tuple),
            counts=(self.lock, lambda *_: [0] * IN_C[0], IN_C),
            otherwise=(lambda *_: None, self._go_on),
        )

    def release(self, slot: Any, *, survives: bool) -> None:
        assert survives
        slot.state = State.IDLE

    def _go_on(self, *of: Any) -> None:
        self.went_on.append(of[-1])
        of[1].state = State.IDLE

    def spoil(self, place: str, value: Any) -> None:
        part, _, name = place.partition(".")
        setattr(self.parts[part], name, value)


def one_exec(data: bytes) -> None:
    """One exec of ``AtOnce``: whatever is wrong, its slot is idle again behind it, and nobody has the lock."""
    taken = Bytes(data)
    with Known(learned(*asked(taken)), _lane.Lane) as known:
        world, slot_is_sane = World(known), True
        known.holdings.ran[known.generation.path] = known.generation.id
        for _ in range(taken.number() % 3):
            place = taken.one_of(WORLD)
            values: tuple[Any, ...] = (
                None, False, 1, "", taken.text(), b"x", Bad(), object(), (), [], {}, ValueError(), KeyboardInterrupt(),
                AttributeError(), Bad, lambda *_: 1 / 0,
            )  # fmt: skip
            slot_is_sane &= place != "slot.state"
            world.spoil(place, taken.one_of(values))
        host = Caller(taken)
        references = sys.getrefcount(host)
        param = taken.one_of((None, "a", taken.text()))
        arguments: tuple[Any, ...] = (
            known.generation.path,
            param,
            host,
            taken.one_of((10.0, 0, -1.0, 1e300, "x")),
            None,
        )
        usual = answer(taken, known.session.requests + 1)
        said = usual if taken.number() % 4 else taken.rest()[:MOST_ANSWER]
        os.write(known.says, said)
        os.close(known.says)
        with contextlib.suppress(Exception, KeyboardInterrupt):
            world.at_once.exec(*arguments[: 5 - taken.number() % 16 // 15])
        slot = world.parts["slot"]
        assert world.lock.acquire(blocking=False), data
        assert not slot_is_sane or slot.state is State.IDLE, data
        world.went_on.clear()
        del arguments, slot
        assert sys.getrefcount(host) <= references, data
