"""runner.cluster.worker: what stands for a process on another machine."""

from __future__ import annotations

from runner.cluster.messages import End
from runner.cluster.worker import FarProcess


def test_a_lease_ends_once_and_the_first_reason_counts() -> None:
    told: list[End] = []
    process = FarProcess(17, told.append)
    assert not process.has_ended(0)

    process.end("stuck", "too late")
    process.kill()

    assert told == [End(how="stuck", reason="too late")]
    assert process.has_ended(0)


def test_one_that_was_lost_with_its_node_is_no_scripts_fault() -> None:
    told: list[End] = []
    process = FarProcess(17, told.append)

    assert process.lose("its node has gone", is_blameless=True)
    assert not process.lose("again", is_blameless=False)
    process.kill()

    assert process.is_blameless
    assert (process.lost, told) == ("its node has gone", [])


def test_one_that_was_given_back_cannot_be_lost_any_more() -> None:
    process = FarProcess(17, lambda _: None)
    process.end("free", "given back")

    assert not process.lose("its node has gone", is_blameless=True)
    assert not process.is_blameless
