"""
Workers that clients of several users want: no user keeps more than a share from another one who waits.

A client that is asked for its worker gives it back at its next exec; this is for clients that do not. Must not know how
a loan is ended.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from runner.settings import Settings

    from .borrower import Client, Loan

WANTED_S = 5.0  # a caller that got no worker in time asks again soon, and counts as waiting until then
GRACE_S = 1.0  # beyond the longest exec: by then a client that runs anything has seen that it is asked


class Sharing:
    """
    Knows since when users wait for workers of one runtime that others hold. For one thread.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wanted: dict[int, float] = {}  # by user, of whom there are as many as the system has

    def overdue(
        self, loans: Sequence[tuple[Client, Loan]], waiting: Collection[int], settings: Settings
    ) -> tuple[Client, Loan] | None:
        """
        The loan that is to be ended now; None for none.

        Its user holds more than a share while another one with less has waited for longer than any exec takes. So its
        client has run nothing since it was asked, or does not give back what it should.

        Args:
            loans: All of the runtime's workers, with their clients.
            waiting: Users of the callers that are waiting for one now.
            settings: ``max_workers`` and ``exec_timeout_s`` of the runtime.
        """
        now = self._clock()
        self._wanted |= dict.fromkeys(waiting, now + WANTED_S)
        self._wanted = {user: until for user, until in self._wanted.items() if until > now}
        held = Counter(client.uid for client, _ in loans)
        share = settings.max_workers / (len(held.keys() | self._wanted.keys()) or 1)
        lack = {user for user in self._wanted if held[user] < share}
        greedy = [(client, loan) for client, loan in loans if lack and held[client.uid] > share]
        since = {id(loan): loan.wanted_since or now for _, loan in greedy}
        for _, loan in loans:
            loan.wanted_since = since.get(id(loan), 0.0)
        late = now - settings.exec_timeout_s - GRACE_S
        due = [(client, loan) for client, loan in greedy if loan.wanted_since < late]
        return min(due, key=lambda found: found[1].wanted_since) if due and lack & set(waiting) else None
