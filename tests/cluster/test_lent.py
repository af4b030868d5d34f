"""runner.cluster.lent: a worker that a daemon has, as its node sees it; here the daemon is the test."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from runner.cluster import names
from runner.cluster.builds import Bucket
from runner.cluster.messages import DATA, HEAD, SAID, Ended, Offer, Wanted, as_bytes, parsed, said
from runner.control.kinds import Malformed
from runner.scripts.generation import Generation, Part
from tests.cluster.servers import connected
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nats.aio.msg import Msg

    from runner.cluster.connection import Connection
    from runner.control.messages import Message
    from tests.cluster.conftest import Cluster

MISSING = Generation.of("/s/gone.exe", Part("/s/gone.exe", "0" * 64), None, None, {}, "mono")


class Host:
    """A daemon that says what it likes."""

    id = names.new_id()

    def __init__(self, connection: Connection) -> None:
        self.lease = names.new_id()
        self.heard: list[bytes] = []
        self.news = threading.Event()
        self.connection = connection
        connection.call(connection.listen(names.host(self.id, "*"), self._hear), WAIT_S)

    async def _hear(self, message: Msg) -> None:
        self.heard.append(message.data)
        self.news.set()

    def ask(self, generation: Generation) -> Offer:
        wanted = Wanted(host=self.id, lease=self.lease, user=os.getuid(), generation=generation, wait_s=WAIT_S)
        offers: list[Offer] = []

        def is_offered() -> bool:
            with suppress(ConnectionError, Malformed):  # all workers may be busy, or start
                asked = self.connection.request(names.lease("mono"), as_bytes(wanted), WAIT_S)
                offers.append(Offer.read(parsed(self.connection.call(asked, WAIT_S))))
            return bool(offers)

        until(is_offered, "a node offers a worker")
        return offers[0]

    def send(self, offer: Offer, number: int, kind: bytes, data: bytes) -> None:
        frame = kind + number.to_bytes(HEAD - 1) + data
        self.connection.post(self.connection.publish, names.node(offer.node.node, self.lease), frame)

    def told(self) -> list[Message]:
        return [said(frame[HEAD:]) for frame in list(self.heard) if frame[:1] == SAID]


@pytest.fixture
def host(cluster: Cluster) -> Iterator[Host]:
    with connected(cluster.servers.urls("sip"), "a daemon") as connection:
        yield Host(connection)


def test_a_build_that_is_nowhere_ends_the_lease_with_one_clear_line(cluster: Cluster, host: Host) -> None:
    offer = host.ask(MISSING)

    until(host.told, "the node says that it ends")

    (ended,) = host.told()
    assert isinstance(ended, Ended)
    assert ended.is_blameless
    assert "/s/gone.exe: " + "0" * 64 in ended.reason
    assert f"{ended.reason}\n" in cluster.nodes[offer.node.name].log()


def test_a_gap_ends_the_lease_and_what_comes_after_it_is_not_run(cluster: Cluster, host: Host) -> None:
    offer = host.ask(MISSING)

    host.send(offer, 7, DATA, b'{"jsonrpc":"2.0","id":1,"method":"exec","params":{}}\n')
    until(host.told, "the node says that it ends")

    (ended,) = host.told()
    assert isinstance(ended, Ended)
    assert ended.is_blameless
    until(lambda: cluster.told()[offer.node.name].leased == 0, "the worker is ended")


def test_a_daemon_that_breaks_the_protocol_loses_the_worker_and_no_node(
    cluster: Cluster, host: Host, tmp_path: Path
) -> None:
    content = b"a build that is there, so the lease goes on"
    part = Part("/s/there.exe", hashlib.sha256(content).hexdigest())
    (tmp_path / part.hash).write_bytes(content)
    bucket = Bucket(host.connection)
    host.connection.call(bucket.put([part], lambda part: tmp_path / part.hash), WAIT_S)
    offer = host.ask(Generation.of(part.path, part, None, None, {}, "mono"))

    host.send(offer, 0, SAID, b"[]")
    until(host.told, "the node says that it ends")

    assert "not understood" in getattr(host.told()[-1], "reason", "")
    assert cluster.told()[offer.node.name].up_s > 0


def test_a_malformed_request_is_answered_and_nothing_is_lent(cluster: Cluster, host: Host) -> None:
    answers: list[dict[str, str]] = []

    def is_answered() -> bool:
        with suppress(ConnectionError):  # all workers may be busy, or start
            asked = host.connection.request(names.lease("mono"), b"{}", WAIT_S)
            answers.append(parsed(host.connection.call(asked, WAIT_S)))
        return bool(answers)

    until(is_answered, "a node answers")

    assert "expected" in answers[0]["refusal"]
    until(lambda: sum(node.refused for node in cluster.seen.all().values()), "a node has refused it")
