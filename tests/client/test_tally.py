"""client.tally: each exec is counted once, by what it came to and how long it took."""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING

import pytest

from runner.client import tally as tally_module
from runner.client.known import Known
from runner.client.tally import LAST_CALLS, Tally
from runner.control.counters import BOUNDS_S, FIRST_BUCKET, FIRST_SUM, OUTCOMES, SUMS, SharedCounters
from runner.control.outcomes import FAILURES, NO_DAEMON
from runner.control.status import RUNNING
from runner.errors import ExecTimeout, HostFault, PoolExhausted, ScriptError, ScriptInvalid, ScriptNotFound, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.hosts.recorded import Recorded
from runner.scripts.generation import Generation, Part
from runner.worker.outcome import ExecOutcome
from tests.places import INVITE
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from runner.client.known import Script

HOST = MessageHost(INVITE)


def script() -> Script:
    generation = Generation.of("/x.exe", Part("x.exe", "a1"), None, None, {}, "mono")
    return Known().add("/x.exe", generation, None)


def counted(tally: Tally) -> dict[str, int]:
    """Outcomes and sums that are not 0, of all rows; ``of`` names the last."""
    shared = SharedCounters(os.dup(tally.counters.descriptor))
    found: dict[str, int] = {}
    for new in shared.take():
        numbers = dict(zip(OUTCOMES, new.counts, strict=False)) | dict(zip(SUMS, new.counts[FIRST_SUM:], strict=True))
        for name, number in numbers.items():
            if number and name != "time_ns":
                found[name] = found.get(name, 0) + number
    shared.close()
    return found


def outcome(**said: object) -> ExecOutcome:
    made = ExecOutcome()
    for name, value in said.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("result", "name"),
    [
        (outcome(code=0), "true"),
        (outcome(code=1), "false"),
        (outcome(code=0, has_ended_routing=True), "exit"),
        (outcome(code=1, is_missing=True), "missing"),
        (ScriptError("boom"), "exception"),
        (ScriptNotFound("no file"), "not_found"),
        (ScriptInvalid("no Main"), "invalid"),
        (ExecTimeout("late"), "timeout"),
        (WorkerDied("gone"), "lost"),
        (PoolExhausted("all are busy"), "busy"),
        (PoolExhausted(f"{NO_DAEMON} /run/x: refused"), "no_daemon"),
        (HostFault("refused"), "error"),
        (ZeroDivisionError(), "error"),
    ],
)
def test_an_exec_is_counted_by_what_it_came_to(result: ExecOutcome | Exception, name: str) -> None:
    tally = Tally()
    tally.add(script(), "/x.exe", result, time.monotonic(), HOST)

    assert counted(tally) == {name: 1}


@pytest.mark.parametrize("node", ["one", ""])
def test_the_line_of_an_exec_says_on_which_node_it_ran_and_nothing_of_this_machine(node: str) -> None:
    tally = Tally()
    tally.watch(0.0, 1.0)
    tally.add(script(), "/x.exe", outcome(code=0), time.monotonic(), HOST, node=node)

    shared = SharedCounters(os.dup(tally.counters.descriptor))
    (line,) = shared.lines()[0]
    shared.close()
    assert json.loads(line).get("node", "") == node


def test_every_failure_is_an_outcome_that_there_is() -> None:
    assert {name for _, name in FAILURES} < set(OUTCOMES)


def test_what_a_script_did_and_waited_for_is_added_up() -> None:
    tally, known = Tally(), script()
    tally.queue_s, tally.load_s = 0.25, 0.5
    tally.add(known, "/x.exe", outcome(code=0, answered=3, edited=2, certain=1, logs=4), time.monotonic(), HOST)
    tally.add(known, "/x.exe", outcome(code=0, answered=1), time.monotonic(), HOST)

    assert counted(tally) == {
        "true": 2, "questions": 4, "edits": 3, "texts": 4, "queue_ns": 250_000_000, "load_ns": 500_000_000,
    }  # fmt: skip


def test_a_time_is_counted_below_the_first_bound_that_it_does_not_exceed() -> None:
    tally = Tally()
    tally.add(script(), "/x.exe", outcome(code=0), time.monotonic() - 5.1, HOST)
    tally.add(script(), "/x.exe", outcome(code=0), time.monotonic() - 3600, HOST)
    shared = SharedCounters(os.dup(tally.counters.descriptor))

    (new,) = shared.take()

    shared.close()
    times = new.counts[FIRST_BUCKET:FIRST_SUM]
    assert [number for number, count in enumerate(times) if count] == [BOUNDS_S.index(10.0), len(BOUNDS_S)]


