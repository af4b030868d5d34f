"""
The leases that a daemon has on nodes, one relay each: how they are asked for, what comes on their way, and their end.

Runs in the loop of the connection, but where it says otherwise. Must not know slots, nor who has which worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from typing import TYPE_CHECKING

from runner.control.kinds import Malformed

from . import names
from .messages import SAID, Back, End, Ended, NoOffer, Offer, Wanted, as_bytes, parsed, saying
from .relay import NOT_SENT, Relay
from .worker import FarProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.msg import Msg

    from runner.control.messages import Message
    from runner.scripts.generation import Generation

    from .connection import Connection

log = logging.getLogger("runner.cluster")

# What a worker says that ends outside of an exec (docs/protocol.md): the client knows that nothing has run, and takes
# another one.
GONE = b'{"jsonrpc":"2.0","method":"exiting","params":{"code":0,"exec":0}}\n'
LATE_S = 2.0  # an offer that comes later is found when both sides compare their leases


class Lease:
    """One lease: its relay, what stands for the process, the node and what people call that; and whether it is over."""

    __slots__ = ("id", "is_over", "name", "node", "process", "relay", "since")

    def __init__(self) -> None:
        self.id = names.new_id()
        self.node = self.name = ""
        self.since = time.monotonic()
        self.is_over = False
        self.process: FarProcess | None = None
        self.relay: Relay


class Leases:
    """
    All of them.

    Args:
        connection: To NATS.
        wake: Called when there is upkeep to do.

    Attributes:
        host: The daemon, as the nodes know it.
    """

    def __init__(self, connection: Connection, wake: Callable[[], None]) -> None:
        self.host = names.new_id()
        self._connection = connection
        self._wake = wake
        self._all: dict[str, Lease] = {}

    async def begin(self) -> None:
        """Listen to the nodes."""
        self._connection.tell(lost=self._pause, back=self._resume, gone=self._lose_all)
        await self._connection.listen(names.host(self.host, "*"), self._hear)

    def any_waits(self) -> bool:
        """Whether a client waits for a worker's answer; for any thread."""
        return any(lease.relay.waits_since for lease in list(self._all.values()))

    async def ask(self, lease: Lease, ours: list[int], generation: Generation, user: int, left_s: float) -> Offer:
        """
        Ask one node for a worker.

        Args:
            lease: A new one; ``drop`` it after an error.
            ours: Gets our ends of the pipes, the one to read first, which are the caller's, also after an error.
            generation: What will run first.
            user: The user whose client will have the worker.
            left_s: Longest wait in seconds.

        Raises:
            ConnectionError: No node has a free worker, or there is no connection.
            TimeoutError: It did not answer in time.
        """
        if lease.is_over:  # its caller has given up before this began
            raise TimeoutError
        connection = self._connection
        (their_reads, our_writes), (our_reads, their_writes) = _two_pipes()
        ours += our_reads, our_writes
        lease.relay = Relay(
            connection.loop,
            their_reads,
            their_writes,
            most_bytes=connection.most_bytes,
            send=lambda frame: connection.publish(
                names.node(lease.node, lease.id), frame, names.host(self.host, lease.id)
            ),
            hear=lambda message: self._told(lease, message),
            lost=lambda reason: self.lose(lease.id, reason),
        )
        self._all[lease.id] = lease
        wanted = Wanted(host=self.host, lease=lease.id, user=user, generation=generation, wait_s=left_s)
        subject = names.lease(generation.runtime)
        asking = asyncio.ensure_future(connection.request(subject, as_bytes(wanted), left_s + LATE_S))
        offer: Offer | None = None
        try:
            await asyncio.wait({asking}, timeout=left_s)
            offer = _offer(await asking) if asking.done() else None
        finally:  # also where nobody waits for this any more
            if offer is None:
                asking.add_done_callback(lambda late: self._refuse(lease, late))
        if offer is None:
            raise TimeoutError
        lease.node, lease.name = offer.node.node, offer.node.name
        lease.process = FarProcess(offer.worker.pid, lambda end: connection.post(self._end, lease, end))
        lease.relay.begin()
        return offer

    def _refuse(self, lease: Lease, asked: asyncio.Future[bytes]) -> None:
        """An offer has come too late: the node has its worker again."""
        if asked.cancelled() or asked.exception() is not None:
            return
        with contextlib.suppress(ConnectionError, Malformed):
            lease.node = _offer(asked.result()).node.node
            self._say_end(lease, End(how="free", reason="the offer came too late"))

    def drop(self, lease: Lease) -> None:
        """Forget a lease, and close its pipes."""
        lease.is_over = True
        self._all.pop(lease.id, None)
        if hasattr(lease, "relay"):
            lease.relay.close()

    def by_node(self) -> dict[str, list[Lease]]:
        """The leases of each node."""
        found: dict[str, list[Lease]] = {}
        for lease in self._all.values():
            if lease.node:
                found.setdefault(lease.node, []).append(lease)
        return found

    def lose(self, lease_id: str, reason: str, *, is_blameless: bool = True) -> None:
        """A lease is over without our doing: its client sees the hang-up at once."""
        lease = self._all.get(lease_id)
        if lease is None:
            return
        if lease.process is not None and lease.process.lose(reason, is_blameless=is_blameless):
            log.log(logging.INFO, "worker %d on %s: %s", lease.process.pid, lease.name, reason)
            self._say_end(lease, End(how="kill", reason=reason))
            if not lease.relay.waits_since and not lease.relay.is_in_a_line:
                lease.relay.write(GONE)
        self.drop(lease)
        self._wake()

    async def _hear(self, message: Msg) -> None:
        lease = self._all.get(message.subject.rpartition(".")[2])
        if lease is None:
            return
        if message.data:
            lease.relay.take(message.data)
        else:  # the server's own answer: nobody listens there, so what was sent last has reached nobody
            lease.relay.waits_since = 0.0
            self.lose(lease.id, "its node has gone")

    def _told(self, lease: Lease, message: Message) -> None:
        match message:
            case Back(reason=reason) if lease.process is not None:
                lease.process.wanted_back = reason
                self._wake()
            case Ended(reason=reason, is_blameless=is_blameless, heard=heard):
                if lease.relay.is_unheard(heard):
                    lease.relay.waits_since = 0.0
                self.lose(lease.id, reason, is_blameless=is_blameless)

    def _pause(self) -> None:
        """
        The connection was lost. The leases wait a moment for the next one.

        What was under way may be lost with it: that is found when both sides compare how much they have heard.
        """
        for lease in self._all.values():
            lease.relay.pause()

    def _lose_all(self) -> None:
        for lease_id in list(self._all):
            self.lose(lease_id, NOT_SENT)

    def _resume(self) -> None:
        for lease in self._all.values():
            lease.relay.resume()

    def _end(self, lease: Lease, end: End) -> None:
        self._say_end(lease, end)
        self.drop(lease)

    def _say_end(self, lease: Lease, end: End) -> None:
        self._connection.owe(names.node(lease.node, lease.id), lease.relay.framed(SAID, saying(end)))


def _offer(answer: bytes) -> Offer:
    """
    What a node answered.

    Raises:
        ConnectionError: It has no worker after all.
        Malformed: It is no answer.
    """
    found = parsed(answer)
    try:
        return Offer.read(found)
    except Malformed:
        raise ConnectionError(NoOffer.read(found).refusal) from None


def _two_pipes() -> list[tuple[int, int]]:
    """
    Two pipes that do not block, of each the reading end first.

    Raises:
        ConnectionError: Out of descriptors; none is left open.
    """
    made: list[tuple[int, int]] = []
    try:
        made.append(os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK))
        made.append(os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        for descriptor in [end for ends in made for end in ends]:
            os.close(descriptor)
        raise ConnectionError(f"no pipe can be made: {error.strerror}") from error
    return made
