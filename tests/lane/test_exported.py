"""What app_python3 calls, in C, does what kamailio/app_mono.py does, or leaves it to that."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.client import lease as lease_module
from runner.hosts.kamailio import guards
from runner.hosts.kamailio import host as host_module
from runner.lane import building, choice
from runner.scripts.stamps import Stamp, Stamps
from runner.worker.worker import rss_kib
from tests.lane.borrowed import LEFT, Borrowed, Ksr
from tests.lane.test_lane import ANSWERS, PLAIN_ONES, TEXTS, as_lines
from tests.lane.test_references import EXECS, MOST_S, ROUND
from tests.scripts.test_plans import learned

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(choice.NAME != "c", reason="app_mono.py has it where the lane in C runs")

READS = (
    ("PV.GetS", ("$ru",)), ("PV.GetS", ("$var(a)",)), ("PV.GetI", ("$var(b)",)), ("PV.GetS", ("$fu",)),
)  # fmt: skip
EDITS = (
    ("PV.SetS", ("$rU", "1")), ("PV.SetS", ("$var(a)", "1")), ("PV.SetI", ("$var(b)", 1)),
    ("HDR.Append", ("X: 1\r\n",)), ("HDR.AppendToReply", ("X: 1\r\n",)), ("HDR.Remove", ("X",)),
    ("HDR.Insert", ("X: 1\r\n",)),
)  # fmt: skip
ASKS = st.tuples(
    st.lists(st.sampled_from(READS), max_size=3, unique=True), st.lists(st.sampled_from(EDITS), max_size=4, unique=True)
).map(lambda both: both[0] + both[1])
FAULTS = st.sampled_from(
    [UnicodeDecodeError("utf-8", b"\xff", 0, 1, ""), SystemError("no such variable"), ValueError("NUL"), OSError()]
)
VALUES = (
    TEXTS
    | st.none()
    | st.integers(-(1 << 33), 1 << 33)
    | st.booleans()
    | st.sampled_from(["sip:bob@example.com", "sips:a@b", "sip:" + "a" * 600, "sip:é@b"])
    | FAULTS
)
NAMES = ("$ru", "$rd", "$fu", "$var(a)", "$var(b)", "$msg(hdrc)")
TABLES = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, VALUES))
USUAL = {"$ru": "sip:bob@example.com", "$rd": "example.com", "$msg(hdrc)": 9, "$fu": "sip:a@b", "$var(b)": 7}


@given(
    ASKS,
    as_lines(PLAIN_ONES) | ANSWERS,
    TABLES | st.just(USUAL),
    st.booleans(),
    st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
)
@settings(deadline=None, max_examples=400)
def test_what_is_called_leaves_behind_what_python_does(
    asks: list[Any],
    answer: bytes,
    values: dict[str, Any],
    refuses: bool,  # noqa: FBT001
    param: str | None,
) -> None:
    lefts = []
    for is_exported in (False, True):
        ksr = Ksr(values, refuses=refuses)
        with Borrowed(learned(*asks)) as borrowed:
            os.write(borrowed.says, answer)
            os.close(borrowed.says)
            if is_exported:
                line = borrowed.path if param is None else f"{borrowed.path} {param}"
                result = borrowed.exported(ksr).mono_exec("msg", line)
                if result == LEFT:  # nothing was sent
                    assert ksr.changes == []
                    result = borrowed.run(ksr, param)
            else:
                result = borrowed.run(ksr, param)
            lefts.append((result, ksr.changes, *borrowed.left_behind()))

    assert lefts[1] == lefts[0]


def test_the_common_exec_is_done_and_counted_without_python() -> None:
    with Borrowed(learned(*READS, *EDITS[:-1])) as borrowed:
        ksr = Ksr(USUAL)
        exported = borrowed.exported(ksr)
        before = list(borrowed.lease.tally._row or ())
        borrowed.answer(2, b'[[0,"123"],[1,"x"],[2,5],[3,"A: b"],[4,"C: d"],[5,"X"]]')

        assert exported.mono_exec("msg", f"{borrowed.path} a b") == 1

        assert borrowed.went_on == []
        assert ksr.changes == [
            ("sets", "$rU", "123"), ("sets", "$var(a)", "x"), ("seti", "$var(b)", 5), ("append", "A: b"),
            ("append_to_reply", "C: d"), ("remove", "X"),
        ]  # fmt: skip
        line = borrowed.heard()
        assert b'"param":"a b"' in line
        assert b'["sip:bob@example.com",null,7,"sip:a@b"]' in line
        assert sum(borrowed.lease.tally._row or ()) > sum(before)
        borrowed.answer(3, b"[]")
        assert exported.mono_run("msg") == 1
        assert borrowed.holdings.execs == 3


@pytest.mark.parametrize(
    "arguments", [(), ("msg",), ("msg", ""), ("msg", '"a b" c'), ("msg", " x"), ("msg", b"x"), (1,) * 3]
)
def test_arguments_of_another_form_are_left_to_python(arguments: Any) -> None:
    with Borrowed() as borrowed:
        assert borrowed.exported(Ksr({})).mono_exec(*arguments) == LEFT
        assert borrowed.exported(Ksr({})).mono_run("msg", 1) == LEFT
        assert borrowed.heard() == b""


def _news(borrowed: Borrowed) -> None:
    borrowed.daemon.send(b"{")


def _hung_up(borrowed: Borrowed) -> None:
    borrowed.daemon.close()


def _no_daemon(borrowed: Borrowed) -> None:
    borrowed.lease._link.control.close()  # type: ignore[union-attr]
    borrowed.lease._link.control = None


def _another_process(borrowed: Borrowed) -> None:
    borrowed.lease._process += 1


def _within(borrowed: Borrowed) -> None:
    borrowed.lease.within.running.append(borrowed.generation)


def _spent(borrowed: Borrowed) -> None:
    borrowed.held.most_execs = borrowed.holdings.execs


def _loaded_out(borrowed: Borrowed) -> None:
    borrowed.held.most_loads = borrowed.holdings.loads


def _refused(borrowed: Borrowed) -> None:
    borrowed.lease._refusals.add([(borrowed.path, "call", 10.0)])


def _wanted_back(borrowed: Borrowed) -> None:
    borrowed.held.wanted_back = "drain"


def _given_back(borrowed: Borrowed) -> None:
    borrowed.held.keep = False


def _fresh(borrowed: Borrowed) -> None:
    borrowed.held.fresh = True


def _first(borrowed: Borrowed) -> None:
    borrowed.held.first = borrowed.generation


def _slow(borrowed: Borrowed) -> None:
    borrowed.lease.tally.watch(0.1, 0.0)


def _asked_again(borrowed: Borrowed) -> None:
    borrowed.script.stamps = None


def _changed(borrowed: Borrowed) -> None:
    borrowed.script.stamps = Stamps({"/": Stamp(1, 2, 3, 4, 5)})


def _not_run(borrowed: Borrowed) -> None:
    borrowed.holdings.ran.clear()


def _not_loaded(borrowed: Borrowed) -> None:
    borrowed.holdings.loaded.clear()


def _no_lane(borrowed: Borrowed) -> None:
    borrowed.conversation.lanes.forget([borrowed.generation.id])


def _no_worker(borrowed: Borrowed) -> None:
    borrowed.lease._workers.current = None


def _unknown(borrowed: Borrowed) -> None:
    borrowed.lease._known.scripts.clear()


def _another_runtime(borrowed: Borrowed) -> None:
    borrowed.holdings.runtime = "node"


OTHERS = [
    _another_runtime,
    _news, _hung_up, _no_daemon, _another_process, _within, _spent, _loaded_out, _refused, _wanted_back, _given_back,
    _fresh, _first, _slow, _asked_again, _changed, _not_run, _not_loaded, _no_lane, _no_worker, _unknown,
]  # fmt: skip


@pytest.mark.parametrize("become", OTHERS)
def test_what_is_not_common_is_left_to_python_and_nothing_is_sent(become: Callable[[Borrowed], None]) -> None:
    with Borrowed() as borrowed:
        exported = borrowed.exported(Ksr({}))
        borrowed.answer(2, b"[]")
        assert exported.mono_exec("msg", borrowed.path) == 1  # until now it is common
        borrowed.heard()
        become(borrowed)
        exported = borrowed.exported(Ksr({})) if become in {_news, _hung_up, _another_process} else exported

        assert exported.mono_exec("msg", borrowed.path) == LEFT

        assert borrowed.heard() == b""
        borrowed.lease.within.running.clear()


def test_news_are_looked_for_every_ten_milliseconds() -> None:
    with Borrowed() as borrowed:
        exported = borrowed.exported(Ksr({}))
        borrowed.answer(2, b"[]")
        assert exported.mono_exec("msg", borrowed.path) == 1
        borrowed.daemon.send(b"{")
        until, number, result = time.monotonic() + 5, 3, 1
        while result == 1 and time.monotonic() < until:
            borrowed.answer(number, b"[]")
            result = exported.mono_exec("msg", borrowed.path)
            number += 1

        assert result == LEFT
        assert exported.mono_exec("msg", borrowed.path) == LEFT  # until Python has heard them


def test_a_forked_child_leaves_its_first_exec_to_python() -> None:
    with Borrowed() as borrowed:
        exported = borrowed.exported(Ksr({}))
        child = os.fork()
        if not child:
            os._exit(exported.mono_exec("msg", borrowed.path))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == LEFT
        borrowed.answer(2, b"[]")
        assert exported.mono_exec("msg", borrowed.path) == 1


def test_a_lease_that_has_begun_again_is_looked_at_again() -> None:
    with Borrowed() as borrowed:
        exported = borrowed.exported(Ksr({}))
        borrowed.answer(2, b"[]")
        assert exported.mono_exec("msg", borrowed.path) == 1
        borrowed.lease.close()

        assert exported.mono_exec("msg", borrowed.path) == LEFT


def test_no_exception_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise KeyboardInterrupt

    caught: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: caught.append(type(unraisable.exc_value)))
    with Borrowed(learned(READS[0])) as borrowed:
        monkeypatch.setattr(borrowed, "go_on", fails)

        assert borrowed.exported(Ksr({"$ru": KeyboardInterrupt()})).mono_exec("msg", borrowed.path) == -1

        assert caught == [KeyboardInterrupt]
        assert borrowed.heard() == b""


def test_the_handler_of_a_signal_that_raises_costs_the_worker_and_nothing_else() -> None:
    class Stop(Exception):
        pass

    with Borrowed() as borrowed:
        exported = borrowed.exported(Ksr({}))

        def stop(*_: object) -> None:
            if borrowed.heard():  # the worker was asked: before that it is not the call that is interrupted
                raise Stop

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        try:
            assert exported.mono_exec("msg", borrowed.path) == "Stop: "
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert isinstance(borrowed.went_on[0], Stop)
        assert borrowed.lease._workers.current is None


def test_its_bounds_are_those_of_python() -> None:
    text = "".join(path.read_text("utf-8") for path in building.sources())
    bounds = {name: float(value) for name, value in re.findall(r"^#define ([A-Z_]+) \(?(-?[\d.]+)", text, re.MULTILINE)}

    assert bounds["LISTEN_S"] == lease_module.LISTEN_S
    assert bounds["LONGEST_SURE_URI"] == host_module._LONGEST_URI
    assert bounds["LONGEST_NAME_BYTES"] == host_module._LONGEST_NAME_BYTES
    assert bounds["LONGEST_URI"] == guards._LONGEST_URI
    assert (bounds["END_OF_ROUTING"], bounds["IS_TRUE"], bounds["IS_FALSE"]) == (0, 1, -1)


def test_it_gives_back_what_it_took() -> None:
    with Borrowed(learned(*READS, *EDITS[:4])) as borrowed:
        edits = b'[[0,"123"],[1,"caf\\u00e9"],[2,123456],[3,"A: b"]]'
        turns: Any = (({}, b"[]"), (USUAL, edits), ({"$ru": SystemError(), "$var(b)": 1 << 40}, b"[]"))
        made = [(borrowed.exported(Ksr(table)), answer) for table, answer in turns]
        line = f"{borrowed.path} param"

        def once() -> None:
            for exported, answer in made:
                borrowed.answer(borrowed.conversation.session.requests + 1, answer, used=15)
                assert exported.mono_exec("msg", line) == 1
                borrowed.heard()
                exported.mono_exec("msg", '"x')
                exported.mono_run("msg", 1)
            borrowed.exported(Ksr(USUAL))

        for _ in range(100):
            once()
        gc.collect()
        watched = (borrowed.generation, borrowed.held, borrowed.script, borrowed.lease, line, None, True, made[0][0])
        before, blocks = [sys.getrefcount(it) for it in watched], sys.getallocatedblocks()
        for _ in range(200):
            once()
        gc.collect()

        more = [sys.getrefcount(it) - count for it, count in zip(watched, before, strict=True)]
        assert all(abs(count) < 100 for count in more), more  # of 600 execs
        assert abs(sys.getallocatedblocks() - blocks) < 3500  # the changes that the tables keep
        assert borrowed.went_on == []


def test_memory_is_flat_over_many_calls() -> None:
    """``make test-lanes`` makes a million of them."""
    with Borrowed(learned(*READS, *EDITS[:4])) as borrowed:
        ksr = Ksr(USUAL)
        exported, line = borrowed.exported(ksr), f"{borrowed.path} param"
        done = first = 0
        until = time.monotonic() + MOST_S
        while done < EXECS and time.monotonic() < until:
            for _ in range(ROUND):
                borrowed.answer(borrowed.conversation.session.requests + 1, b'[[0,"123"],[3,"A: b"]]', used=15)
                assert exported.mono_exec("msg", line) == 1
                borrowed.heard()
            ksr.changes.clear()
            done += ROUND
            first = first or (rss_kib(os.getpid()) if done >= EXECS // 10 else 0)

        assert borrowed.holdings.execs == done + 1
        assert first == 0 or rss_kib(os.getpid()) < first + 2048
