"""runner.cluster.nodes: what a daemon knows of the nodes, and what they say of themselves."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from runner.cluster.leases import Lease
from runner.cluster.messages import Leases, as_bytes
from runner.cluster.nodes import Nodes
from tests.cluster.conftest import await_served
from tests.cluster.test_leases import NODE
from tests.daemon.leases import RETURNS
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from runner.client import lease as client
    from runner.cluster.relay import Relay
    from tests.cluster.conftest import Cluster


class Wire:
    """The way of a lease, on which nothing was sent."""

    sent = 0


class Silent:
    """A connection over which a node answers nothing, or the server that nobody is there."""

    is_connected = True
    count = 1

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def request(self, *_: object) -> bytes:
        raise self.error


def _lease(lease_id: str) -> Lease:
    lease = Lease()
    lease.id, lease.since = lease_id, 0.0
    lease.relay = cast("Relay", Wire())
    return lease


def lost(connection: object, is_connected: bool = True) -> list[tuple[str, str]]:  # noqa: FBT001, FBT002
    found: list[tuple[str, str]] = []
    nodes = Nodes(
        "a",
        connection,  # type: ignore[arg-type]
        dict,
        lose=lambda lease, reason: found.append((lease, reason)),
        came=lambda: None,
    )
    connection.is_connected = is_connected  # type: ignore[attr-defined]
    asyncio.run(nodes._check("n", [_lease("1"), _lease("2")]))
    return found


def test_the_leases_of_a_node_that_has_gone_are_lost() -> None:
    reason = "its node has gone: nobody answers there"
    assert lost(Silent(ConnectionError("nobody answers there"))) == [("1", reason), ("2", reason)]
    assert lost(Silent(TimeoutError()))[0][1] == "its node does not answer for 1 s"


def test_without_a_connection_no_node_is_to_blame() -> None:
    assert lost(Silent(ConnectionError("there is no connection")), is_connected=False) == []


class Answering(Silent):
    """A connection to a node that has leases of which this daemon knows nothing, until it is asked a third time."""

    def __init__(self) -> None:
        super().__init__(ConnectionError())
        self.asked = 0

    async def request(self, *_: object) -> bytes:
        self.asked += 1
        return as_bytes(Leases(host="a", sent={"lost": 3} if self.asked < 3 else {}))

    def start(self, work: Coroutine[object, object, None]) -> None:
        with suppress(StopIteration):
            work.send(None)


def test_a_node_is_asked_until_it_has_no_lease_that_nobody_knows() -> None:
    """The end of a lease that was said while its node had no connection kept a worker there for 10 s."""
    connection = Answering()
    nodes = Nodes("a", connection, dict, lose=lambda *_: None, came=lambda: None)  # type: ignore[arg-type]

    nodes.note(NODE)
    for second in range(10):
        nodes._check_due(1000.0 + 2 * second)

    assert connection.asked == 3


def test_a_node_says_what_it_has_and_what_it_did(cluster: Cluster, lease: client.Lease) -> None:
    before = cluster.told()
    await_served(lease, compiled(cluster.daemon.scripts, "Fine", RETURNS.format(0)))

    node = cluster.told()[cluster.node()]

    assert node.places["mono"] == 2
    assert node.leased >= 1
    assert node.leases > before[node.name].leases
    assert node.builds >= 1
    assert node.pid == cluster.nodes[node.name].pid
    assert node.hosts
