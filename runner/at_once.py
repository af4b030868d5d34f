"""
The exec that a program in Python nearly always has, in few steps: nothing changed, and a worker that knows it is free.

The turn before has emptied the caches, so each call of Python costs several times what it does in a loop. With the lane
in C ``runner/lane/_at_once.c`` does the same. Must not know what else can happen: that is ``Runner``'s.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from runner.lane import choice
from runner.pool.slot import State
from runner.scripts.generation import Generation
from runner.worker.outcome import ExecOutcome

from .errors import RunnerError, WorkerGone
from .job import NS_PER_S, NS_PER_US, ExecResult, Job, Timing, result, timing

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.pool.pool import Pool
    from runner.pool.pools import Pools
    from runner.pool.slot import Slot
    from runner.scripts.current import CurrentScripts
    from runner.scripts.poison import Poison
    from runner.worker.worker import Worker

    from .calls import Host
    from .exec_counts import ExecCounts

log = logging.getLogger("runner")

Asked = tuple[int, str, "str | None"]
"""When an exec was asked for, on ``time.monotonic_ns``; its path and parameter, expanded (``$shtinc`` counts then)."""

_IDLE, _LEASED = State.IDLE, State.LEASED  # a look at an Enum's member is a call of Python


class AtOnce:
    """
    The common exec of one runner.

    Args:
        scripts: Which build is current.
        pools: The workers.
        poison: What is refused.
        run: Runs a build that is loaded, as ``Worker.exec``.
        counts: Counts what is over.
    """

    def __init__(
        self,
        scripts: CurrentScripts,
        pools: Pools,
        poison: Poison,
        run: Callable[[Worker, Generation, Job, None], None],
        counts: ExecCounts,
    ) -> None:
        self._seen, self._current = scripts.seen, scripts.current
        self._by_runtime = pools.by_runtime
        self._poison = poison
        self._run = run
        self._counts = counts
        if choice.AtOnce is not None:
            in_c = choice.AtOnce(
                self._seen,
                self._by_runtime,
                poison,
                types=(Generation, ExecOutcome),
                states=(_IDLE, _LEASED),
                shapes=(Timing, ExecResult),
                counts=counts.in_c,
                otherwise=(self.exec, self._begun),
            )
            self.exec = in_c.exec  # type: ignore[method-assign]  # what it does not do is left to this one

    def exec(  # noqa: PLR0917  # C has no other arguments
        self,
        path: str,
        param: str | None,
        host: Host,
        timeout_s: float,
        entry: str | None,
        known: Asked | None = None,
    ) -> ExecResult | Asked | None:
        """
        Run the script at ``path`` when its build is current and a worker is free that has run it.

        Args: as ``Runner.mono_exec`` has them, and ``known``, which C has found out before it left the exec to this.

        Returns:
            The result, also of what has failed; what the runner is to go on with; None: nothing was done.
        """
        began, name = time.monotonic_ns(), None
        if self._poison.until:
            return known
        try:
            if known is not None:
                began, name, param = known
            else:
                name = path if path.isascii() and "$" not in path and "\0" not in path else host.expand(path)
                if param is not None:
                    param = host.expand(param)
            seen = self._seen.get(name)
            if (
                seen is not None
                and seen.trusted
                and type(seen.found) is Generation
                and seen.script.rejected[1] is None
                and (seen.stamps.at_once() or seen.stamps.hold())
            ):
                generation = seen.found
            else:
                generation = self._current(name)
        except RunnerError as error:
            job = Job(host, timeout_s, ExecOutcome(), entry, began)
            job.path = name
            return self._counts.result(job, error)
        kept, key, ready = self._by_runtime.get(generation.runtime), generation.path, time.monotonic_ns()
        deadline = began / NS_PER_S + timeout_s
        if kept is None or ready >= deadline * NS_PER_S:
            return began, name, param
        # The slot of the exec before, as Pool.at_once has it, or another one.
        pool, slots = kept.pool, kept.pool.slots
        with slots.lock:
            slot = slots.released
            if (
                slot is None
                or slot.state is not _IDLE
                or slot.lent_to is not None
                or slots.recent.get(key) is not generation
                or slots.is_closed
                or pool.queue.requests
            ):
                slot = None
            else:
                slot.state = _LEASED
                slots.recent.move_to_end(key)
        if slot is None and (slot := pool.at_once(generation)) is None:
            return began, name, param
        worker: Worker = slot.worker  # type: ignore[assignment]  # one that is taken has one
        if worker.has_ended or worker.holdings.ran.get(key) != generation.id:
            pool.release(slot, survives=True)  # which retires one that has ended
            return began, name, param
        leased, outcome, heard = time.monotonic_ns(), ExecOutcome(), None
        lane = worker.conversation.lanes.by_build.get((generation.id, entry))
        if lane is not None and slots.settings.statics == "kept":
            try:
                heard = lane.exec(generation, param, host, deadline, outcome)
            except BaseException as error:  # noqa: BLE001  # told where the worker's other errors are
                heard = error
            if heard is True:
                pool.release(slot, survives=True)
                now, code = time.monotonic_ns(), outcome.code
                spent = (leased - ready) // NS_PER_US, (ready - began) // NS_PER_US, (now - leased) // NS_PER_US
                times = timing((*spent, (now - began) // NS_PER_US))
                self._counts.add(key, generation.id, outcome, (now - began, leased - ready, ready - began))
                calls = outcome.certain + outcome.used.bit_count()  # it asked nothing, and logged nothing
                return result((code == 0, code, None, times, calls, outcome.has_ended_routing))
        heard = None if heard is False else heard
        passed = began, ready, leased
        return self._begun(pool, slot, generation, name, param, host, timeout_s, entry, passed, outcome, heard)

    def _begun(  # noqa: PLR0917  # C has no other arguments
        self,
        pool: Pool,
        slot: Slot,
        generation: Generation,
        path: str,
        param: str | None,
        host: Host,
        timeout_s: float,
        entry: str | None,
        passed: tuple[int, int, int],
        outcome: ExecOutcome,
        heard: bytes | BaseException | None,
    ) -> ExecResult | Asked:
        """Go on with an exec whose slot is leased: ``passed`` says when it began, was loaded, had its slot."""
        began, ready, leased = passed
        job = Job(host, timeout_s, outcome, entry, began)
        job.path, job.param, job.heard = path, param, heard
        job.load, job.queue, job.last = ready - began, leased - ready, leased
        return self._go_on(pool, slot, generation, job)

    def _go_on(self, pool: Pool, slot: Slot, generation: Generation, job: Job) -> ExecResult | Asked:
        """What is not plain: as ``exec``."""
        survives = True
        failed: RunnerError | None = None
        try:
            self._run(slot.living, generation, job, None)
        except WorkerGone as error:
            survives = False
            if time.monotonic_ns() < job.deadline * NS_PER_S:
                log.info("%s; another worker takes over", error)
                return job.began, str(job.path), job.param
            failed = error
        except RunnerError as error:
            survives, failed = error.worker_survives, error
        except BaseException:
            survives = False
            raise
        finally:
            pool.release(slot, survives=survives)
        return self._counts.result(job, failed)
