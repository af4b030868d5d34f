"""
The workers on other machines, as the pool of a daemon has its own: leased when a client wants one, given back after it.

A lease is asked for in the queue group of the nodes that have a free worker, so one of them answers or, at once,
nobody. Must not know clients, nor which script is current.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

from runner.control.kinds import Malformed
from runner.control.messages import Report
from runner.errors import PoolExhausted
from runner.pool.slot import Life, PoolSnapshot, Slot, State
from runner.wire.channel import Channel
from runner.wire.session import MAX_LINE_BYTES, Session
from runner.wire.session import State as Turn
from runner.worker.conversation import Conversation
from runner.worker.holdings import Holdings

from . import names
from .builds import Bucket
from .connection import NOBODY, Connection
from .leases import Lease, Leases
from .messages import Have, HaveFile, Offer, saying
from .nodes import Nodes
from .worker import FarWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runner.control.messages import Message
    from runner.runner import Runner
    from runner.runtimes.runtime import Runtime
    from runner.scripts.generation import Generation, Helper, Part
    from runner.settings import Settings

log = logging.getLogger("runner.cluster")

LONGEST_S = 30.0  # for what nobody waits for; a caller's deadline is earlier
AGAIN_S = 0.01  # while all nodes are busy, the next try; or as soon as a worker is given back here
ASK_S = 0.05  # for the loop, beyond what it takes itself
WAITED_S = 1.0  # a caller that found all nodes busy counts as waiting for so long
MOST_SCRIPTS = 1024  # that are announced to the nodes when they change
LAST_EXECS_S = 0.5  # at the end: what runs now may end
STORE_IS_SILENT = "the object store did not answer in time"


@contextlib.contextmanager
def leasing(runner: Runner, wake: Callable[[], None]) -> Iterator[Far]:
    """
    Workers of other machines for the scripts of a runner, for the length of a ``with`` block.

    Raises:
        ConfigError: As entering a ``Connection``.
    """
    with Connection(runner.settings, f"app-mono daemon on {socket.gethostname()}") as connection:
        far = Far(lambda: runner.settings, connection, runner.runtimes.named, runner.scripts.copy_of, wake)
        runner.pools.beyond, runner.announce = far, far.announce
        far.begin()
        try:
            yield far
        finally:
            far.close()


class Far:
    """
    Leases workers of nodes. Safe to use from several threads; ``begin`` and ``close`` belong together.

    Args:
        settings: Gives those of now, for the limits of workers: a reload changes them.
        connection: To NATS.
        runtime: A runtime by its name.
        copy_of: Where the copy of a file lies.
        wake: Called when there is upkeep to do.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        connection: Connection,
        runtime: Callable[[str], Runtime],
        copy_of: Callable[[Part], Path],
        wake: Callable[[], None],
    ) -> None:
        self._leases = Leases(connection, wake)
        self.nodes = Nodes(
            self._leases.host, connection, self._leases.by_node, lose=self._leases.lose, came=self._announce_all
        )
        self._settings = settings
        self._connection = connection
        self._runtime = runtime
        self._copy_of = copy_of
        self._bucket = Bucket(connection)
        self._slots: dict[int, tuple[Slot, Lease]] = {}
        self._life = Life()
        self._waited = 0.0
        self._used: dict[str, Generation | None] = {}  # scripts that ran far away, and the build that nodes know of
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Listen to the nodes."""
        self._connection.call(self._begin(), LONGEST_S)

    async def _begin(self) -> None:
        await self._leases.begin()
        await self.nodes.begin()

    def close(self) -> None:
        """End all leases; what runs gets ``LAST_EXECS_S``."""
        deadline = time.monotonic() + LAST_EXECS_S
        while time.monotonic() < deadline and self._leases.any_waits():
            time.sleep(AGAIN_S)
        for slot, _ in list(self._slots.values()):
            self.abandon(slot)

    # A caller takes a worker and gives it back, as from a ``Pool``.

    def acquire(self, generation: Generation, deadline: float, user: int, *, waits: bool = True) -> Slot:
        """
        A worker of a node. Where there is no node at all, that is known at once.

        Args:
            generation: What will run first: a node prefers a worker that has it.
            deadline: End of the wait, on ``time.monotonic``.
            user: The user whose client will have it.
            waits: Whether to wait while there are nodes and all of them are busy.

        Raises:
            PoolExhausted: There is none. Nothing was sent, so a retry is safe.
        """
        reason, connection = "", self._connection
        while time.monotonic() < deadline:
            try:
                return self._leased(generation, deadline, user)
            except (ConnectionError, TimeoutError) as error:
                reason = str(error) or reason or "no node answered in time"
            is_busy = connection.is_connected and self.nodes.places(generation.runtime)
            if reason == NOBODY:
                self.nodes.want()
                reason = "all nodes are busy" if is_busy else f"there is no node for {generation.runtime}"
            if not waits or not (is_busy or connection.is_expected):
                break
            self._waited = time.monotonic()
            with self._changed:
                self._changed.wait(min(AGAIN_S, max(0.0, deadline - self._waited)))
        reason = reason or "the deadline passed before a node was asked"
        raise PoolExhausted(f"no worker of another machine is free: {reason}")

    def release(self, slot: Slot, *, survives: bool) -> None:
        """As ``Pool.release``: the node has its worker again, or ends it."""
        self._forget(slot)
        worker = slot.living
        if survives and worker.is_alive and isinstance(worker, FarWorker):
            worker.free(_report(worker.holdings))
            reason = "given back"
        else:
            reason = "lost" if survives else "died"
            worker.kill()
        with self._changed:
            self._life.note_end(reason)
            self._changed.notify_all()

    def abandon(self, slot: Slot) -> None:
        """As ``Pool.abandon``, but it ends: its wire leads through this process."""
        self._forget(slot)
        with self._changed:
            self._life.note_end("abandoned")
        slot.living.kill()

    def wants_back(self, slot: Slot) -> str:
        """As ``Pool.wants_back``."""
        found = self._slots.get(id(slot))
        process = found[1].process if found is not None else None
        reason = process.wanted_back if process is not None else ""
        slot.retire_reason = (
            slot.retire_reason
            or reason
            or slot.over_limit(self._settings(), time.monotonic())
            or self._over_share(slot)
        )
        return slot.retire_reason

    def places(self, runtime: str) -> int:
        """How many workers of nodes this daemon may count on: its share, where there are several; without NATS none."""
        if not (self._connection.is_connected or self._connection.is_expected):
            return 0
        return self.nodes.places(runtime) // max(1, self.nodes.hosts())

    def snapshot(self) -> PoolSnapshot:
        """As ``Pool.snapshot``."""
        now = time.monotonic()
        waiting = int(now - self._waited < WAITED_S)
        workers = tuple(slot.snapshot(now) for slot, _ in list(self._slots.values()))
        return PoolSnapshot(workers, 0, 0, waiting, 0, 0.0, "", self._life + Life())

    # Builds.

    def provide(self, slot: Slot, generation: Generation, deadline: float) -> None:
        """
        Make sure that a worker's node has a build before it passes on what the client says next.

        Args:
            slot: The worker's.
            generation: The build.
            deadline: Until when the object store may take it, on ``time.monotonic``: the client does not wait longer.

        Raises:
            PoolExhausted: The object store does not take it.
        """
        self._put(generation.parts(), Have(generation=generation), slot, deadline)

    def provide_helper(self, slot: Slot, helper: Helper, deadline: float) -> None:
        """As ``provide``, of a file that a running script loads by its name."""
        parts = [part for part in (helper.file, helper.symbols) if part is not None]
        self._put(parts, None, slot, deadline)
        lease = self._slots[id(slot)][1] if id(slot) in self._slots else None
        for part in parts:
            if lease is not None:
                self._connection.post(lease.relay.say, HaveFile(file=part))

    def announce(self, generation: Generation) -> None:
        """Let all nodes have a build ahead of the exec that asks for it; nothing where that is not possible."""
        if not self._connection.is_connected:
            return
        with self._changed:  # another thread may be at it
            if generation.path not in self._used:
                return
            before, self._used[generation.path] = self._used[generation.path], generation
        if before is None or before.id != generation.id:
            self._connection.post(lambda: self._connection.start(self._announce([generation])))

    def _announce_all(self) -> None:
        """A node has come, perhaps after it missed what was announced. In the loop."""
        self._connection.start(self._announce([build for build in list(self._used.values()) if build is not None]))

    async def _announce(self, builds: list[Generation]) -> None:
        with contextlib.suppress(ConnectionError):
            for generation in builds:
                await self._bucket.put(generation.parts(), self._copy_of)
                self._connection.publish(names.AHEAD, saying(Have(generation=generation)))

    def _put(self, parts: list[Part], then: Message | None, slot: Slot, deadline: float) -> None:
        found = self._slots.get(id(slot))
        if self._bucket.missing(parts):
            left_s = max(0.0, deadline - time.monotonic())
            try:
                self._connection.call(self._bucket.put(parts, self._copy_of), left_s)
            except (ConnectionError, TimeoutError) as error:
                raise PoolExhausted(str(error) or STORE_IS_SILENT) from error
        if found is not None and then is not None:
            self._connection.post(found[1].relay.say, then)

    # A lease.

    def _leased(self, generation: Generation, deadline: float, user: int) -> Slot:
        """
        Ask one node.

        Raises:
            ConnectionError: No node has a free worker, or there is no connection.
            TimeoutError: It did not answer in time.
        """
        left_s = max(0.0, deadline - time.monotonic())
        ours: list[int] = []
        lease = Lease()
        try:
            offer = self._connection.call(self._ask(lease, ours, generation, user, left_s), left_s + ASK_S)
            worker = self._worker(lease, ours, offer, generation.runtime)
        except BaseException as error:
            self._connection.post(self._undo, lease, ours)
            if isinstance(error, OSError | Malformed):  # for example out of descriptors
                raise ConnectionError(str(error)) from error
            raise
        slot = Slot(offer.worker.max_execs or 0, State.LEASED, worker, beyond=self)
        slot.lent_to = user
        self._slots[id(slot)] = slot, lease
        with self._changed:
            self._life.started += 1
        self._use(generation.path)
        return slot

    def _use(self, path: str) -> None:
        """A script runs far away, so what becomes of it is announced."""
        with self._changed:
            self._used.setdefault(path, None)
            if len(self._used) > MOST_SCRIPTS:
                del self._used[next(iter(self._used))]

    def _undo(self, lease: Lease, ours: list[int]) -> None:
        """End a lease that came to nothing. In the loop: only there it is known how far it has come."""
        for descriptor in ours:
            os.close(descriptor)
        if lease.process is not None:
            lease.process.end("free", "nobody waits for it any more")
        self._leases.drop(lease)

    def _worker(self, lease: Lease, ours: list[int], offer: Offer, runtime: str) -> FarWorker:
        sent = offer.worker
        holdings = Holdings(
            execs=sent.execs,
            loads=sent.loads,
            loaded={build.path: build for build in sent.loaded},
            ran=dict(sent.ran),
            bound=dict(sent.bound),
            runtime=runtime,
            can=sent.can,
        )
        assert lease.process is not None  # noqa: S101 - the offer has made it
        session = Session(MAX_LINE_BYTES, Turn.IDLE)
        conversation = Conversation(Channel(*ours), session, sent.pid, 0, holdings)
        return FarWorker(lease.process, self._runtime(runtime), conversation, offer.node.name, offer.version)

    async def _ask(self, lease: Lease, ours: list[int], generation: Generation, user: int, left_s: float) -> Offer:
        self._connection.client()  # or there is no connection
        if self._bucket.missing(parts := generation.parts()):
            began = time.monotonic()
            try:  # without an answer there is time left to ask for a worker of this machine
                await asyncio.wait_for(self._bucket.put(parts, self._copy_of), left_s / 2)
            except TimeoutError:
                raise ConnectionError(STORE_IS_SILENT) from None
            left_s -= time.monotonic() - began
        offer = await self._leases.ask(lease, ours, generation, user, left_s)
        self.nodes.note(offer.node)
        return offer

    def _forget(self, slot: Slot) -> None:
        self._slots.pop(id(slot), None)

    def _over_share(self, slot: Slot) -> str:
        """Why a lease should go to another daemon; empty when it should not."""
        if self.nodes.hosts() <= 1:
            return ""
        runtime = slot.living.holdings.runtime
        slots = [other for other, _ in list(self._slots.values()) if not other.retire_reason]  # others are on their way
        held = sum(other.living.holdings.runtime == runtime for other in slots)
        return "other daemons want a share of the nodes" if held > max(1, self.places(runtime)) else ""


def _report(holdings: Holdings) -> Report:
    return Report(
        lease="0",
        execs=holdings.execs,
        loads=holdings.loads,
        bound=holdings.bound,
        loaded={path: generation.id for path, generation in holdings.loaded.items()},
        ran=holdings.ran,
        retire_reason=holdings.retire_reason,
    )
