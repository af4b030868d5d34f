"""runner.lane: an exec in one function, in Python and in C, and that it is no other than the conversation's own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.calls import CALLS
from runner.errors import ExecTimeout, HostFault, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.lane import _lane, building, lane
from runner.scripts.foresight import EMPTY, LONGEST_VALUE, MAX_EDITS, MAX_READS
from runner.wire import common_turn, messages
from runner.wire.events import Done
from runner.wire.session import Session, State
from runner.worker.outcome import LOOK_EVERY, ExecOutcome
from runner.worker.worker import IN_A_TURN
from tests.lane.turns import LANES, PLAIN, Arbitrary, Known, one_turn, seen
from tests.places import INVITE
from tests.pool.test_warming import build
from tests.scripts.test_plans import learned
from tests.wire.test_session import NEARLY_MESSAGES, NEARLY_RESULTS
from tests.worker.bridges import PLAN
from tests.worker.workers import soon

each_lane = pytest.mark.parametrize("kind", LANES.values(), ids=LANES)


def as_lines(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return values.map(lambda value: json.dumps(value, separators=(",", ":")).encode() + b"\n")


READS = st.sampled_from(["$ru", "$fu", "$rm", "$var(a)", "$hdr(X)"]).map(lambda name: ("PV.GetS", (name,)))
EDITS = st.sampled_from(
    [("PV.SetS", ("$rU", "1")), ("PV.SetS", ("$var(a)", "1")), ("HDR.Append", ("X: 1\r\n",)),
     ("HDR.AppendToReply", ("X: 1\r\n",)), ("PV.SetI", ("$var(b)", 1))]
)  # fmt: skip
ASKS = st.tuples(st.lists(READS, max_size=3), st.lists(EDITS, max_size=4, unique=True)).map(
    lambda both: both[0] + both[1]
)
TEXTS = st.text(max_size=30) | st.sampled_from(["x" * 1025, "\x7f", "\udcff", "\ud800", "", '"\\', "a\0b"])
RESULTS = st.fixed_dictionaries(
    {
        "code": st.integers(-2, 300),
        "used": st.integers(0, 40),
        "edits": st.lists(st.tuples(st.integers(0, 5), TEXTS | st.integers(-5, 5)), max_size=LOOK_EVERY + 2),
    },
    optional={"exited": st.booleans()},
).map(lambda result: {"jsonrpc": "2.0", "id": 2, "result": result})
# Nearly always understood, so that what is done with an answer is compared, too.
PLAIN_ONES = st.tuples(
    st.integers(-1, 1),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 1), TEXTS), min_size=1, max_size=3) | st.just([]),
).map(lambda parts: {"jsonrpc": "2.0", "id": 2, "result": dict(zip(("code", "used", "edits"), parts, strict=True))})
LINES = as_lines(RESULTS | NEARLY_RESULTS | NEARLY_MESSAGES)
ANSWERS = as_lines(PLAIN_ONES) | st.binary(max_size=60) | LINES | st.lists(LINES, max_size=3).map(b"".join)


HOSTS = st.builds(
    Arbitrary,
    st.lists(TEXTS | st.none() | st.just(ValueError()), min_size=1),
    refuses=st.booleans(),
    is_sure=st.sampled_from([True, True, False]),
)


@given(ASKS, ANSWERS, HOSTS, st.none() | TEXTS)
@settings(deadline=None, max_examples=300)
def test_an_exec_in_the_lane_leaves_behind_what_it_leaves_without_one(
    asks: list[Any], answer: bytes, host: Arbitrary, param: str | None
) -> None:
    lefts = []
    for kind, is_plain in ((lane.Lane, False), (lane.Lane, True), (_lane.Lane, True)):
        with Known(learned(*asks), kind, is_plain=is_plain) as known:
            lefts.append(seen(known, answer, host.again(), param))

    assert lefts[1] == lefts[0]
    assert lefts[2] == lefts[0]


@each_lane
def test_the_common_exec_takes_the_lane(kind: Any) -> None:
    """Any other way it would be right as well, and slower."""
    with Known(learned(("PV.GetS", ("$ru",)), ("PV.SetS", ("$rU", "1"))), kind) as known:
        host, outcome = MessageHost(INVITE), ExecOutcome()
        os.write(known.says, (PLAIN % (2, b'[[0,"123"]]')).replace(b'"used":0', b'"used":1'))

        assert known.exec(host, outcome=outcome) is True

        assert (outcome.code, outcome.calls, known.holdings.execs, known.session.state) == (0, 2, 2, State.IDLE)
        assert host.get_s("$rU") == "123"
        assert json.loads(known.heard())["params"]["certain"] == 1


def _another_plan(known: Known) -> None:
    known.generation.foresight.plan = PLAN


def _a_line_begun(known: Known) -> None:
    known.session.rest = bytearray(b"{")


def _another_exec(known: Known) -> None:
    known.session.exec("6f", None)


def _a_full_wire(known: Known) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(known.channel.writes, b"x" * 4096)


def _no_reader(known: Known) -> None:
    os.close(known.hears)
    known.hears = os.open(os.devnull, os.O_RDONLY)


@pytest.mark.parametrize("become", [_another_plan, _a_line_begun, _another_exec, _a_full_wire, _no_reader])
@each_lane
def test_what_is_not_plain_is_not_sent_and_changes_nothing(kind: Any, become: Any) -> None:
    with Known(None, kind) as known:
        become(known)
        where, requests, execs = known.session.where(), known.session.requests, known.holdings.execs

        assert known.exec() is False

        assert (known.session.where(), known.session.requests, known.holdings.execs) == (where, requests, execs)


@each_lane
def test_another_build_object_a_silent_host_a_long_line_and_no_time_are_not_plain(kind: Any) -> None:
    class Silent:
        def expand(self, text: str) -> str:
            return text

    with Known(None, kind) as known:
        assert known.lane.exec(build(), None, MessageHost(INVITE), soon(), ExecOutcome()) is False
        assert known.exec(Silent()) is False
        assert known.exec(deadline=time.monotonic()) is False
        long = "x" * select.PIPE_BUF
        assert known.lane.exec(known.generation, long, MessageHost(INVITE), soon(), ExecOutcome()) is False
        assert known.heard() == b""


@each_lane
def test_an_answer_that_does_not_come_in_time_is_waited_for_and_reported_once(kind: Any) -> None:
    with Known(None, kind) as known, pytest.raises(ExecTimeout):
        known.conversation.exec(known.generation, None, MessageHost(INVITE), time.monotonic() + 0.1)

    assert known.holdings.execs == 2


@each_lane
def test_an_exec_that_is_slow_in_its_lane_rings_the_alarm_of_the_wire(kind: Any) -> None:
    """With it the daemon is told of an exec that takes longer than slow_exec_s."""
    rung: list[float] = []
    with Known(None, kind) as known:

        def ring() -> None:
            rung.append(time.monotonic())
            os.write(known.says, PLAIN % (2, b"[]"))

        known.channel.alarm = ring
        known.channel.alarm_at = time.monotonic() + 0.05

        outcome = known.conversation.exec(known.generation, None, MessageHost(INVITE), soon())

    assert (outcome.code, len(rung)) == (0, 1)


def test_whoever_ends_a_worker_sees_that_it_is_in_a_turn_before_its_line_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or it would close the wire, and the line could go to what has the descriptor's number by then."""
    states: list[State] = []
    with Known(None, lane.Lane) as known:
        write = os.write

        def seen_and_written(descriptor: int, line: bytes) -> int:
            states.append(known.session.state)
            return write(descriptor, line)

        os.write(known.says, PLAIN % (2, b"[]"))
        monkeypatch.setattr(os, "write", seen_and_written)
        assert known.exec() is True

    assert len(states) == 1
    assert states[0] in IN_A_TURN


