"""
The exec that a program in Python nearly always has, in few steps: nothing changed, and a worker that knows it is free.

The turn before has emptied the caches, so each step of Python costs several times what it does in a loop. Must not know
what else can happen: that is ``Runner``'s.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from .errors import RunnerError, WorkerGone
from .job import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.pool.pools import Pools
    from runner.scripts.current import CurrentScripts
    from runner.scripts.generation import Generation
    from runner.scripts.poison import Poison
    from runner.worker.worker import Worker

    from .job import Job

log = logging.getLogger("runner")


class AtOnce:
    """
    The common exec of one runner.

    Args:
        scripts: Which build is current.
        pools: The workers.
        poison: What is refused.
        run: Runs a build that is loaded, as ``Worker.exec``.
    """

    def __init__(
        self,
        scripts: CurrentScripts,
        pools: Pools,
        poison: Poison,
        run: Callable[[Worker, Generation, Job, None], None],
    ) -> None:
        self._scripts = scripts
        self._pools = pools
        self._poison = poison
        self._run = run

    def exec(self, path: str, job: Job) -> bool:
        """
        Run the script at ``path`` when its build is current and a worker is free that has run it.

        Returns:
            Whether it has run. If not, nothing was done.

        Raises:
            RunnerError: It was begun and failed, or there is no such script.
        """
        if self._poison.until:
            return False
        generation = self._scripts.current(path)
        pool = self._pools.of(generation.runtime).pool
        ready = time.monotonic_ns()
        slot = pool.at_once(generation) if ready < job.deadline * NS_PER_S else None
        if slot is None:
            return False
        worker, survives = slot.living, True
        holdings = worker.holdings
        try:
            if holdings.loaded.get(generation.path) is not generation or not holdings.has_run(generation):
                return False
            job.last = time.monotonic_ns()
            job.load, job.queue = ready - job.began, job.last - ready
            self._run(worker, generation, job, None)
        except WorkerGone as error:
            survives = False
            if time.monotonic_ns() >= job.deadline * NS_PER_S:
                raise
            log.info("%s; another worker takes over", error)
            return False
        except BaseException as error:
            survives = isinstance(error, RunnerError) and error.worker_survives
            raise
        finally:
            pool.release(slot, survives=survives)
        return True
