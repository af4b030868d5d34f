"""What a line of a worker means: that the records are those that the bridge and the documents speak of."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, is_dataclass
from typing import get_args

import pytest

from runner.wire import events
from runner.wire.events import NO_EDITS, RETIRE_REASONS, Done, Edits, Event, Exiting, Failed, Loaded, Notice, Ready
from runner.wire.session import Session
from tests.places import ROOT
from tests.wire.sessions import LIMIT, READY, error, result

PROTOCOL_MD = ROOT / "docs" / "protocol.md"


def test_an_event_is_one_of_all_the_records_here() -> None:
    here = {kind for kind in vars(events).values() if isinstance(kind, type) and kind.__module__ == events.__name__}

    assert set(get_args(Event)) == here


def test_the_reasons_for_a_new_process_are_those_of_the_bridge_and_of_the_protocol() -> None:
    bridge = (ROOT / "bridge" / "SRBridge.cs").read_text("utf-8")
    (given,) = re.findall(r"string retireReason = (.+);", bridge)

    assert set(re.findall(r'"(\w+)"', given)) == RETIRE_REASONS.keys()
    assert set(re.findall(r'`"worn":"(\w+)"`', PROTOCOL_MD.read_text("utf-8"))) == RETIRE_REASONS.keys()


@pytest.mark.parametrize("reason", RETIRE_REASONS)
def test_a_reason_for_a_new_process_comes_with_a_result_and_with_a_failure(reason: str) -> None:
    session = Session(LIMIT)
    session.receive(READY)

    session.exec("6f", None)
    returned = session.receive(result(1, {"code": 0, "worn": reason}))
    session.exec("6f", None)
    data = {"type": "E", "message": "boom", "stack": "  at X", "worn": reason}
    threw = session.receive(error(2, code=-32000, message="E: boom", data=data))

    assert returned == [Done(0, worn=reason)]
    assert threw == [Failed(-32000, "E: boom", "  at X", reason)]


def test_what_nobody_says_of_an_exec_is_nothing() -> None:
    done, other = Done(3), Done(3)

    assert tuple(done) == (3, 0, (), "", [], False)
    assert done.edits is other.edits is NO_EDITS  # one list for all execs, which nobody may change
    assert Failed(-1, "m", "").worn == ""


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (Ready("6.8", 7), "pid"),
        (Loaded(()), "needs"),
        (Failed(-1, "m", ""), "code"),
        (Exiting(3, ends_request=True), "code"),
        (Notice("Core.Log", ()), "call"),
        (Edits([]), "edits"),
        (Done(0), "code"),
    ],
)
def test_what_was_said_does_not_change(event: Event, name: str) -> None:
    with pytest.raises(FrozenInstanceError if is_dataclass(event) else AttributeError):
        setattr(event, name, None)
