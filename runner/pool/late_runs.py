"""
First runs that were not done in their callers' time: the worker finishes, and is warm then, or it is ended.

Must not know who the caller was, nor what it was answered.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from runner.errors import ExecTimeout, WorkerError

if TYPE_CHECKING:
    from runner.scripts.poison import Poison

    from .pool import Pool
    from .slot import Slot
    from .warming import FirstRun

log = logging.getLogger("runner")


class LateRuns:
    """
    Finishes first runs, each in a thread of its own. Safe to use from several threads.

    Args:
        pool: Takes the workers back; its ``first_exec_timeout_s`` is the longest that a run may go on.
        poison: Counts the workers that were lost in it.
    """

    def __init__(self, pool: Pool, poison: Poison) -> None:
        self._pool = pool
        self._poison = poison

    def finish(self, slot: Slot, first: FirstRun, call_id: str | None, counts_for: int | None = None) -> None:
        """
        Let a worker finish a first run whose caller was answered; then it is back in the pool, and warm.

        Args:
            slot: The worker's place. It is released here.
            first: The run.
            call_id: The Call-ID of the message that it was for; None for none.
            counts_for: The user for whose clients it counts when the worker is lost; None: for all.
        """
        arguments = (slot, first, call_id, counts_for)
        finishing = threading.Thread(target=self._finish, args=arguments, name=f"warm {slot.living.pid}", daemon=True)
        try:
            finishing.start()
        except RuntimeError:  # the kernel gives no thread
            self._pool.warming.warmed(first.generation, slot.living.pid, first.user)
            self._pool.release(slot, survives=False)

    def _finish(self, slot: Slot, first: FirstRun, call_id: str | None, counts_for: int | None) -> None:
        worker, generation, began = slot.living, first.generation, time.monotonic()
        survives = False
        try:
            worker.finish(generation, began + self._pool.settings.first_exec_timeout_s)
            survives = True
            took = time.monotonic() - began
            log.info("worker %d: warm for %s, %.2f s after its caller was answered", worker.pid, generation.path, took)
        except WorkerError as error:
            caller = f" (Call-ID {call_id})" if call_id else ""
            log.warning("%s: the first run in a worker%s: %s", generation.path, caller, error)
            if self._pool.is_closed:
                return  # whoever closed the pool has ended it
            # An endless run holds its worker for so long that poison_losses of them never happen within the time that
            # counts. So it weighs more: the build is refused once as many have failed as may go on at one time.
            is_endless = isinstance(error, ExecTimeout)
            weight = -(-self._poison.settings.poison_losses // self._pool.warming.share()) if is_endless else 1
            self._poison.note(generation, call_id, counts_for, weight=weight)
        finally:
            self._pool.release(slot, survives=survives)
            self._pool.warming.warmed(generation, worker.pid, first.user)
