"""
A node: workers for the daemons of other machines, and no socket of its own.

It is in the queue group of a runtime while it has an idle worker, and answers requests for a lease. From then on what
the daemon sends goes to the worker, and what that writes goes back. Must not know Kamailio, nor what a line means.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from runner.control.kinds import Malformed
from runner.control.messages import Worker as WorkerMessage
from runner.errors import ConfigError, PoolExhausted, RunnerError, ScriptError, WorkerError
from runner.wire.session import MAX_LINE_BYTES

from . import names
from .builds import Bucket, Fetched
from .lent import Lent
from .messages import Have, Leases, NodeStatus, NoOffer, Offer, Wanted, as_bytes, parsed, said
from .nodes import SETTLED_S

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.micro.request import Request

    from runner.pool.pool import Pool
    from runner.runner import Runner
    from runner.scripts.generation import Generation
    from runner.settings import Settings

    from .connection import Connection, Subject

log = logging.getLogger("runner.node")

LOOK_S = 0.05
WORKERS_OF_A_SUBJECT = 4  # idle workers for each subscription: the server chooses among subscriptions, not nodes
# A daemon asks for its leases each second, and gives them up itself where it has no connection (PATIENCE_S). So one
# that has said nothing for so long has ended: CHECK_S, ANSWER_S of a request that was lost, PATIENCE_S, and a moment.
SILENT_S = 3.0
GIVE_BACK_THREADS = 4  # they take back workers, and wait for nobody else
TOLD_S = 2.0  # to tell all daemons that the node ends; usually it takes a millisecond
ASKED_S = 10.0  # a daemon that wanted a lease within this time counts as one that uses the nodes


class Node:
    """
    Serves daemons until ``end``.

    Args:
        settings: What its workers may, as for a daemon.
        runner: Has the workers; it is entered already.
        connection: To NATS, likewise.
        name: What people call this machine.
    """

    def __init__(self, settings: Settings, runner: Runner, connection: Connection, name: str = "") -> None:
        self.id = names.new_id()
        self.name = name or socket.gethostname()
        self._settings = settings
        self._runner = runner
        self._connection = connection
        self._runtimes = [one.name for one in runner.runtimes.all if shutil.which(one.command[0])]
        self._bucket = Bucket(connection)
        self._fetched = Fetched(self._bucket, runner.scripts.store)
        self._lent: dict[str, Lent] = {}
        self._groups: dict[str, list[Subject]] = {name: [] for name in self._runtimes}
        self._regrouping = asyncio.Lock()
        self._heard: dict[str, float] = {}
        self._asked: dict[str, float] = {}
        self._started_at = time.monotonic()
        self._leases = self._refused = self._lost = 0
        self._is_draining = False
        self._ended = threading.Event()
        self._taking_back = ThreadPoolExecutor(GIVE_BACK_THREADS, "take back")

    def serve(self) -> bool:
        """Lend workers until ``end`` is called, and then until all are back; False: ``drain_timeout_s`` came first."""
        connection = self._connection
        try:
            connection.call(self._begin(), self._settings.start_timeout_s)
        except TimeoutError:
            raise ConfigError(f"nats: no answer within {self._settings.start_timeout_s:g} s") from None
        log.warning("node %s, process %d, lends %s", self.name, os.getpid(), ", ".join(self._runtimes))
        while not self._ended.wait(1.0):
            pass
        deadline = time.monotonic() + self._settings.drain_timeout_s
        self._is_draining = True
        try:
            connection.call(self._drain(), TOLD_S)
        except (TimeoutError, ConnectionError):
            log.warning("NATS does not take what this node says, so its daemons do not know yet that it ends")
        while self._lent and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        left = len(self._lent)
        for lent in list(self._lent.values()):
            connection.post(lent.give_up, "the node ends")
        log.warning("ended; %d workers were not given back", left)
        return not left

    def end(self) -> None:
        """Let ``serve`` return; also from a signal handler."""
        self._ended.set()

    # In the loop.

    async def _begin(self) -> None:
        connection = self._connection
        connection.tell(joined=self._join, lost=self._pause, back=self._resume)
        if connection.is_connected:
            await self._join(connection.client())
        await connection.listen(names.node(self.id, "*"), self._hear)
        await connection.listen(names.AHEAD, self._hear_ahead)
        connection.repeat(self._look_after, LOOK_S)

    async def _join(self, client: Client) -> None:
        """Be seen as a micro-service (ADR-32): its one endpoint compares leases, its statistics are the node's."""
        from nats.micro import add_service  # noqa: PLC0415 - an optional extra

        service = await add_service(
            client,
            name=names.SERVICE,
            version="1.0.0",
            description=f"app-mono on {self.name}",
            metadata={"node": self.id},
            stats_handler=lambda _: self.status().as_json(),
        )
        await service.add_endpoint(name="leases", subject=names.leases_of(self.id), handler=self._compare)

    def status(self) -> NodeStatus:
        """The node as it is now."""
        now = time.monotonic()
        life = self._runner.pools.snapshot().life
        return NodeStatus(
            node=self.id,
            name=self.name,
            pid=os.getpid(),
            up_s=round(now - self._started_at, 1),
            places={name: self._runner.runtimes.settings_of(name).max_workers for name in self._runtimes},
            free={name: self._idle(name) for name in self._runtimes},
            leased=len(self._lent),
            leases=self._leases,
            hosts=tuple(host for host, at in self._asked.items() if now - at < ASKED_S),
            is_draining=self._is_draining,
            refused=self._refused,
            lost=self._lost,
            builds=self._fetched.count(),
            started=life.started,
            failed=life.failed,
            ended=dict(life.ended),
        )

    async def _look_after(self) -> None:
        await self._regroup()
        now = time.monotonic()
        for lent in list(self._lent.values()):
            if now - max(self._heard.get(lent.host, 0.0), lent.since) > SILENT_S:
                lent.give_up(f"its daemon has said nothing for {SILENT_S:g} s")

    async def _regroup(self) -> None:
        """Be in the group of each runtime as often as its idle workers are worth."""
        async with self._regrouping:
            for runtime, subjects in self._groups.items():
                wanted = 0 if self._is_draining else -(-self._idle(runtime) // WORKERS_OF_A_SUBJECT)
                while len(subjects) > wanted:
                    self._connection.leave(subjects.pop())
                while len(subjects) < wanted:
                    subject = names.lease(runtime)
                    subjects.append(await self._connection.listen(subject, self._wanted, names.GROUP))

    def _idle(self, runtime: str) -> int:
        """Idle workers; 1 for a runtime that nobody has asked for yet: its first request makes its pool."""
        pool = self._pools().get(runtime)
        return 1 if pool is None else len(pool.slots.idle())

    def _pools(self) -> dict[str, Pool]:
        return {kept.runtime: kept.pool for kept in self._runner.pools.all()}

    def _pause(self) -> None:
        for lent in self._lent.values():
            lent.relay.pause()

    def _resume(self) -> None:
        for lent in self._lent.values():
            lent.relay.resume()

    async def _drain(self) -> None:
        await self._regroup()
        for lent in list(self._lent.values()):
            lent.ask_back("its node ends")

    async def _wanted(self, message: Msg) -> None:
        self._connection.start(self._lease(message))

    async def _lease(self, message: Msg) -> None:
        """Answer a request for a lease."""
        answer: Offer | NoOffer
        try:
            wanted = Wanted.read(parsed(message.data))
            answer = await self._offer(wanted)
        except (Malformed, RunnerError, KeyError, OSError, RuntimeError) as error:
            self._refused += 1
            answer = NoOffer(refusal=f"{self.name}: {error}"[:500])
        self._connection.publish(message.reply, as_bytes(answer))
        await self._regroup()

    async def _offer(self, wanted: Wanted) -> Offer:
        now = time.monotonic()
        self._note_wish(wanted.host, now)
        if self._is_draining:
            raise PoolExhausted("it ends")
        generation = self._fetched.known(wanted.generation.id) or wanted.generation
        if generation.runtime not in self._groups:
            raise PoolExhausted(f"it has no {generation.runtime}")
        pool = self._runner.pools.of(generation.runtime).pool
        slot = pool.at_once(generation, wanted.user)
        if slot is None:
            until = now + min(wanted.wait_s, pool.settings.allocate_timeout_s)
            slot = await self._connection.loop.run_in_executor(None, pool.acquire, generation, until, wanted.user)
        worker, holdings = slot.living, slot.living.holdings
        sent = WorkerMessage(
            lease=wanted.lease,
            pid=worker.pid,
            is_local=False,
            execs=holdings.execs,
            loads=holdings.loads,
            bound=dict(holdings.bound),
            ran=dict(holdings.ran),
            loaded=tuple(holdings.loaded.values()),
            keep=True,
            fresh=False,
            max_execs=slot.max_jobs,
            max_loads=self._settings.max_loads,
            max_line_bytes=MAX_LINE_BYTES,
            is_placed=False,
            runtime=holdings.runtime,
            can=holdings.can,
        )
        try:
            threads = self._taking_back
            lent = Lent(self._connection, self._fetched, pool, slot, wanted=wanted, over=self._is_over, threads=threads)
        except (OSError, RuntimeError):
            pool.release(slot, survives=False)
            raise
        self._lent[wanted.lease] = lent
        self._leases += 1
        return Offer(node=self.status(), version=worker.version, worker=sent)

    def _note_wish(self, host: str, now: float) -> None:
        self._asked = {host: at for host, at in self._asked.items() if now - at < ASKED_S} | {host: now}

    def _is_over(self, lent: Lent) -> None:
        self._lent.pop(lent.id, None)
        self._lost += lent.is_lost
        self._connection.start(self._regroup())

    async def _hear(self, message: Msg) -> None:
        lent = self._lent.get(message.subject.rpartition(".")[2])
        if lent is not None:
            lent.relay.take(message.data)

    async def _hear_ahead(self, message: Msg) -> None:
        """A build that will be asked for: have it, and load it on idle workers."""
        try:
            have = said(message.data)
        except Malformed as error:
            log.warning("an announcement is not understood: %s", error)
            return
        if isinstance(have, Have) and have.generation.runtime in self._groups:
            self._connection.start(self._load_ahead(have.generation))

    async def _load_ahead(self, wanted: Generation) -> None:
        try:
            generation = await self._fetched.fetch(wanted)
        except (ScriptError, ConnectionError) as error:
            log.warning("%s", error)
            return
        pool = self._runner.pools.of(generation.runtime).pool
        pool.use(generation)
        await self._connection.loop.run_in_executor(None, self._prepare, generation)

    def _prepare(self, generation: Generation) -> None:
        try:
            self._runner.pools.of(generation.runtime).upkeep.prepare(generation)
        except (ScriptError, WorkerError, PoolExhausted) as error:
            log.info("loading %s ahead: %s", generation.path, error)

    async def _compare(self, request: Request) -> None:
        """A daemon says which leases it has here; the answer is those that there are."""
        try:
            theirs = Leases.read(parsed(request.data))
        except Malformed as error:
            log.warning("a daemon says what is not understood: %s", error)
            return
        now = time.monotonic()
        self._heard = {host: at for host, at in self._heard.items() if now - at < SILENT_S} | {theirs.host: now}
        if theirs.wants:
            self._note_wish(theirs.host, now)
        ours = [lent for lent in self._lent.values() if lent.host == theirs.host]
        for lent in ours:
            if lent.id in theirs.sent:
                lent.relay.compare(theirs.sent[lent.id])
            elif now - lent.since > SETTLED_S:
                lent.give_up("its daemon does not know it any more")
        await request.respond(as_bytes(Leases(host=theirs.host, sent={lent.id: lent.relay.sent for lent in ours})))
