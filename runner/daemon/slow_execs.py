"""
Execs that are slow and still run: their worker is asked for its stacks, and goes on.

Must not know how the client notices, nor who reads what is noted.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.control.kinds import MAX_STACK

from . import reports

if TYPE_CHECKING:
    from runner.control.status import StillRuns
    from runner.worker.worker import Worker

    from .borrower import Client
    from .counting import Counting

AT_A_TIME = 2  # workers that are asked; an exec that comes meanwhile is noted without its stacks
PAUSE_S = 0.9  # between two of a client, which keeps one second itself


class SlowExecs:
    """
    Notes execs that are slow and still run. Safe to use from several threads.

    Args:
        counting: Where they are noted.
    """

    def __init__(self, counting: Counting) -> None:
        self._counting = counting
        self._free = threading.BoundedSemaphore(AT_A_TIME)

    def still_runs(self, client: Client, notice: StillRuns) -> None:
        """A client tells of one. It is not held up: when its exec ends, it may ask for a worker at once."""
        loan, now = client.loans.get(notice.lease), time.monotonic()
        if loan is None or now < client.asked_until or not self._free.acquire(blocking=False):
            self._counting.note(client, notice)
            return
        client.asked_until = now + PAUSE_S
        asking = threading.Thread(
            target=self._ask, args=(client, loan.slot.living, notice), name=f"stacks {client.pid}", daemon=True
        )
        try:
            asking.start()
        except RuntimeError:  # the kernel gives no thread
            self._free.release()
            self._counting.note(client, notice)

    def _ask(self, client: Client, worker: Worker, notice: StillRuns) -> None:
        try:
            stacks = worker.stacks(reports.reason(notice.message, notice.call_id))
        finally:
            self._free.release()
        parts = filter(None, (notice.detail, stacks))
        self._counting.note(client, replace(notice, detail="\n\n".join(parts)[:MAX_STACK]))
