"""runner.daemon.choice: which worker of its runtime a client gets; with processes in test_languages.py."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from runner.control.messages import Report
from runner.daemon.borrower import MAX_LOANS
from runner.daemon.choice import Choice
from runner.errors import PoolExhausted, WorkerFailedToStart
from runner.pool.pool import Pool
from runner.pool.queue import Request
from runner.settings import Settings
from tests.daemon.borrowers import Lent, build, client
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from runner.cluster.far import Far
    from runner.pool.slot import Slot
    from runner.runner import Runner
    from runner.scripts.generation import Generation, Helper
    from runner.worker.worker import Worker


class OnePool:
    """The pools of a runner whose only pool is a real one, of workers that never start."""

    def __init__(self, settings: Settings) -> None:
        self.pool = Pool(settings, start_none)

    @property
    def pools(self) -> OnePool:
        return self

    def of(self, _runtime: str) -> OnePool:
        return self


def start_none() -> Worker:
    raise WorkerFailedToStart("there is none")


class Unused:
    """The pools of a runner, and each of them: nobody is to ask for a worker."""

    @property
    def pools(self) -> Unused:
        return self

    pool = pools

    def of(self, _runtime: str) -> Unused:
        return self


def choice() -> Choice:
    return Choice(cast("Runner", Unused()), lambda: None)


def report(lease: str) -> Report:
    return Report(lease=lease, execs=0, loads=0, bound={}, loaded={}, ran={}, retire_reason="")


def lent(runtime: str) -> Lent:
    found = Lent()
    found.holdings.runtime = runtime
    return found


def test_a_build_runs_in_the_worker_of_its_runtime_whichever_the_client_names() -> None:
    one = client()
    one.loans = {"m": lent("mono").loan(), "p": lent("python").loan()}
    python, java = build("/x.py", "1", "python"), build("/X.java", "1", "java")

    assert choice().held(one, report("m"), python) is one.loans["p"]
    assert choice().held(one, report("p"), python) is one.loans["p"]
    assert choice().held(one, report("p"), java) is None
    assert choice().held(one, None, python) is None, "it has lost it, or cannot use it"


def test_a_client_holds_two_workers_of_one_runtime_at_most() -> None:
    one, python = client(), build("/x.py", "1", "python")
    one.loans = {str(number): lent("python").loan() for number in range(MAX_LOANS)}

    with pytest.raises(PoolExhausted, match=f"this process holds {MAX_LOANS} workers already"):
        choice().slot(one, None, None, python, time.monotonic())


class Busy:
    """The nodes, all of them busy: until when each was asked, and until when a build may take to get there."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.provided: list[float] = []

    def acquire(self, _build: Generation, deadline: float, _user: int, *, waits: bool = True) -> Slot:
        self.asked.append(deadline)
        raise PoolExhausted(f"all nodes are busy, and {waits=}")

    def provide(self, _slot: Slot, _build: Generation, deadline: float) -> None:
        self.provided.append(deadline)

    provide_helper = provide

    def announce(self, _build: Generation) -> None:
        """Nobody hears it."""


class OwnPool(Unused):
    """All pools of a runner, whose only worker is free for those who wait for it; until when each has asked."""

    def __init__(self) -> None:
        self.settings = Settings(max_workers=1, spill_after_s=0.0)
        self.asked: list[float] = []

    def acquire(self, _build: Generation, deadline: float, _user: int, *, may_start: bool = True) -> object:
        self.asked.append(deadline)
        if not may_start:
            raise PoolExhausted("not at once")
        return self


def test_nodes_that_do_not_answer_leave_half_of_the_time_for_a_worker_of_this_machine() -> None:
    """They had all of it, so the deadline had always passed before the pool was asked again."""
    pool, nodes = OwnPool(), Busy()
    spills = Choice(cast("Runner", pool), lambda: None)
    spills.far = cast("Far", nodes)
    deadline = time.monotonic() + WAIT_S

    slot = spills.slot(client(), None, None, build("/x.cs", "1"), deadline)

    assert slot is cast("Slot", pool)
    assert len(nodes.asked) == 1
    assert nodes.asked[0] <= (time.monotonic() + deadline) / 2
    assert pool.asked[-1] == deadline


def test_a_build_and_a_helper_have_the_time_of_their_client_to_come_to_a_node() -> None:
    """The object store had 30 s, and a client that had waited for long enough lost its worker."""
    nodes, one, script = Busy(), client(workers=1), build("/x.cs", "1")
    far = Choice(cast("Runner", Unused()), lambda: None)
    far.far = cast("Far", nodes)
    slot = cast("Any", one.loans["0"].slot)
    slot.beyond, slot.has = nodes, lambda _build: False

    far.provide(slot, script, 17.0)
    far.provide_helper(one, cast("Helper", script), 18.0)

    assert nodes.provided == [17.0, 18.0]


def test_nobody_keeps_a_worker_while_somebody_waits() -> None:
    """The nodes were lost, or have just come back: those who waited here got no worker until their deadline."""
    runner = OnePool(Settings(max_workers=2))
    of_two = Choice(cast("Runner", runner), lambda: None)
    waits = Request(build("/x.cs", "1"), 1000, may_start=False)

    assert of_two.has_enough("mono", 2)
    assert not of_two.has_enough("mono", 3)
    runner.pool.queue.enter(waits)
    assert not of_two.has_enough("mono", 2)
    runner.pool.queue.withdraw(waits)
    assert of_two.has_enough("mono", 2)
