"""
Which worker a client gets: one that it has, a better one, or the next one that comes free.

Must not know how a worker is lent, nor connections.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from runner.errors import PoolExhausted

from .borrower import MAX_LOANS

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.cluster.far import Far
    from runner.control.messages import Report
    from runner.pool.pool import Pool
    from runner.pool.slot import Slot
    from runner.runner import Runner
    from runner.scripts.generation import Generation, Helper

    from .borrower import Client, Loan


MOVE_S = 0.01  # for the answer of another machine, while the client has a worker that works: it asks again soon


class Choice:
    """
    Chooses among the workers of the pool of a build's runtime. Safe to use from several threads.

    Args:
        runner: Has the pools, from its start on.
        wake: Called when there is upkeep to do.

    Attributes:
        far: Workers of other machines, for when there is none of this one; None for none.
    """

    def __init__(self, runner: Runner, wake: Callable[[], None]) -> None:
        self.far: Far | None = None
        self._runner = runner
        self._wake = wake

    def held(self, client: Client, have: Report | None, generation: Generation) -> Loan | None:
        """
        What a client would run a build in of all that it holds, one worker of each runtime; None for nothing.

        Args:
            client: The client.
            have: What it says that it has: of that runtime, or of another one, for it may not know what runs a script.
                None: nothing that it could run the build in.
            generation: The build.
        """
        if have is None:
            return None
        named = client.loans.get(have.lease)
        if named is not None and named.runtime == generation.runtime:
            return named
        return next((loan for loan in list(client.loans.values()) if loan.runtime == generation.runtime), None)

    def slot(
        self, client: Client, have: Report | None, held: Loan | None, generation: Generation, deadline: float
    ) -> Slot | None:
        """
        A worker for the client; None when it does best to keep the one that it has.

        Args:
            client: The client.
            have: As for ``held``.
            held: What ``held`` returned.
            generation: The build.
            deadline: Longest wait, on ``time.monotonic``.

        Raises:
            PoolExhausted: No worker came free in time, or it holds as many as one may.
        """
        pool = self._runner.pools.of(generation.runtime).pool
        if have is None:
            self._wake()
            return self._acquire(client, pool, generation, deadline)
        pool.use(generation)
        if held is None and have.lease in client.loans:
            return self._acquire(client, pool, generation, deadline)  # what it has is of another runtime
        if held is not None:
            held.is_wanted_back = False
            if not held.slot.has_run(generation) and pool.warming.is_slow(generation, client.uid):
                # One that has run it answers now; without any this one may be the first.
                if not pool.may_wait(generation, client.uid) and not pool.warming.refusal(generation, client.uid):
                    return None
                return self._acquire(client, pool, generation, deadline)
            holdings = held.slot.living.holdings
            if (holdings.has(generation) or not holdings.fits(generation)) and not held.slot.retire_reason:
                return None
        if client.count(generation.runtime) >= MAX_LOANS:
            return None
        slot = pool.acquire_loaded(generation, client.uid)
        is_wanted_back = held is not None and held.slot.beyond is not None and held.slot.retire_reason
        if slot is None and self.far is not None and is_wanted_back:
            # Its node wants it back, so the client moves on to another one, where there is one now.
            with contextlib.suppress(PoolExhausted):
                slot = self.far.acquire(generation, time.monotonic() + MOVE_S, client.uid, waits=False)
        return slot

    def most(self, runtime: str) -> int:
        """How many workers of a runtime clients may keep at one time."""
        own = self._runner.pools.of(runtime).pool.settings.max_workers
        return own if self.far is None else own + self.far.places(runtime)

    def has_enough(self, runtime: str, users: int) -> bool:
        """Whether so many clients may each keep a worker of a runtime: there is one for each, and nobody waits."""
        return users <= self.most(runtime) and not self._runner.pools.of(runtime).pool.waiting_users()

    def advice(self, users_of: Callable[[str], int]) -> str:
        """What to set where a runtime has fewer workers than clients want (``users_of``); empty where none has."""
        for kept in self._runner.pools.all():
            if (users := users_of(kept.runtime)) > self.most(kept.runtime):
                beyond = " together with the nodes, which have fewer" if self.far is not None else ""
                return f"{users} processes run scripts: set max_workers to at least {users}{beyond}"
        return ""

    def provide(self, slot: Slot | None, generation: Generation, deadline: float) -> None:
        """
        Let a worker of another machine find the build that its client is about to load, and the other nodes as well.

        Args:
            slot: The worker's; None for none.
            generation: The build.
            deadline: Of the client, on ``time.monotonic``.

        Raises:
            PoolExhausted: As ``Far.provide``.
        """
        if self.far is not None and slot is not None and slot.beyond is not None:
            if not slot.has(generation):
                self.far.provide(slot, generation, deadline)
            self.far.announce(generation)

    def provide_helper(self, client: Client, helper: Helper | None, deadline: float) -> None:
        """As ``provide``, of a file that a script loads by its name while it runs; None: there is none."""
        for loan in list(client.loans.values()):
            if self.far is not None and loan.slot.beyond is not None and helper is not None:
                self.far.provide_helper(loan.slot, helper, deadline)

    def _acquire(self, client: Client, pool: Pool, generation: Generation, deadline: float) -> Slot:
        count = client.count(generation.runtime)
        if count >= MAX_LOANS:
            raise PoolExhausted(f"this process holds {count} workers already")
        far = self.far
        if far is None:
            return pool.acquire(generation, deadline, client.uid)
        if pool.settings.max_workers:
            spill = min(deadline, time.monotonic() + pool.settings.spill_after_s)
            with contextlib.suppress(PoolExhausted):
                return pool.acquire(generation, spill, client.uid, may_start=False)
            half = (time.monotonic() + deadline) / 2  # the rest is for a worker of this machine
            with contextlib.suppress(PoolExhausted):
                return far.acquire(generation, half, client.uid, waits=False)
        else:
            return far.acquire(generation, deadline, client.uid)
        return pool.acquire(generation, deadline, client.uid)