def test_a_path_that_may_be_made_of_the_message_is_no_name() -> None:
    tally = Tally()
    tally.add(None, "/made-up-by-a-caller.exe", ScriptNotFound("no file"), time.monotonic(), HOST)
    tally.add(None, "/broken.exe", ScriptInvalid("no Main"), time.monotonic(), HOST)
    tally.note_outage()
    shared = SharedCounters(os.dup(tally.counters.descriptor))

    found = {new.script: sum(new.counts[:FIRST_BUCKET]) for new in shared.take()}

    shared.close()
    assert found == {"": 1, "/broken.exe": 1}


def test_a_failure_is_described_once_a_second_with_its_stack_and_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_module, "INCIDENT_PAUSE_S", WAIT_S)
    tally, known = Tally(), script()
    error = ScriptError("/x.exe: boom", "System.Exception: boom\n  at X.Main()")
    first = tally.add(known, "/x.exe", error, time.monotonic(), HOST)
    second = tally.add(known, "/x.exe", error, time.monotonic(), HOST)

    assert first is not None
    assert (first.outcome, first.message, first.build) == ("exception", "/x.exe: boom", known.generation.id)
    assert first.detail.endswith("at X.Main()")
    assert first.call_id == HOST.get_s("$ci")
    assert second is None


def test_that_no_worker_is_free_is_counted_and_not_described() -> None:
    assert Tally().add(script(), "/x.exe", PoolExhausted("all are busy"), time.monotonic(), HOST) is None


def test_a_slow_exec_is_described_with_its_calls_and_a_fast_one_is_not(caplog: pytest.LogCaptureFixture) -> None:
    tally, host = Tally(), Recorded(MessageHost(INVITE))
    tally.watch(30.0, 0.0)
    began = time.monotonic()
    assert tally.add(script(), "/x.exe", outcome(code=0), began, host) is None
    for _ in range(2 * LAST_CALLS):
        host.get_s("$rU")

    slow = tally.add(script(), "/x.exe", outcome(code=1), began - 1001.0, host)

    assert slow is not None
    assert (slow.outcome, slow.message, slow.took_s > 1000) == ("false", "/x.exe: slow, 1e+03 s", True)
    lines = slow.detail.splitlines()
    assert len(lines) == LAST_CALLS
    assert re.fullmatch(r" *\d+\.\d+ ms  PV\.GetS\('\$rU'\)", lines[0]), lines[0]
    assert "slow, 1e+03 s, Call-ID " in caplog.text
    assert counted(tally) == {"true": 1, "false": 1}


def test_a_share_of_execs_leave_a_line_also_in_a_process_that_was_forked() -> None:
    parent = Tally()
    parent.watch(0.0, 1.0)
    tally = parent.successor()
    known = script()
    tally.queue_s = 0.25
    tally.add(known, "/x.exe", outcome(code=0, answered=3, edited=1), time.monotonic(), HOST)
    tally.watch(0.0, 0.0)
    tally.add(known, "/x.exe", outcome(code=0), time.monotonic(), HOST)
    shared = SharedCounters(os.dup(tally.counters.descriptor))

    ((line,), lost) = shared.lines()

    shared.close()
    told = json.loads(line)
    assert lost == 0
    assert told | {"at": 0, "took_s": 0} == {
        "at": 0, "script": "/x.exe", "build": known.generation.id, "outcome": "true", "took_s": 0, "queue_s": 0.25,
        "load_s": 0.0, "call_id": HOST.get_s("$ci"), "questions": 3, "edits": 1, "texts": 0,
    }  # fmt: skip


def test_a_slow_exec_that_still_runs_is_told_with_its_calls_and_the_next_one_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tally_module, "INCIDENT_PAUSE_S", WAIT_S)
    tally, host, began = Tally(), Recorded(HOST), time.monotonic()
    host.get_s("$rU")

    told = tally.still_runs(script(), "/x.exe", began, host, "1e")

    assert told is not None
    assert (told.outcome, told.build, told.lease) == (RUNNING, script().generation.id, "1e")
    assert re.fullmatch(r"/x\.exe: still runs after [0-9.e-]+ s", told.message)
    assert re.fullmatch(r" *[0-9.]+ ms  PV\.GetS\('\$rU'\)", told.detail)
    assert told.call_id == HOST.get_s("$ci")
    assert tally.still_runs(script(), "/x.exe", began, host, "1e") is None
