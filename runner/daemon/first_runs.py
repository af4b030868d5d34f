"""
First runs of builds in workers that clients hold: which may begin, and what becomes of one that was not done in time.

Must not know connections, nor how workers are lent and come back.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from runner.control.kinds import MAX_TEXT
from runner.errors import WorkerError
from runner.wire.channel import hang_up

from . import reports
from .verdicts import meant

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.control.messages import HandOver, Ran
    from runner.pool.pool import Pool
    from runner.pool.slot import Slot
    from runner.pool.warming import FirstRun
    from runner.runner import Runner
    from runner.scripts.generation import Generation, Helper
    from runner.wire.channel import Channel

    from .borrower import Client, Loan

log = logging.getLogger("runner.first_runs")


class FirstRuns:
    """
    Counts first runs of clients, and finishes those that were handed over. Safe to use from several threads.

    Args:
        runner: Knows how many may run at one time, and finishes what is left.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def admit(
        self, client: Client, slot: Slot, held: FirstRun | None, generation: Generation, deadline: float
    ) -> FirstRun | None:
        """
        A client is about to run a build in a worker.

        Args:
            client: The client.
            slot: The worker's place.
            held: A first run that it was allowed before, in this worker.
            generation: The build.
            deadline: Longest wait for others that run it for the first time, on ``time.monotonic``.

        Returns:
            What it has to say the end of; None when the worker has run the build before.

        Raises:
            PoolExhausted: As ``Warming.begin``.
        """
        if self._runner.settings.statics == "fresh" or slot.has_run(generation):
            if held is not None:
                held.end(has_run=slot.has_run(held.generation))
            return None
        if held is not None:
            held.becomes(generation)
            return held
        # Usually it is known within milliseconds. If not, the caller gets its answer in time to try something else.
        now = time.monotonic()
        return self._pool(generation).warming.begin(
            generation, now + (deadline - now) / 2, client.uid, is_inner=client.is_inner
        )

    def has_run(self, client: Client, notice: Ran) -> None:
        """A client says that its first run has ended in time, or did not begin."""
        loan = client.loans.get(notice.lease)
        first = None if loan is None else loan.first
        if loan is not None and first is not None and first.generation.id == notice.generation:
            if notice.has_run:
                loan.slot.living.holdings.ran[first.generation.path] = first.generation.id
            loan.first = None
            first.end(has_run=notice.has_run)

    def may_keep(self, client: Client, generation: Generation, users: int) -> bool:
        """Whether a client may keep its worker. While a build is slow at first, few workers may have run it."""
        pool = self._pool(generation)
        return not pool.warming.is_slow(generation, client.uid) or pool.warm(generation, client.uid) >= users

    def take_over(self, client: Client, notice: HandOver, wire: Channel | None) -> bool:
        """
        A client hands over a worker that was not done with its first run in time.

        Returns:
            Whether the worker goes on; False: it is to be ended, as one that is stuck.
        """
        loan = client.loans.get(notice.lease)
        if loan is None or loan.first is None or wire is None or client.uid != loan.first.user:
            return False
        reports.note(loan.slot.living.holdings, notice, client.known)
        return self._goes_on(client, loan, loan.first, notice, wire)

    def _goes_on(self, client: Client, loan: Loan, first: FirstRun, notice: HandOver, wire: Channel) -> bool:
        worker = loan.slot.living
        if not first.may_finish(worker.pid):
            return False
        loan.first = None
        if client.give_back(loan.id) is None:
            hang_up(wire)  # upkeep has ended it meanwhile
            self._pool(first.generation).warming.warmed(first.generation, worker.pid, first.user)
            return True
        log.warning("worker %d: %s", worker.pid, reports.reason(notice.reason, notice.call_id))
        try:
            worker.take_back(wire, notice.unfinished, is_shared=not client.is_trusted)
        except WorkerError as error:
            log.warning("worker %d: client %d, uid %d: %s", worker.pid, client.pid, client.uid, error)
            self._pool(first.generation).warming.warmed(first.generation, worker.pid, first.user)
            self._runner.pools.release(loan.slot, survives=False)
            return True
        loan.slot.is_lent = False
        worker.conversation.find_helper = self._finder(is_trusted=client.is_trusted)
        self._runner.pools.of(first.generation.runtime).late_runs.finish(
            loan.slot, first, notice.call_id, client.counts_for
        )
        return True

    def _pool(self, generation: Generation) -> Pool:
        return self._runner.pools.of(generation.runtime).pool

    def _finder(self, *, is_trusted: bool) -> Callable[[Generation, str, float], Helper | None]:
        """Finds what a script loads by name in a run that is finished here; bounded as where its client asks."""

        def find(generation: Generation, name: str, _deadline: float) -> Helper | None:
            is_short = len(name) <= MAX_TEXT
            is_meant = is_short and meant(self._runner, generation, [name], is_trusted=is_trusted)
            return self._runner.scripts.plugin(generation, name) if is_meant else None

        return find
