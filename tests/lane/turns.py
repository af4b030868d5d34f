"""One exec in a lane over real pipes, with an answer that is there before it is asked, and what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import select
from typing import Any, Self

from runner.errors import RunnerError
from runner.hosts.embedded.host import MessageHost
from runner.hosts.recorded import Recorded
from runner.lane import _lane, lane
from runner.wire.channel import Channel
from runner.wire.events import CAN_UNSAID
from runner.wire.session import Session, State
from runner.worker.conversation import Conversation
from runner.worker.holdings import Holdings
from runner.worker.outcome import ExecOutcome
from tests.places import INVITE
from tests.pool.test_warming import build
from tests.scripts.test_plans import learned
from tests.worker.bridges import PID
from tests.worker.workers import soon

LANES = {"python": lane.Lane, "c": _lane.Lane}
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
        lanes, key = self.conversation.lanes, (self.generation.id, None)
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


ASKS = (
    ("PV.GetS", ("$ru",)), ("PV.GetS", ("$var(a)",)), ("PV.SetS", ("$rU", "1")), ("PV.SetS", ("$var(a)", "1")),
    ("PV.SetI", ("$var(b)", 1)), ("HDR.Append", ("X: 1\r\n",)),
)  # fmt: skip
DEEP = b'{"jsonrpc":"2.0","id":2,"result":{"code":%s,"used":%s,"edits":[%s]}}\n'


def one_turn(data: bytes) -> None:
    """
    One exec whose values and answer are made of arbitrary bytes: all lanes leave behind what the conversation does.

    The first byte says which calls are foreseen, the second whether the rest is the answer or parts of a usual one.
    """
    which, how, rest = data[0:1] or b"\0", data[1:2], data[2:]
    asks = [ask for number, ask in enumerate(ASKS) if which[0] >> number & 1]
    text, _, answer = rest.partition(b"\n\n")
    if how < b"\x80":
        code, used, edits = [part or b"0" for part in [*answer.split(b"\n"), b"", b""][:3]]
        answer = DEEP % (code, used, edits)
    value = text.decode("utf-8", "surrogateescape")
    lefts = []
    for kind, is_plain in ((lane.Lane, False), (lane.Lane, True), (_lane.Lane, True)):
        host = Arbitrary([value, None], refuses=how == b"\x01", is_sure=how != b"\x02")
        with Known(learned(*asks), kind, is_plain=is_plain) as known:
            lefts.append(seen(known, answer[:LIMIT], host, value if how != b"\x03" else None))
    assert lefts[0] == lefts[1] == lefts[2], (data, lefts)  # what a fuzzer looks for
