"""runner.daemon.borrower: what a client can make the daemon keep has an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from runner.daemon.borrower import MAX_ENDED, MAX_KNOWN, MAX_REJECTED
from runner.errors import ScriptInvalid
from runner.settings import Settings
from tests.daemon.borrowers import ONE, Lent, build, client

if TYPE_CHECKING:
    from runner.pool.warming import FirstRun


def test_of_generations_a_client_is_told_only_so_many_are_kept_the_ones_told_last() -> None:
    one = client()
    for number in range(MAX_KNOWN + 100):
        one.learn(build(f"/{number}.exe", "1"))

    assert len(one.known) == MAX_KNOWN
    assert {generation.path for generation in one.known.values()} == {
        f"/{number + 100}.exe" for number in range(MAX_KNOWN)
    }


def test_of_one_script_the_current_build_is_kept_and_what_a_worker_has_loaded() -> None:
    one = client()
    builds = [build("/x.exe", str(number)) for number in range(50)]
    one.loans["1"] = Lent(builds[3]).loan()
    for generation in builds:
        one.learn(generation, (builds[7],) if generation is builds[8] else ())

    assert set(one.known) == {builds[3].id, builds[49].id}


def test_builds_that_a_client_could_not_load_are_remembered_up_to_a_number() -> None:
    one = client()
    for number in range(MAX_REJECTED + 5):
        one.reject(str(number), ScriptInvalid("no"))

    assert list(one.rejected) == [str(number) for number in range(5, MAX_REJECTED + 5)]


def test_workers_that_were_ended_while_lent_are_remembered_as_long_as_one_can_hold_them() -> None:
    one = client()
    one.ended.extend(map(str, range(100)))

    assert list(one.ended) == [str(number) for number in range(100 - MAX_ENDED, 100)]
    assert [one.forget_ended("99"), one.forget_ended("99"), one.forget_ended("0")] == [True, False, False]


def test_what_a_client_says_counts_for_its_user_unless_it_is_trusted() -> None:
    one = client(ONE)
    assert one.counts_for == ONE

    one.is_trusted = True
    assert one.counts_for is None


def test_a_client_wants_a_worker_when_it_runs_scripts_or_holds_one_from_before() -> None:
    asks, runs, holds = client(), client(), client()
    runs.runs_scripts = holds.holds_foreign = True

    assert [one.wants_worker for one in (asks, runs, holds)] == [False, True, True]


def test_a_loan_is_given_back_once_and_says_whether_its_first_run_ended() -> None:
    """Two threads may end it: that of its client, and the upkeep."""

    class First:
        ended: ClassVar[list[bool]] = []
        generation = build("/x.exe", "1")

        def end(self, *, has_run: bool) -> None:
            self.ended.append(has_run)

    one, lent = client(), Lent()
    lent.has_run = lambda generation: generation is First.generation  # type: ignore[attr-defined]
    loan = one.loans["1"] = lent.loan()
    loan.first = cast("FirstRun", First())

    assert one.give_back("unknown") is None
    assert one.give_back("1") is loan
    assert one.give_back("1") is None
    assert First.ended == [True]


def test_a_client_is_told_all_of_its_worker_and_the_limits_of_its_settings() -> None:
    known = build("/x.exe", "1")
    lent = Lent(known)
    lent.pid, lent.max_jobs = 4312, 7  # type: ignore[attr-defined]
    holdings = lent.holdings
    holdings.execs, holdings.loads, holdings.bound, holdings.ran = 3, 2, {"H": "h"}, {"/x.exe": known.id}
    far = client()
    far.is_local = False

    told = lent.loan().as_message(far, Settings(statics="fresh", placement="free", max_loads=9), keep=True)

    assert (told.lease, told.pid, told.is_local, told.keep) == ("1", 4312, False, True)
    assert (told.execs, told.loads, told.bound, told.ran) == (3, 2, {"H": "h"}, {"/x.exe": known.id})
    assert told.loaded == (known,)
    assert (told.fresh, told.is_placed, told.max_execs, told.max_loads) == (True, False, 7, 9)
