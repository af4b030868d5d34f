"""runner.daemon.access: the control socket, who may use it, and how many at one time."""

from __future__ import annotations

import pytest

from runner.daemon.access import no_place
from runner.settings import Settings

ROOT = 0


@pytest.mark.parametrize(("most", "shares"), [(1, [1]), (2, [2]), (16, [12, 3, 1]), (256, [192, 48, 12, 3, 1])])
def test_each_user_leaves_places_to_the_next_one_though_it_takes_all_it_can(most: int, shares: list[int]) -> None:
    settings = Settings(max_clients=most)
    taken: list[int] = []
    for user in range(2000, 2000 + len(shares)):
        while not no_place(user, taken, settings):
            taken.append(user)

    assert [taken.count(user) for user in range(2000, 2000 + len(shares))] == shares


def test_who_is_trusted_may_have_all_places_and_no_more() -> None:
    settings = Settings(max_clients=16)
    taken: list[int] = []
    while not no_place(ROOT, taken, settings):
        taken.append(ROOT)

    assert len(taken) == 16
