"""The lane in C gives back every reference that it takes: memory is flat over many execs, of every sort."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from runner.errors import HostFault
from runner.hosts.embedded.host import MessageHost
from runner.lane import _lane
from runner.wire.session import AFTER_EXEC, AFTER_RESULT, State
from runner.worker.outcome import ExecOutcome
from runner.worker.worker import rss_kib
from tests.lane.turns import Arbitrary, Known
from tests.places import INVITE
from tests.scripts.test_plans import learned
from tests.worker.workers import soon

if TYPE_CHECKING:
    from collections.abc import Callable

EXECS = int(os.environ.get("LANE_EXECS", "30000"))
MOST_S = float(os.environ.get("LANE_SECONDS", "3"))
ROUND = 20  # execs whose answers are in the pipe at once
ASKED = (
    ("PV.GetS", ("$ru",)), ("PV.GetS", ("$var(a)",)), ("PV.SetS", ("$rU", "1")), ("PV.SetS", ("$var(a)", "1")),
    ("PV.SetI", ("$var(b)", 1)),
)  # fmt: skip
RESULT = '{"jsonrpc":"2.0","id":%d,"result":{"code":%s,"used":3,"edits":[%s]}}\n'
PLAIN = (1000, '[0,"1"],[1,"caf\\u00e9 \\ud83d\\ude00 \\udcff"],[2,123456]')
BROKEN = ((1001, '[0,"1"],[1,7]'), (1002, '[1,"a"],[1,"b"'), (1003, '[0,"\\x"]'), (1004, "[2,1.5]"))


class Raises(MessageHost):
    """Fails at each value, and at each edit."""

    def get_s(self, name: str) -> str | None:
        raise ValueError(name)

    def set_s(self, name: str, value: str) -> int:
        raise ValueError(name, value)

    def is_certain(self, _call: str, _target: str) -> bool:
        return True


def plain(known: Known) -> None:
    host: Any = Arbitrary(["sip:\ud800\udcff@é", "x" * 2000, None], refuses=False, is_sure=True)
    assert run(known, PLAIN, host, 'é"\\\x7f') is True


def refused(known: Known) -> None:
    for host in (Raises(INVITE), Arbitrary([ValueError()], refuses=True, is_sure=True)):
        try:
            run(known, PLAIN, host, None)
        except HostFault as fault:
            assert "which it had declared certain" in str(fault)  # noqa: PT017  # raises() keeps what it caught
        else:
            raise AssertionError


def not_plain(known: Known) -> None:
    for result in BROKEN:
        assert isinstance(run(known, result, MessageHost(INVITE), ""), bytes)
        known.session.state = AFTER_RESULT  # as the session would make it
        known.session.begun("", 0, ())


def not_sent(known: Known) -> None:
    assert known.exec(deadline=0.0) is False
    assert known.lane.exec(known.generation, "x" * 5000, MessageHost(INVITE), soon(), ExecOutcome()) is False
    assert known.lane.exec(known.generation, 1, MessageHost(INVITE), soon(), ExecOutcome()) is False
    for arguments in ((), (known.generation, None, None, "now", None)):
        try:
            known.lane.exec(*arguments)
        except TypeError:
            continue
        raise AssertionError


def run(known: Known, result: tuple[int, str], host: Any, param: str | None) -> bytes | bool:
    os.write(known.says, (RESULT % (known.session.requests + 1, *result)).encode())
    try:
        done: bytes | bool = known.lane.exec(known.generation, param, host, soon(), ExecOutcome())
    finally:
        known.heard()
    return done


def objects(known: Known) -> dict[str, int]:
    """How many references there are to what the lane gives away and keeps."""
    watched = (
        None, True, False, 0, "get_s", "set_s", str, int, bytes, list, AFTER_EXEC, AFTER_RESULT, State, HostFault,
        known.lane, known.generation, known.lane.plan, known.session, known.holdings, known.channel, ExecOutcome,
    )  # fmt: skip
    return {f"{number}: {type(it).__name__}": sys.getrefcount(it) for number, it in enumerate(watched)}


def test_every_way_through_an_exec_gives_back_what_it_took(caplog: Any) -> None:
    caplog.set_level("CRITICAL")  # what is logged is kept by pytest
    ways: tuple[Callable[[Known], None], ...] = (plain, refused, not_plain, not_sent)
    with Known(learned(*ASKED), _lane.Lane) as known:
        for way in ways:
            for _ in range(150):
                way(known)
            gc.collect()
            before, blocks = objects(known), sys.getallocatedblocks()
            for _ in range(150):
                way(known)
            gc.collect()
            grown = {name: count - before[name] for name, count in objects(known).items()}

            assert {name: more for name, more in grown.items() if abs(more) > 20} == {}, way.__name__
            assert abs(sys.getallocatedblocks() - blocks) < 150, way.__name__


def test_memory_is_flat_over_many_execs() -> None:
    """``make test-lanes`` makes a million of them."""
    with Known(learned(*ASKED), _lane.Lane) as known:
        host, done, until = MessageHost(INVITE), 0, time.monotonic() + MOST_S
        first = 0
        while done < EXECS and time.monotonic() < until:
            for number in range(ROUND):
                assert run(known, (done + number, PLAIN[1]), host, "a") is True
            host.context.edits.edits.clear()
            done += ROUND
            first = first or (rss_kib(os.getpid()) if done >= EXECS // 10 else 0)

        assert known.session.requests == done + 1
        assert first == 0 or rss_kib(os.getpid()) < first + 2048


def test_looks_and_answers_give_back_what_they_took(tmp_path: Any) -> None:
    path, missing = str(tmp_path).encode(), str(tmp_path / "none").encode()
    stamp = (1, 2, 3, 4, 5)
    line = (RESULT % (2, *PLAIN)).encode()

    def once() -> None:
        looks = _lane.Looks(((path, stamp, False), (missing, stamp, True)))
        assert looks.hold() is False
        assert looks.holding() == 0
        for wrong in (((path, stamp),), ((path, stamp[1:], True),), ((b"a\0", stamp, True),)):
            try:
                _lane.Looks(((path, stamp, False), *wrong))
            except (TypeError, ValueError):
                continue
            raise AssertionError
        assert _lane.read(line, 2, 7, (str, str, int)) is not None
        assert _lane.read(line[:-9], 2, 7, (str, str, int)) is None

    for _ in range(150):
        once()
    blocks = sys.getallocatedblocks()
    for _ in range(150):
        once()

    assert abs(sys.getallocatedblocks() - blocks) < 100
