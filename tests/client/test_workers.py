"""runner.client.workers: one worker of each runtime, and which of them is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from runner.client.workers import MOST_RUNTIMES, Workers

if TYPE_CHECKING:
    from runner.client.held import Held
    from runner.client.link import Link

LINK = cast("Link", None)


class Worker:
    """One that is held, without a process; it notes whether it was given back."""

    wanted_back = node = ""
    is_released = False

    def __init__(self, runtime: str, lease: str) -> None:
        self.runtime, self.lease = runtime, lease

    def release(self, _link: Link) -> None:
        self.is_released = True

    def report(self) -> str:
        return self.lease


def holding(*held: Worker) -> Workers:
    workers = Workers()
    for one in held:
        workers.add(cast("Held", one))
    return workers


def test_the_one_in_use_is_that_of_the_runtime_that_is_wanted() -> None:
    mono, python = Worker("mono", "1"), Worker("python", "2")
    workers = holding(mono, python)

    assert workers.current is cast("Held", python)
    assert workers.use("mono") is cast("Held", mono)
    assert workers.use("java") is None
    assert workers.report() is not None
    assert list(workers) == [cast("Held", mono), cast("Held", python)]


def test_a_better_one_takes_the_place_of_its_own_runtime_alone() -> None:
    mono, python, better = Worker("mono", "1"), Worker("python", "2"), Worker("mono", "3")
    workers = holding(mono, python)

    workers.replace(cast("Held", better), LINK)

    assert (mono.is_released, python.is_released) == (True, False)
    assert workers.current is cast("Held", better)


def test_what_the_daemon_wants_is_given_back_at_once_unless_it_is_in_use() -> None:
    mono, python = Worker("mono", "1"), Worker("python", "2")
    workers = holding(mono, python)

    assert workers.want_back("2", "reset") is cast("Held", python)
    workers.release_unused(LINK)
    assert not python.is_released
    workers.use("mono")
    workers.release_unused(LINK)

    assert (mono.is_released, python.is_released) == (False, True)
    assert workers.use("python") is None
    assert workers.want_back("2", "reset") is None


def test_a_daemon_that_names_ever_more_runtimes_fills_nothing() -> None:
    workers, lent = Workers(), [Worker(str(number), str(number)) for number in range(MOST_RUNTIMES + 3)]
    for one in lent:
        workers.replace(cast("Held", one), LINK)

    assert [one.is_released for one in lent] == [True] * 3 + [False] * MOST_RUNTIMES
    assert workers.current is cast("Held", lent[-1])


def test_all_are_given_back_at_the_end() -> None:
    mono, python = Worker("mono", "1"), Worker("python", "2")
    workers = holding(mono, python)

    workers.release_all(LINK)

    assert (mono.is_released, python.is_released) == (True, True)
    assert (list(workers), workers.current, workers.report()) == ([], None, None)
