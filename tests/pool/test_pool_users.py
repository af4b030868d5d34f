"""runner.pool where clients of several users want workers: who gets which, and whose workers are believed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import PoolExhausted, ScriptInvalid, WorkerDied, WorkerFailedToStart
from runner.pool.pool import Pool
from runner.pool.slots import LONGEST_BACK_OFF_S
from runner.pool.upkeep import Upkeep
from runner.settings import Settings
from tests.pool.stable import SOON_S, Build, Clock, Lib, Stable, Worker, living, soon, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.pool.slot import Slot
    from runner.scripts.generation import Generation

ONE, OTHER = 1001, 1002
BUILD = Build("1")


class Site:
    """A pool, its workers, and what it told of builds."""

    def __init__(self, clock: Any = time.monotonic, **settings: Any) -> None:
        self.stable = Stable(clock)
        self.lost: list[Generation] = []
        self.loaded: list[Generation] = []
        values = {"allocate_timeout_s": SOON_S, "spare_workers": 0} | settings
        self.pool = Pool(Settings(**values), self.stable, clock)
        self.upkeep = Upkeep(self.pool, self.lost.append, self.loaded.append)

    def lend(self, user: int, build: Generation | None = BUILD) -> Slot:
        slot = self.pool.acquire(build, soon(), user)
        slot.is_lent, slot.lent_to = True, user
        return slot

    def give_back(self, slot: Slot) -> Worker:
        slot.is_lent = False
        self.pool.release(slot, survives=True)
        return living(slot)

    def had_by(self, user: int, build: Generation = BUILD) -> Worker:
        """A worker that is idle now and was lent to a user, with a build loaded."""
        slot = self.lend(user, build)
        living(slot).run(build)
        return self.give_back(slot)


@pytest.fixture
def sites() -> Iterator[list[Site]]:
    made: list[Site] = []
    yield made
    for site in made:
        site.stable.gate.set()
        site.upkeep.close()


@pytest.fixture
def site(sites: list[Site]) -> Site:
    sites.append(Site())
    return sites[0]


def test_a_worker_that_was_lent_serves_clients_of_that_user_only(site: Site) -> None:
    ones = site.had_by(ONE)

    assert site.lend(OTHER).living is not ones
    assert site.pool.acquire(BUILD, soon()).living is not ones, "nor this process itself"
    assert site.pool.acquire_loaded(BUILD, OTHER) is None
    assert site.lend(ONE).living is ones


def test_a_user_gets_its_own_worker_before_one_that_was_never_lent(site: Site) -> None:
    """Those that were never lent serve anybody, and tell what is to be believed."""
    ones = site.had_by(ONE)
    fresh = site.pool.acquire(None, soon())
    living(fresh).run(BUILD)
    site.pool.release(fresh, survives=True)

    assert site.lend(ONE).living is ones


def test_without_room_the_worker_unused_longest_makes_place_whoevers_it_was(sites: list[Site]) -> None:
    clock = Clock()
    site = Site(clock, max_workers=2)
    sites.append(site)

    def lend(user: int) -> Slot:
        slot = site.pool.acquire(BUILD, clock.now + 1, user)
        slot.is_lent, slot.lent_to = True, user
        return slot

    slots = [lend(ONE), lend(ONE)]
    for slot in slots:
        clock.now += 1
        living(slot).run(BUILD)
        site.give_back(slot)

    third = lend(OTHER)

    assert living(third) not in [living(slot) for slot in slots]
    site.upkeep.tick()
    assert [living(slot).ended for slot in slots] == ["stopped", ""]


def test_of_two_users_who_wait_the_one_with_fewer_workers_is_served_first(sites: list[Site]) -> None:
    site = Site(max_workers=2)
    sites.append(site)
    held = [site.lend(ONE), site.lend(ONE)]
    served: list[int] = []

    def wait(user: int) -> None:
        slot = site.lend(user)
        served.append(user)
        site.give_back(slot)

    threads = []
    for user in (ONE, ONE, OTHER):
        threads.append(threading.Thread(target=wait, args=(user,)))
        threads[-1].start()
        until(lambda: site.pool.snapshot().waiting == len(threads))
    assert site.pool.waiting_users() == {ONE, OTHER}

    site.give_back(held[0])
    for thread in threads:
        thread.join(SOON_S)
    assert served[0] == OTHER
    site.give_back(held[1])


def test_where_one_too_many_waits_the_user_with_most_callers_loses_the_last_one(sites: list[Site]) -> None:
    site = Site(max_workers=1, max_queue_size=2)
    sites.append(site)
    held = site.lend(ONE)
    came: dict[str, object] = {}

    def wait(name: str, user: int) -> None:
        try:
            site.give_back(site.lend(user))
            came[name] = "served"
        except PoolExhausted as error:
            came[name] = str(error)

    threads = {}
    for name, user in (("first", ONE), ("second", ONE), ("other", OTHER)):
        threads[name] = threading.Thread(target=wait, args=(name, user))
        threads[name].start()
        if name != "other":
            until(lambda: site.pool.snapshot().waiting == len(threads))

    until(lambda: "second" in came)
    assert "2 callers are already waiting" in str(came["second"])
    site.give_back(held)
    for thread in threads.values():
        thread.join(SOON_S)
    assert (came["first"], came["other"]) == ("served", "served")


def test_only_a_worker_that_was_never_lent_says_that_a_build_loads(site: Site) -> None:
    site.had_by(ONE)
    assert not site.upkeep.has_loaded(BUILD)
    with pytest.raises(PoolExhausted):
        site.upkeep.try_out(BUILD)

    fresh = site.pool.acquire(None, soon())
    site.pool.release(fresh, survives=True)

    assert site.upkeep.try_out(BUILD) == ()
    assert site.upkeep.has_loaded(BUILD)
    assert living(fresh).holdings.loads == 1
    assert site.upkeep.try_out(BUILD) == ()
    assert living(fresh).holdings.loads == 1, "it is loaded once, however often that is asked"


def test_what_is_tried_out_costs_the_worker_only_where_it_takes_it(site: Site) -> None:
    slot = site.pool.acquire(None, soon())
    worker = living(slot)
    site.pool.release(slot, survives=True)

    worker.needs = ("H",)
    assert site.upkeep.try_out(BUILD) == ("H",)
    worker.needs, worker.fail_load = (), ScriptInvalid("no Main")
    with pytest.raises(ScriptInvalid):
        site.upkeep.try_out(BUILD)
    assert site.stable.ended == {}
    worker.holdings.bound = {"H": "old"}
    with pytest.raises(PoolExhausted):  # the only worker is bound to another helper
        site.upkeep.try_out(Build("2", helpers={"H": Lib("new")}))
    worker.fail_load = WorkerDied("it died")
    with pytest.raises(WorkerDied):
        site.upkeep.try_out(BUILD)
    assert site.stable.ended == {worker.pid: "killed"}


def test_a_build_that_was_loaded_ahead_is_told_of_where_the_worker_was_never_lent(sites: list[Site]) -> None:
    site = Site(num_workers=2)
    sites.append(site)
    site.had_by(ONE)
    other = Build("2", "/other.exe")
    site.had_by(ONE, other)
    assert site.loaded == []

    site.upkeep.tick()

    assert sorted(build.id for build in site.loaded) == ["1", "2"]


@pytest.mark.parametrize("error", [ScriptInvalid("no Main"), WorkerDied("it died"), None])
def test_what_a_worker_that_was_lent_does_with_a_new_build_counts_for_nobody(
    site: Site, error: Exception | None
) -> None:
    worker = site.had_by(ONE)
    worker.fail_load, worker.needs = error, ("Forged",)

    assert site.upkeep.prepare(Build("2")) == ()

    assert site.lost == []


def test_a_worker_that_was_never_lent_is_asked_first(site: Site) -> None:
    fresh = site.pool.acquire(BUILD, soon())
    ones = site.had_by(ONE)
    living(fresh).run(BUILD)
    living(fresh).needs = ("H",)
    site.pool.release(fresh, survives=True)

    assert site.upkeep.prepare(Build("2")) == ("H",)
    assert ones.holdings.loads == 1


def test_starts_that_failed_a_thousand_times_are_tried_again_like_the_first_ones(sites: list[Site]) -> None:
    """The pause was doubled without an end, until no float could hold it: nothing was started any more."""
    clock = Clock()
    site = Site(clock)
    sites.append(site)
    site.stable.fails = WorkerFailedToStart("no mono")
    for _ in range(1200):
        site.upkeep.tick()
        clock.now += LONGEST_BACK_OFF_S

    assert site.pool.snapshot().start_failures == 1200
    site.stable.fails = None
    site.upkeep.tick()
    assert site.pool.snapshot().pids
