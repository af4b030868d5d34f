"""runner.worker.lanes: which lane an exec gets, and when a worker is told the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.hosts.embedded.host import MessageHost
from runner.lane import choice
from runner.scripts.foresight import EMPTY
from runner.wire.session import Session, State
from runner.worker.holdings import Holdings
from runner.worker.lanes import Lanes
from runner.worker.outcome import ExecOutcome
from runner.worker.placement import Placement
from tests.places import INVITE
from tests.pool.test_warming import build
from tests.scripts.test_plans import learned

if TYPE_CHECKING:
    from runner.scripts.foresight import Foresight
    from runner.scripts.generation import Generation


def lanes() -> Lanes:
    channel: Any = object()  # nothing is sent
    return Lanes(Session(1 << 16, State.IDLE), channel, Placement(0, 0), Holdings(can=("values", "edits")))


def line(own: Lanes, generation: Generation, foresight: Foresight, entry: str | None = None) -> bytes:
    own.session.state = State.IDLE
    return own.first_line(
        generation, None, MessageHost(INVITE), foresight.plan, ExecOutcome(),
        foresight=foresight, is_foreseen=True, fresh=False, entry=entry,
    )  # fmt: skip


def test_the_first_line_says_the_plan_and_makes_a_lane_and_the_next_one_says_it_no_more() -> None:
    own, generation, foresight = lanes(), build(), learned(("PV.GetS", ("$ru",)))

    assert b'"plan":' in line(own, generation, foresight)
    made = own.by_build[generation.id, None]
    assert (type(made), made.plan) == (choice.Lane, foresight.plan)
    assert b'"plan":' not in line(own, generation, foresight)
    assert own.by_build[generation.id, None] is made


def test_another_plan_is_another_lane() -> None:
    own, generation = lanes(), build()
    line(own, generation, learned())
    first = own.by_build[generation.id, None]

    line(own, generation, learned(("PV.GetS", ("$ru",))))

    assert first.plan is EMPTY
    assert own.by_build[generation.id, None] is not first


def test_what_is_loaded_again_has_no_lane_and_the_others_keep_theirs() -> None:
    own, generation, other = lanes(), build("a"), build("b")
    for each in (generation, other):
        line(own, each, learned())

    own.forget([generation.id])

    assert list(own.by_build) == [(other.id, None)]
