"""The pause after a failure: how it grows, ends and is forgotten."""

from __future__ import annotations

import pytest

from runner.backoff import Backoff


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_each_pause_is_twice_the_one_before_up_to_the_longest(clock: Clock) -> None:
    backoff = Backoff(0.25, 8.0, clock=clock)

    assert [backoff.fail() for _ in range(7)] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert backoff.failures == 7


def test_a_pause_never_overflows_however_often_it_fails(clock: Clock) -> None:
    backoff = Backoff(0.1, 30.0, clock=clock)
    backoff.failures = 100_000

    assert backoff.fail() == 30.0


def test_the_next_try_may_begin_when_the_pause_is_over(clock: Clock) -> None:
    backoff = Backoff(0.25, 8.0, clock=clock)

    assert not backoff.is_waiting()
    assert backoff.left_s() == 0

    backoff.fail()
    clock.now += 0.125

    assert backoff.is_waiting()
    assert backoff.left_s() == 0.125

    clock.now += 0.125

    assert not backoff.is_waiting()


def test_a_pause_of_the_caller_is_not_counted(clock: Clock) -> None:
    backoff = Backoff(0.25, 8.0, clock=clock)

    backoff.pause(0.5)

    assert backoff.left_s() == 0.5
    assert backoff.failures == 0
    assert backoff.fail() == 0.25


def test_trying_now_ends_the_pause_and_keeps_the_count(clock: Clock) -> None:
    backoff = Backoff(0.25, 8.0, clock=clock)
    backoff.fail()

    backoff.retry_now()

    assert not backoff.is_waiting()
    assert backoff.fail() == 0.5


def test_a_reset_ends_the_pause_and_forgets_the_count(clock: Clock) -> None:
    backoff = Backoff(0.25, 8.0, clock=clock)
    backoff.fail()

    backoff.reset()

    assert not backoff.is_waiting()
    assert backoff.fail() == 0.25


def test_jitter_shortens_a_pause_by_its_share_at_most(clock: Clock) -> None:
    pauses = [Backoff(1.0, 30.0, jitter=0.5, clock=clock).fail() for _ in range(100)]

    assert all(0.5 <= pause <= 1.0 for pause in pauses)
    assert len(set(pauses)) > 1
