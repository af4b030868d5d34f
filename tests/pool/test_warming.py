"""Who may run a build for the first time, while nobody knows how long that takes, and when it takes too long."""

from __future__ import annotations

import threading
import time

import pytest

from runner.errors import PoolExhausted
from runner.pool.warming import MOST_BUILDS, Warming
from runner.scripts.generation import Generation, Part
from runner.settings import Settings
from tests.programs import WAIT_S, until

SOON_S = 0.05


def build(name: str = "a") -> Generation:
    return Generation.of("/x.exe", Part("/x.exe", name), None, None, {})


def warming(max_workers: int = 8) -> Warming:
    """In which a run of which nothing is heard counts for longer than a test takes."""
    return Warming(Settings(max_workers=max_workers, first_exec_timeout_s=WAIT_S))


def later(seconds: float = WAIT_S) -> float:
    return time.monotonic() + seconds


def may_begin(counts: Warming, generation: Generation) -> bool:
    try:
        counts.begin(generation, later(SOON_S))
    except PoolExhausted:
        return False
    return True


@pytest.mark.parametrize(("max_workers", "share"), [(1, 1), (4, 1), (7, 1), (8, 2), (40, 10)])
def test_a_quarter_of_the_workers_runs_an_unknown_build_first(max_workers: int, share: int) -> None:
    counts = warming(max_workers)

    assert [may_begin(counts, build()) for _ in range(share + 1)] == [True] * share + [False]
    assert may_begin(counts, build("another")), "each build has a share of its own"


def test_those_who_wait_go_on_as_soon_as_one_run_has_ended() -> None:
    counts, generation = warming(), build()
    for _ in range(2):
        counts.begin(generation, later())
    waiting = [threading.Thread(target=counts.begin, args=(generation, later())) for _ in range(6)]
    for thread in waiting:
        thread.start()

    counts.ended(generation, has_run=True)

    for thread in waiting:
        thread.join(WAIT_S)
    assert not any(thread.is_alive() for thread in waiting)
    assert not counts.is_slow(generation)


def test_those_who_wait_are_refused_as_soon_as_a_run_is_late() -> None:
    counts, generation = warming(4), build()
    counts.begin(generation, later())
    refused: list[float] = []

    def wait() -> None:
        with pytest.raises(PoolExhausted, match="1 worker runs it for the first time"):
            counts.begin(generation, later())
        refused.append(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    assert counts.is_late(generation, 7)

    thread.join(WAIT_S)
    assert len(refused) == 1
    assert counts.is_slow(generation)
    assert counts.refusal(generation)


def test_a_worker_that_was_lost_makes_room_for_the_next_one() -> None:
    counts, generation = warming(4), build()
    counts.begin(generation, later())

    counts.ended(generation, has_run=False)

    assert may_begin(counts, generation)
    assert not counts.is_slow(generation)
    assert not may_begin(counts, generation), "and nobody knows yet how long it takes"


def test_more_than_a_share_may_not_go_on() -> None:
    counts, generation = warming(8), build()
    for _ in range(2):
        counts.begin(generation, later())

    assert [counts.is_late(generation, pid) for pid in (1, 2, 3)] == [True, True, False]
    assert {pid: path for pid, (path, _) in counts.now().items()} == {1: "/x.exe", 2: "/x.exe"}


def test_a_warm_worker_lets_the_next_one_begin_and_the_build_stays_slow() -> None:
    counts, generation = warming(4), build()
    counts.begin(generation, later())
    counts.is_late(generation, 7)

    counts.warmed(generation, 7)

    assert counts.now() == {}
    assert counts.is_slow(generation)
    assert counts.refusal(generation) == ""
    assert may_begin(counts, generation)


def test_a_build_that_was_late_once_is_slow_no_more_when_a_first_run_ends_in_time() -> None:
    """Its clients kept no worker, and shared the few that were warm, for as long as the build lived."""
    counts, generation = warming(4), build()
    counts.begin(generation, later())
    counts.is_late(generation, 7)
    counts.warmed(generation, 7)
    counts.begin(generation, later())

    counts.ended(generation, has_run=True)

    assert not counts.is_slow(generation)
    assert all(may_begin(counts, generation) for _ in range(4))


def test_a_first_run_of_which_nothing_is_heard_is_counted_no_more_after_the_longest_time_it_can_take() -> None:
    """A client that leased, and never ran what it leased for, kept its siblings from the build while it lived."""
    now = [100.0]
    settings = Settings(max_workers=4, exec_timeout_s=0.4, first_exec_timeout_s=5.0)
    counts, generation = Warming(settings, lambda: now[0]), build()
    silent = counts.begin(generation, now[0])

    now[0] += 5.3
    with pytest.raises(PoolExhausted):
        counts.begin(generation, now[0])
    now[0] += 0.2
    counts.begin(generation, now[0])

    silent.end(has_run=False)
    with pytest.raises(PoolExhausted):
        counts.begin(generation, now[0])


def test_a_script_that_runs_itself_again_does_not_wait_for_itself() -> None:
    counts, generation = warming(4), build()
    counts.begin(generation, later())

    counts.begin(generation, later(SOON_S), is_inner=True)

    assert not may_begin(counts, generation)


def test_builds_without_end_are_forgotten_but_not_what_is_under_way() -> None:
    counts, slow = warming(4), build("slow")
    counts.begin(slow, later())
    counts.is_late(slow, 7)

    for number in range(2 * MOST_BUILDS):
        counts.ended(build(str(number)), has_run=True)

    assert len(counts._builds) == MOST_BUILDS
    assert counts.is_slow(slow)
    until(lambda: counts.now()[7][1] > 0, "the time since then goes on")
