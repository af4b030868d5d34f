"""What a worker says that it can (docs/protocol.md, ``ready``), and what the conversation makes of it."""

from __future__ import annotations

import pytest

from runner.scripts.generation import Generation, Helper, Part
from runner.worker.outcome import ExecOutcome, Profile
from tests.pool.test_warming import build
from tests.worker.bridges import DONE, LOADED, PLAN, Bridge
from tests.worker.workers import soon


@pytest.mark.parametrize(
    ("can", "sent"),
    [((), set()), (("values",), {"plan", "values", "certain"}), (("profile",), {"profile"})],
)
def test_a_worker_gets_only_what_it_says_that_it_can(can: tuple[str, ...], sent: set[str]) -> None:
    planned, outcome = build(), ExecOutcome()
    planned.foresight.plan = PLAN
    outcome.profile = Profile({})
    outcome.profile.begin()
    with Bridge(DONE) as bridge:
        bridge.conversation.holdings.can = can
        bridge.exec(planned, outcome=outcome)

    params = bridge.heard[0]["params"]
    assert params.keys() - {"generation"} == sent
    assert params.get("certain", 0) == 0


def test_a_worker_whose_builds_have_helpers_of_their_own_binds_none() -> None:
    helped = Generation.of("/x.exe", Part("/x.exe", "a"), None, None, {"H": Helper(Part("/H.dll", "h"))})
    with Bridge(LOADED) as bridge:
        bridge.conversation.holdings.can = ("helpers",)
        bridge.conversation.load(helped, soon())

        assert bridge.conversation.holdings.bound == {}
