"""runner.lane: an exec in one function, in Python and in C, and that it is no other than the conversation's own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.calls import CALLS
from runner.errors import ExecTimeout, HostFault, RunnerError, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.hosts.recorded import Recorded
from runner.lane import _lane, lane
from runner.scripts.foresight import EMPTY
from runner.wire.channel import Channel
from runner.wire.events import CAN_UNSAID
from runner.wire.session import Session, State
from runner.worker.conversation import Conversation
from runner.worker.holdings import Holdings
from runner.worker.outcome import LOOK_EVERY, ExecOutcome
from tests.places import INVITE
from tests.pool.test_warming import build
from tests.scripts.test_plans import learned
from tests.wire.test_session import NEARLY_MESSAGES, NEARLY_RESULTS
from tests.worker.bridges import PID, PLAN
from tests.worker.workers import soon

LANES = {"python": lane.Lane, "c": _lane.Lane}
each_lane = pytest.mark.parametrize("kind", LANES.values(), ids=LANES)
PLAIN = b'{"jsonrpc":"2.0","id":%d,"result":{"code":0,"used":0,"edits":%s}}\n'
LIMIT = 64 * 1024


class Known:
    """A worker that has run a build once, so that there is a lane. Its answers are in the pipe before it is asked."""

    def __init__(self, foresight: Any = None, kind: Any = lane.Lane, *, is_plain: bool = True) -> None:
        self.hears, our_writes = os.pipe()
        our_reads, self.says = os.pipe()
        self.generation = build()
        if foresight is not None:
            object.__setattr__(self.generation, "foresight", foresight)
        self.holdings = Holdings(can=CAN_UNSAID)
        self.session = Session(LIMIT, State.IDLE)
        self.channel = Channel(our_reads, our_writes)
        self.conversation = Conversation(self.channel, self.session, PID, follows=0, holdings=self.holdings)
        os.write(self.says, PLAIN % (1, b"[]"))
        self.conversation.exec(self.generation, None, MessageHost(INVITE), soon())
        self.heard()
        lanes, key = self.conversation._lanes, (self.generation.id, None)
        foresight, plan = self.generation.foresight, self.generation.foresight.plan
        if not is_plain:
            foresight = learned()  # it has another plan than the lane, which is not plain any more
        self.lane = kind(lanes, self.generation, plan, foresight=foresight, entry=None)
        assert lanes.by_build[key].plan is plan
        lanes.by_build[key] = self.lane

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.conversation.end()
        os.close(self.hears)
        with contextlib.suppress(OSError):
            os.close(self.says)

    def heard(self) -> bytes:
        return os.read(self.hears, LIMIT) if select.select([self.hears], [], [], 0)[0] else b""

    def exec(
        self, host: Any = None, *, deadline: float | None = None, outcome: ExecOutcome | None = None
    ) -> bytes | bool:
        """The lane's own."""
        deadline = soon() if deadline is None else deadline
        done: bytes | bool = self.lane.exec(
            self.generation, None, host or MessageHost(INVITE), deadline, outcome or ExecOutcome()
        )
        return done


class Arbitrary(MessageHost):
    """Has these values, refuses these edits, and calls these certain; a value that is an exception is raised."""

    def __init__(self, values: list[Any], *, refuses: bool, is_sure: bool) -> None:
        super().__init__(INVITE)
        self._values, self._refuses, self._is_sure = values, refuses, is_sure

    def again(self) -> Arbitrary:
        return Arbitrary(self._values, refuses=self._refuses, is_sure=self._is_sure)

    def get_s(self, name: str) -> str | None:
        value: str | Exception | None = self._values[len(name) % len(self._values)]
        if isinstance(value, Exception):
            raise value
        return value

    def set_s(self, name: str, value: str) -> int:
        return -1 if self._refuses else super().set_s(name, value)

    def is_certain(self, _call: str, _target: str) -> bool:
        return self._is_sure


def seen(known: Known, answer: bytes, host: Any, param: str | None) -> tuple[Any, ...]:
    """All that an exec with this answer, after which the stream ends, leaves behind."""
    recorded, outcome = Recorded(host), ExecOutcome()
    os.write(known.says, answer)
    os.close(known.says)
    failure: BaseException | None = None
    try:
        known.conversation.exec(known.generation, param, recorded, soon(), outcome=outcome)
    except RunnerError as error:
        failure = error
    foresight = known.generation.foresight
    return (
        (type(failure), str(failure), {name: getattr(outcome, name) for name in dir(ExecOutcome) if name[0] != "_"
                                       and not callable(getattr(outcome, name))}),
        (known.session.where(), known.session.depth, known.heard()),
        (recorded.calls, host.logs, host.message_bytes(), host.reply_headers),
        (known.holdings.execs, known.holdings.loads, known.holdings.ran, known.holdings.retire_reason),
        (foresight.plan, foresight._unused, foresight._once),
    )  # fmt: skip


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
        known.conversation.exec(known.generation, None, MessageHost(INVITE), time.monotonic() + 0.05)

    assert known.holdings.execs == 2


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

        assert list(known.conversation._lanes.by_build) == [(known.generation.id, None)]


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

        assert known.conversation._lanes.by_build[known.generation.id, None] is own
        assert own.plan is not EMPTY
