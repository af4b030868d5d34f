"""
One worker of a node that a daemon has: what goes to it and comes from it, the builds that it is given, and its end.

Runs in the loop of the connection; what may take long does not. Must not know how leases are asked for.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from runner.control.kinds import MAX_NAMES
from runner.errors import ScriptError, WorkerError

from . import names
from .builds import MOST_BUILDS
from .messages import Back, End, Ended, Have, HaveFile
from .relay import HUNG_UP, Relay

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from runner.control.messages import Message
    from runner.pool.pool import Pool
    from runner.pool.slot import Slot
    from runner.scripts.generation import Generation, Part

    from .builds import Fetched
    from .connection import Connection
    from .messages import Wanted

log = logging.getLogger("runner.node")


class Lent:
    """
    A lease, as its node has it.

    Args:
        connection: To NATS.
        fetched: The builds of this node.
        pool: Where the worker comes from and goes to.
        slot: The worker's place; its wire is lent from now on.
        wanted: What the daemon asked for.
        over: Called with it when it has ended; the worker is free again then, or ended.
        threads: Take the worker back. Nobody waits for a worker there: that one may be what he waits for.

    Attributes:
        host: The daemon.
        since: When it was lent.
        is_lost: Whether it ended without its daemon's doing.

    Raises:
        OSError, RuntimeError: The worker cannot be lent; it is still its caller's, to be ended.
    """

    def __init__(
        self,
        connection: Connection,
        fetched: Fetched,
        pool: Pool,
        slot: Slot,
        *,
        wanted: Wanted,
        over: Callable[[Lent], object],
        threads: Executor,
    ) -> None:
        self.id, self.host = wanted.lease, wanted.host
        self.since = time.monotonic()
        self.is_lost = False
        self._connection = connection
        self._fetched = fetched
        self._pool = pool
        self._slot = slot
        self._over = over
        self._threads = threads
        self._is_over = False
        self._generation = wanted.generation
        self._known = {generation.id: generation for generation in slot.living.holdings.loaded.values()}
        slot.is_lent, slot.lent_to, slot.is_kept = True, wanted.user, True
        self._wire = slot.living.lend()
        reads, writes = self._wire.descriptors()
        self.relay = Relay(
            connection.loop,
            reads,
            writes,
            most_bytes=connection.most_bytes,
            send=lambda frame: connection.publish(names.host(self.host, self.id), frame),
            hear=self._told,
            lost=self._lost,
        )
        try:
            self.relay.begin()
        except OSError:
            self._wire.close()
            raise
        self.provide(wanted.generation)

    def provide(self, generation: Generation) -> None:
        """Have a build before anything else goes to the worker."""
        if generation.id in self._known:
            return
        self.relay.hold()
        self._connection.start(self._fetch(generation))

    def ask_back(self, reason: str) -> None:
        """Say that the node wants the worker back."""
        self.relay.say(Back(reason=reason))

    def give_up(self, reason: str, *, is_blameless: bool = True) -> None:
        """End the worker, and say so to the daemon."""
        if not self._is_over:
            self.is_lost = True
            self.relay.say(Ended(reason=reason[:1000], is_blameless=is_blameless, heard=self.relay.heard))
            self._end(End(how="kill", reason=reason))

    def _told(self, message: Message) -> None:
        match message:
            case Have(generation=generation):
                self.provide(generation)
            case HaveFile(file=part):
                self.relay.hold()
                self._connection.start(self._fetch_file(part))
            case End():
                self._end(message)

    def _lost(self, reason: str) -> None:
        # The wire is closed when the worker has ended; every other reason is on the way to it.
        self.give_up("the process has ended" if reason == HUNG_UP else reason, is_blameless=reason != HUNG_UP)

    async def _fetch(self, generation: Generation) -> None:
        try:
            found = await self._fetched.fetch(generation)
        except (ScriptError, ConnectionError) as error:
            self.give_up(str(error))
            return
        self._known[found.id] = found
        if len(self._known) > MOST_BUILDS:
            del self._known[next(iter(self._known))]
        self._pool.use(found)
        self.relay.go_on()

    async def _fetch_file(self, part: Part) -> None:
        try:
            await self._fetched.fetch_file(part, self._generation)
        except (ScriptError, ConnectionError) as error:
            self.give_up(str(error))
            return
        self.relay.go_on()

    def _end(self, end: End) -> None:
        if not self._is_over:
            self._is_over = True
            self.relay.detach()
            self._connection.start(self._finish(end))

    async def _finish(self, end: End) -> None:
        try:
            await self._connection.loop.run_in_executor(self._threads, self._take_back, end)
        finally:
            self._over(self)

    def _take_back(self, end: End) -> None:
        """The worker is in the pool again, or is ended."""
        worker, survives = self._slot.living, False
        try:
            if end.how == "free" and (end.report is not None or not self.relay.has_passed_on):
                if end.report is not None:
                    worker.holdings.note(end.report, self._known, MAX_NAMES)
                worker.take_back(self._wire, is_shared=False)
                survives, self._slot.is_lent = True, False
            elif end.how == "stuck":
                worker.end_stuck(end.reason)
            else:
                log.log(logging.WARNING if self.is_lost else logging.INFO, "worker %d: %s", worker.pid, end.reason)
        except WorkerError as error:
            log.warning("worker %d: %s", worker.pid, error)
        finally:
            self._pool.release(self._slot, survives=survives)
            self._wire.close()  # until here, or it would end itself without a word