@each_lane
def test_a_worker_that_ends_instead_of_answering_is_lost(kind: Any) -> None:
    with Known(None, kind) as known:
        os.close(known.says)
        with pytest.raises(WorkerDied, match="the process ended"):
            known.conversation.exec(known.generation, None, MessageHost(INVITE), soon())


@each_lane
def test_an_edit_that_the_host_refuses_after_all_is_its_fault(kind: Any) -> None:
    with Known(learned(("PV.SetS", ("$var(a)", "1"))), kind) as known:
        os.write(known.says, PLAIN % (2, b'[[0,"x"]]'))
        with pytest.raises(HostFault, match="which it had declared certain"):
            known.exec(Arbitrary([None], refuses=True, is_sure=True))
        assert known.session.state is State.IDLE


def test_an_entry_that_is_not_known_gets_no_lane() -> None:
    """Else a client could fill the memory with names."""
    with Known() as known:
        os.write(known.says, PLAIN % (2, b"[]"))
        known.conversation.exec(known.generation, None, MessageHost(INVITE), soon(), entry="made_up")

        assert list(known.conversation.lanes.by_build) == [(known.generation.id, None)]


def test_a_host_that_foresees_nothing_leaves_the_plan_where_it_is() -> None:
    class Plain:
        def __getattr__(self, name: str) -> Any:
            if name in {call.method for call in CALLS.values()}:
                return lambda *_: None
            raise AttributeError(name)

    with Known(learned(("PV.GetS", ("$ru",)))) as known:
        own = known.lane
        os.write(known.says, PLAIN % (2, b"[]"))
        known.conversation.exec(known.generation, None, Plain(), soon())

        assert known.conversation.lanes.by_build[known.generation.id, None] is own
        assert own.plan is not EMPTY


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b'\xff\x00text\n\n0\n3\n[0,"a"],[1,"b\\u00e9"],[2,7]',
        b'\x0c\x00\xff\xfe\n\n-1\n0\n[0,"\\ud83d\\ude00\\ud800"]',
        b'\xff\x01a\n\n0\n0\n[1,"x"]',
        b'\x3f\x80a\n\n{"jsonrpc":"2.0","id":2,"result":{"code":0',
        b"\x04\x00\n\n00\n1\n",
        b"\x04\x00\n\n9999999999999999999\n1\n",
        b"\x10\x00\n\n0\n0\n[0,12345678901234567890]",
    ],
)
def test_bytes_that_a_fuzzer_may_find(data: bytes) -> None:
    """``make fuzz`` has more of them."""
    one_turn(data)


