"""A node in the process of the test, so that it can be looked at, and a daemon that says what it likes."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cluster import names
from runner.cluster.builds import Bucket
from runner.cluster.messages import HEAD, SAID, Have, Offer, Wanted, as_bytes, parsed, said, saying
from runner.cluster.node import Node
from runner.control.kinds import Malformed
from runner.runner import Runner
from runner.scripts.generation import Generation, Helper, Part
from runner.settings import Settings
from tests.cluster.servers import Servers, connected
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from contextlib import ExitStack

    from nats.aio.msg import Msg

    from runner.cluster.connection import Connection
    from runner.control.messages import Message
    from runner.pool.pool import Pool


class Host:
    """A daemon with one lease at most, which says what it likes."""

    def __init__(self, connection: Connection) -> None:
        self.id = names.new_id()
        self.lease = names.new_id()
        self.heard: list[bytes] = []
        self.news = threading.Event()
        self.connection = connection
        connection.call(connection.listen(names.host(self.id, "*"), self._hear), WAIT_S)

    async def _hear(self, message: Msg) -> None:
        self.heard.append(message.data)
        self.news.set()

    def answer(self, generation: Generation) -> bytes:
        """What the first node says that has an idle worker."""
        wanted = Wanted(host=self.id, lease=self.lease, user=os.getuid(), generation=generation, wait_s=WAIT_S)
        answers: list[bytes] = []

        def is_answered() -> bool:
            with suppress(ConnectionError):  # all workers may be busy, or start
                asked = self.connection.request(names.lease("mono"), as_bytes(wanted), WAIT_S)
                answers.append(self.connection.call(asked, WAIT_S))
            return bool(answers)

        until(is_answered, "a node answers")
        return answers[0]

    def ask(self, generation: Generation) -> Offer:
        """A worker."""
        offers: list[Offer] = []

        def is_offered() -> bool:
            with suppress(Malformed):  # a refusal: all workers may have become busy meanwhile
                offers.append(Offer.read(parsed(self.answer(generation))))
            return bool(offers)

        until(is_offered, "a node offers a worker")
        return offers[0]

    def send(self, offer: Offer, number: int, kind: bytes, data: bytes) -> None:
        """The message of this number on the way of the lease."""
        frame = kind + number.to_bytes(HEAD - 1) + data
        self.connection.post(self.connection.publish, names.node(offer.node.node, self.lease), frame)

    def told(self) -> list[Message]:
        """What the node said about the lease."""
        return [said(frame[HEAD:]) for frame in list(self.heard) if frame[:1] == SAID]


def put(connection: Connection, script: Path, *helpers: Path) -> Generation:
    """The build that a script has now; a daemon has put its files into the object store."""

    def part(path: Path) -> Part:
        return Part(str(path), hashlib.sha256(path.read_bytes()).hexdigest())

    beside: dict[str, Helper | None] = {path.stem: Helper(part(path)) for path in helpers}
    build = Generation.of(str(script), part(script), None, None, beside, "mono")
    bucket = Bucket(connection)
    until(lambda: not _put(connection, bucket, build), "the object store takes the build")
    return build


def _put(connection: Connection, bucket: Bucket, build: Generation) -> str:
    try:
        connection.call(bucket.put(build.parts(), lambda part: Path(part.path)), WAIT_S)
    except ConnectionError as error:  # a server that has just started
        return str(error)
    return ""


class Here:
    """
    A server of NATS, a node with two workers, and the connection of a daemon.

    Args:
        directory: Private to the test.
        stack: Ends all of it.
    """

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        servers = stack.enter_context(Servers(directory))
        self.settings = Settings(nats=servers.urls("node"), num_workers=2, max_workers=2, spare_workers=0)
        self.runner = stack.enter_context(Runner(self.settings))
        self.connection = stack.enter_context(connected(self.settings.nats, "node"))
        self.sip = stack.enter_context(connected(servers.urls("sip"), "daemon"))
        self.node = Node(self.settings, self.runner, self.connection, "here")
        self.connection.call(self.node._begin(), WAIT_S)

    @property
    def pool(self) -> Pool:
        """The node's workers of mono."""
        return self.runner.pools.of("mono").pool

    def await_idle(self) -> None:
        """Wait until both workers are."""
        until(lambda: self.pool.slots.idle() == self.pool.slots.all and len(self.pool.slots.all) == 2, "both are idle")

    def announce(self, build: Generation) -> None:
        """As a daemon does."""
        self.sip.post(self.sip.publish, names.AHEAD, saying(Have(generation=build)))
