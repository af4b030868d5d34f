"""runner.daemon.borrower: what a client can make the daemon keep has an end."""

from __future__ import annotations

from runner.daemon.borrower import MAX_KNOWN, MAX_LOANS, MAX_REJECTED
from runner.errors import ScriptInvalid
from tests.daemon.borrowers import Lent, build, client


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

    assert list(one.ended) == [str(number) for number in range(100 - MAX_LOANS, 100)]