def test_what_the_lane_in_c_reads_is_what_is_described() -> None:
    """A line as the bridges write it is plain; one that is written in another way may be left to Python."""
    takes = (str, str, int)
    for text in ("", "a", "é€😀", '"\\/\b\f\n\r\t\x7f\x01', "\ud800", "\udc00\ud800", "x" * 5000):
        edits = [[0, text], [2, -7]]
        line = '{"jsonrpc":"2.0","id":12,"result":{"code":-3,"used":5,"edits":%s}}\n' % messages._encode(edits)  # noqa: UP031
        described = common_turn.read(line.encode(), common_turn.beginning(12), 0b101, takes)

        assert described is not None
        assert _lane.read(line.encode(), 12, 0b101, takes) == (-3, 5, edits, False)
        assert _lane.read(line.encode().replace(b"]}}\n", b'],"exited":true}}\n'), 12, 0b101, takes) == (
            -3,
            5,
            edits,
            True,
        )
        assert _lane.read(line.encode(), 12, 0b001, takes) is None
        assert _lane.read(line.encode(), 13, 0b101, takes) is None
        for end in range(0, len(line), 1 + len(line) // 99):
            assert _lane.read(line.encode()[:end], 12, 0b101, takes) is None


@given((NEARLY_RESULTS | NEARLY_MESSAGES | RESULTS | PLAIN_ONES).map(
    lambda value: json.dumps(value, separators=(",", ":")).encode() + b"\n"))  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_what_c_understands_is_what_python_does(line: bytes) -> None:
    certain, takes = 0b101, (str, str, int)
    described = common_turn.read(line, common_turn.beginning(2), certain, takes)
    read = _lane.read(line, 2, certain, takes)

    if isinstance(described, Done) and len(described.edits) <= lane.MOST_EDITS:
        assert read == (described.code, described.used, described.edits, described.exited)
    else:
        assert read is None


def test_the_bounds_of_c_are_those_of_python() -> None:
    header = "".join(path.read_text("utf-8") for path in building.sources())
    bounds = {name: int(value) for name, value in re.findall(r"^#define ([A-Z_]+) (\d+)", header, re.MULTILINE)}

    assert bounds["MOST_OF_PLAN"] >= max(MAX_READS, MAX_EDITS)
    assert bounds["MOST_EDITS"] == lane.MOST_EDITS == LOOK_EVERY
    assert bounds["MOST_BYTES"] == select.PIPE_BUF
    assert bounds["LONGEST_VALUE"] == LONGEST_VALUE


@each_lane
@pytest.mark.parametrize(
    ("name", "value"), [("max_line_bytes", 1 << 70), ("max_line_bytes", -(1 << 70)), ("requests", 1 << 70)]
)
def test_numbers_that_only_a_hostile_daemon_says_are_no_error(kind: Any, name: str, value: int) -> None:
    """A daemon that said a longest line of 2^64 bytes was an OverflowError in each exec."""
    with Known(None, kind) as known:
        setattr(known.session, name, value)
        known.holdings.execs = 1 << 70
        made = kind(
            known.conversation.lanes,
            known.generation,
            known.lane.plan,
            foresight=known.generation.foresight,
            entry=None,
        )
        os.write(known.says, PLAIN % (known.session.requests + 1, b"[]"))

        done = made.exec(known.generation, None, MessageHost(INVITE), soon(), ExecOutcome())

        assert done is (name == "max_line_bytes" and value > 0) or kind is lane.Lane
        assert known.holdings.execs == (1 << 70) + (done is True)


class Odd(Session):
    """One whose bytes left over are computed, in the place of a slot."""

    __slots__ = ()

    rest = property(lambda _: b"left over")


@each_lane
def test_what_a_class_computes_is_asked_for_and_what_is_not_there_is_an_error(kind: Any) -> None:
    with Known(kind=kind) as known:
        known.session.__class__ = Odd
        assert known.exec() is False
        known.session.__class__ = Session
        del known.session.rest
        with pytest.raises(AttributeError, match="rest"):
            known.exec()


def test_a_plan_with_an_edit_of_no_text_is_no_plan() -> None:
    """Bug: in C the error was found by whatever was called next."""
    with Known() as known:
        plan = SimpleNamespace(as_json="", all_used=0, reads=(), methods=(("set_s", 1),), takes=(str,))

        with pytest.raises(TypeError, match="expected None or a str for the target of an edit"):
            _lane.Lane(
                known.conversation.lanes,
                known.generation,
                plan,  # type: ignore[arg-type]  # that is what is tested
                foresight=known.generation.foresight,
                entry=None,
            )
