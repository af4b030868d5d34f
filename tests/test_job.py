"""runner.job: where the time of one exec goes."""

from __future__ import annotations

import time

from runner.hosts.embedded.host import MessageHost
from runner.job import NS_PER_S, NS_PER_US, Job, Timing
from runner.worker.outcome import ExecOutcome
from tests.places import INVITE


def job(timeout_s: float = 0.4) -> Job:
    return Job(MessageHost(INVITE), timeout_s, ExecOutcome())


def test_the_deadline_is_that_far_from_the_begin() -> None:
    before = time.monotonic()
    one = job(2.5)
    after = time.monotonic()

    assert before + 2.5 <= one.deadline <= after + 2.5
    assert before <= one.began / NS_PER_S <= after


def test_each_part_of_the_time_counts_once() -> None:
    one = job()
    until = one.began + 3_000_000
    while time.monotonic_ns() < until:
        pass

    asked = time.monotonic_ns()
    first, second = one.passed(), one.passed()
    ended = time.monotonic_ns()

    assert first >= 3_000_000
    assert first + second <= ended - one.began
    assert second <= ended - asked


def test_times_are_told_in_whole_microseconds() -> None:
    one = job()
    one.queue, one.load, one.run = 1_999, 2_000, 3_000_999

    told = one.timing()

    assert told[:3] == (1, 2, 3_000)
    assert 0 <= told.total_us <= (time.monotonic_ns() - one.began) // NS_PER_US


def test_a_new_job_has_spent_no_time_and_has_no_parameter() -> None:
    one = job()

    assert one.timing()[:3] == Timing(0, 0, 0, 0)[:3]
    assert one.param is None
