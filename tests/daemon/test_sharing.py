"""runner.daemon.sharing: when a loan is ended for clients of another user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.daemon.sharing import GRACE_S, WANTED_S, Sharing
from runner.settings import Settings
from tests.daemon.borrowers import ONE, OTHER, THIRD, Clock, client

if TYPE_CHECKING:
    from runner.daemon.borrower import Client


def overdue(sharing: Sharing, clients: list[Client], waiting: set[int]) -> int | None:
    loans = [(client, loan) for client in clients for loan in client.loans.values()]
    found = sharing.overdue(loans, waiting, Settings(max_workers=4, exec_timeout_s=0.4))
    return found[0].uid if found else None


def test_a_loan_is_overdue_when_another_user_with_less_waited_longer_than_any_exec_takes() -> None:
    clock = Clock()
    sharing, clients = Sharing(clock), [client(ONE, 2), client(ONE, 2)]

    assert overdue(sharing, clients, {OTHER}) is None
    clock.now += 0.4 + GRACE_S
    assert overdue(sharing, clients, {OTHER}) is None
    clock.now += 0.01
    assert overdue(sharing, clients, set()) is None, "nobody waits in this moment"
    assert overdue(sharing, clients, {OTHER}) == ONE


@pytest.mark.parametrize(
    ("held", "waiting"),
    [([(ONE, 2), (ONE, 2)], {ONE}), ([(ONE, 2), (OTHER, 2)], {OTHER}), ([(ONE, 1), (THIRD, 1)], {OTHER}), ([], {ONE})],
)
def test_no_loan_is_overdue_for_its_own_user_nor_while_nobody_has_more_than_a_share(
    held: list[tuple[int, int]], waiting: set[int]
) -> None:
    clock = Clock()
    sharing, clients = Sharing(clock), [client(*of) for of in held]
    for _ in range(100):
        clock.now += 1
        assert overdue(sharing, clients, waiting) is None


def test_who_waits_no_more_is_forgotten_and_begins_from_the_start() -> None:
    clock = Clock()
    sharing, clients = Sharing(clock), [client(ONE, 2), client(ONE, 2)]
    overdue(sharing, clients, {OTHER})
    clock.now += WANTED_S + 0.1

    assert overdue(sharing, clients, set()) is None
    assert overdue(sharing, clients, {OTHER}) is None
