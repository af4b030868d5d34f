"""runner.at_once: the common exec of a program in Python, and that it leaves all others to the runner."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from bisect import bisect_left
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any

import pytest

from runner.build import compile_script
from runner.control.counters import FIRST_BUCKET, FIRST_SUM
from runner.control.outcomes import BOUNDS_NS, EDITS, LOAD, QUESTIONS, QUEUE, TEXTS, TIME, TRUE
from runner.errors import RunnerError, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.job import ExecResult
from runner.lane import choice
from runner.pool.slot import State
from runner.runner import Runner
from tests.places import INVITE, ROOT
from tests.programs import WAIT_S, until
from tests.test_runner import COUNTS, RETURNS, THROWS, compiled, patient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Lock

    from runner.pool.slot import Slot
    from runner.pool.slots import Slots


KILLS = "System.Diagnostics.Process.GetCurrentProcess().Kill(); return 2; } }"


def _has_ended(pid: int) -> bool:
    """All of its threads have, so that its wire is closed: the first may be a zombie while others still end."""
    process = Path(f"/proc/{pid}")
    try:
        state = (process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        return state == "Z" and len(list((process / "task").iterdir())) == 1
    except OSError:
        return True


@pytest.fixture(scope="module", params=["c", "python"])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """In C, where the lane is, and in Python beside that."""
    if request.param == "c" and choice.AtOnce is None:
        pytest.skip("the lane in Python runs here")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "python":
            patch.setattr(choice, "AtOnce", None)
        yield from _runner()


def _runner() -> Iterator[Runner]:
    with Runner(patient(spare_workers=0, num_workers=1, max_workers=1)) as runner:
        yield runner


def at_once(runner: Runner, script: Path, timeout_s: float = WAIT_S) -> ExecResult | None:
    """Its result; None when it is left to the runner."""
    done = runner._at_once.exec(str(script), None, MessageHost(INVITE), timeout_s, None)
    return done if isinstance(done, ExecResult) else None


def warm(runner: Runner, script: Path, param: str | None = None) -> None:
    """Run it, and let upkeep load what else is in use: while it does, the only worker is not free."""
    runner.mono_exec(script, param, host=MessageHost(INVITE))
    if not is_free(runner):
        runner.pools.all()[0].pool.wake.set()
        until(lambda: is_free(runner), "the worker is free, and stays so")


def is_free(runner: Runner) -> bool:
    slots = runner.pools.all()[0].pool.slots
    with slots.lock:
        return all(
            slot.state is State.IDLE and (slot.has(recent) or not slot.fits(recent))
            for slot in slots.all
            for recent in slots.recent.values()
        )


def test_the_second_exec_of_a_build_runs_at_once(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, COUNTS)
    assert at_once(runner, script) is None
    warm(runner, script)
    done = at_once(runner, script)

    assert done is not None
    assert (done.exit_code, done.ok, done.error, done.calls) == (2, False, None, 0)
    assert done.timing.total_us >= done.timing.load_us + done.timing.queue_us + done.timing.run_us > 0


def test_what_asks_and_is_done_at_once_says_so(runner: Runner) -> None:
    script = compile_script(ROOT / "bench" / "scripts" / "Three.cs")
    for _ in range(5):  # calls are asked for, learned, and planned
        warm(runner, script)

    done = at_once(runner, script)

    assert done is not None
    assert (done.ok, done.calls) == (True, 3)


def test_it_is_counted_by_script_and_build(runner: Runner) -> None:
    script = compile_script(ROOT / "bench" / "scripts" / "Three.cs")
    for _ in range(5):
        warm(runner, script)
    generation = runner.scripts.current(str(script))
    before = list(runner._counts._counted.row(generation.path, generation.id))

    assert at_once(runner, script) is not None

    after = runner._counts._counted.row(generation.path, generation.id)
    more = [now - then for then, now in zip(before, after, strict=True)]
    assert (more[TRUE], sum(more[:FIRST_BUCKET]), sum(more[FIRST_BUCKET:FIRST_SUM])) == (1, 1, 1)
    assert (more[EDITS], more[QUESTIONS], more[TEXTS]) == (2, 0, 0)
    assert more[TIME] > more[QUEUE] + more[LOAD] > 0
    bucket = more[FIRST_BUCKET:FIRST_SUM].index(1)
    assert bucket == bisect_left(BOUNDS_NS, more[TIME])


def test_a_change_is_live_for_the_next_exec(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, COUNTS)
    warm(runner, script)
    compiled(tmp_path, COUNTS.replace("++n", "40 + ++n"))

    assert runner.mono_exec(script, host=MessageHost(INVITE)).exit_code == 41


def test_what_throws_keeps_its_worker_and_is_told_as_by_the_runner(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, THROWS)
    texts = []
    for _ in range(3):
        error = runner.mono_exec(script, host=MessageHost(INVITE)).error
        texts.append(str(error))

    assert len(set(texts)) == 1
    assert str(script) in texts[0]


def test_a_worker_that_ended_while_it_was_idle_is_replaced_unseen(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, RETURNS)
    warm(runner, script)
    (pid,) = runner.snapshot().pids
    os.kill(pid, signal.SIGKILL)
    until(lambda: _has_ended(pid), "it has ended")

    assert runner.mono_exec(script, "5", host=MessageHost(INVITE)).exit_code == 5
    assert runner.snapshot().pids != (pid,)


def test_without_time_and_while_something_is_refused_it_is_left_to_the_runner(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, RETURNS)
    warm(runner, script)

    assert at_once(runner, script, timeout_s=0) is None
    runner.poison.until[None, "x", ""] = ("x", 0.0)
    try:
        assert at_once(runner, script) is None
    finally:
        runner.poison.until.clear()
    assert at_once(runner, script) is not None


def test_a_script_that_kills_its_worker_is_not_run_again_on_another_one(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, 'class S { static int Main(string[] a) { if (a[0] == "1") return 1; ' + KILLS)
    for _ in range(2):
        warm(runner, script, "1")

    result = runner.mono_exec(script, "2", host=MessageHost(INVITE))

    assert isinstance(result.error, WorkerDied)
    assert runner.mono_exec(script, "1", host=MessageHost(INVITE)).exit_code == 1


def set_reason(slot: Slot, _slots: Slots) -> None:
    slot.retire_reason = "it has to go"


def reach_jobs(slot: Slot, _slots: Slots) -> None:
    slot.max_jobs = slot.living.holdings.execs + 1


def reach_loads(slot: Slot, slots: Slots) -> None:
    slot.living.holdings.loads = slots.settings.max_loads


def reach_age(slot: Slot, slots: Slots) -> None:
    slots.settings = slots.settings.model_copy(update={"ttl_s": 1000.0})
    slot.living.started_at -= 1001


def say_retire(slot: Slot, _slots: Slots) -> None:
    slot.living.holdings.retire_reason = "threads"


def outgrow(_slot: Slot, slots: Slots) -> None:
    slots.settings = slots.settings.model_copy(update={"max_worker_memory_mib": 1})


@pytest.mark.parametrize("spoil", [set_reason, reach_jobs, reach_loads, reach_age, say_retire, outgrow])
def test_a_worker_that_must_not_serve_on_is_not_free_after_its_exec(
    runner: Runner, tmp_path: Path, spoil: Callable[[Slot, Slots], None]
) -> None:
    script = compiled(tmp_path, RETURNS)
    warm(runner, script)
    warm(runner, script)
    kept = runner.pools.all()[0]
    slots = kept.pool.slots
    slot, settings = slots.released, slots.settings
    assert slot is not None
    with kept.upkeep._ticking:  # it would retire an idle one as well
        spoil(slot, slots)
        try:
            assert at_once(runner, script) is not None
            assert slot not in slots.all
        finally:
            slots.settings = settings
    assert runner.mono_exec(script, "5", host=MessageHost(INVITE)).exit_code == 5


def test_a_worker_that_is_behind_and_a_start_that_failed_are_remembered_no_longer(
    runner: Runner, tmp_path: Path
) -> None:
    script = compiled(tmp_path, RETURNS)
    warm(runner, script)
    warm(runner, script)
    slots = runner.pools.all()[0].pool.slots
    slot = slots.released
    assert slot is not None
    slot.is_behind = True
    slots.start_error = RunnerError("no more processes")

    assert at_once(runner, script) is not None

    left: tuple[bool, Exception | None] = slot.is_behind, slots.start_error
    assert left == (False, None)
    assert slots.released is slot


@pytest.mark.parametrize(
    "lock_of", [lambda runner: runner.pools.all()[0].pool.slots.lock, lambda runner: runner._counts._lock]
)
def test_it_waits_for_whoever_has_a_lock(runner: Runner, tmp_path: Path, lock_of: Callable[[Runner], Lock]) -> None:
    script = compiled(tmp_path, RETURNS)
    warm(runner, script)
    warm(runner, script)
    ends = threading.Event()

    def run() -> None:
        warm(runner, script)
        ends.set()

    thread = threading.Thread(target=run)
    with lock_of(runner):
        thread.start()
        assert not ends.wait(0.1)
    thread.join(WAIT_S)
    assert ends.is_set()


def test_ctrl_c_before_the_script_runs_gives_the_slot_back_in_c(runner: Runner, tmp_path: Path) -> None:
    """Bug: its slot stayed leased, and with one worker nothing ran any more."""
    if isinstance(runner._at_once.exec, MethodType):
        pytest.skip("Ctrl-C may come between any two steps in Python")
    script = compiled(tmp_path, RETURNS)
    for _ in range(2):
        warm(runner, script, "1")
    slot, generation = runner.pools.all()[0].pool.slots.released, runner.scripts.current(str(script))
    assert slot is not None
    until(
        lambda: (runner.scripts.current(str(script)), runner.scripts.stamps(str(script)))[1], "it was not just compiled"
    )
    ran: Any = slot.living.holdings.ran

    class Fails:
        def __eq__(self, _: object) -> bool:
            ran[generation.path] = generation.id
            raise KeyboardInterrupt

        __hash__ = None  # type: ignore[assignment]  # it is no key

    ran[generation.path] = Fails()
    with pytest.raises(KeyboardInterrupt):
        at_once(runner, script)

    assert slot.state is State.IDLE
    assert runner.mono_exec(script, "5", host=MessageHost(INVITE)).exit_code == 5


def test_ctrl_c_before_the_script_runs_is_not_lost(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, RETURNS)
    for _ in range(2):
        warm(runner, script, "1")

    class Interrupted(MessageHost):
        times = 0

        def expand(self, text: str) -> str:
            self.times += 1
            if self.times == 1:
                raise KeyboardInterrupt
            return super().expand(text)

    with pytest.raises(KeyboardInterrupt):
        runner._at_once.exec(str(script), "$ru", Interrupted(INVITE), WAIT_S, None)
    assert at_once(runner, script) is not None


def calls_of_this_thread() -> tuple[int, int]:
    """How many reads and writes it has made."""
    told = dict(line.split(": ") for line in Path("/proc/thread-self/io").read_text("ascii").splitlines())
    return int(told["syscr"]), int(told["syscw"])


def test_an_exec_is_one_write_and_one_read(runner: Runner) -> None:
    """``python -m bench.syscalls`` shows it on both sides. A read that finds nothing yet is made again after a poll."""
    script = compile_script(ROOT / "bench" / "scripts" / "Three.cs")
    for _ in range(5):  # calls are asked for, learned, and planned
        warm(runner, script)
    until(
        lambda: (runner.scripts.current(str(script)), runner.scripts.stamps(str(script)))[1], "it was not just compiled"
    )
    looking = [after - before for before, after in zip(calls_of_this_thread(), calls_of_this_thread(), strict=True)]

    before = calls_of_this_thread()
    for _ in range(20):
        warm(runner, script)
    after = calls_of_this_thread()
    reads, writes = (now - then - look for then, now, look in zip(before, after, looking, strict=True))

    assert writes == 20
    assert 20 <= reads <= 40


def test_it_gives_back_what_it_took(runner: Runner, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")  # what is logged is kept by pytest
    source = "class S { static int Main(string[] a) { if (a.Length > 0) throw new System.Exception(); return 1; } }"
    script = compiled(tmp_path, source)
    for _ in range(3):
        warm(runner, script)
    slot = runner.pools.all()[0].pool.slots.released
    watched = (slot, runner.scripts.current(str(script)), runner._at_once, runner.pools, str, None)

    def once() -> None:
        for param in (None, "x", None):
            runner._at_once.exec(str(script), param, MessageHost(INVITE), WAIT_S, None)
        assert at_once(runner, script, timeout_s=0) is None
        assert at_once(runner, tmp_path / "none.exe") is not None

    for _ in range(120):  # until the tables of Python itself have grown
        once()
    gc.collect()
    before, blocks = [sys.getrefcount(it) for it in watched], sys.getallocatedblocks()
    for _ in range(60):
        once()
    gc.collect()

    more = [sys.getrefcount(it) - count for it, count in zip(watched, before, strict=True)]
    assert all(abs(count) < 50 for count in more), more  # of 180 execs
    assert abs(sys.getallocatedblocks() - blocks) < 300
