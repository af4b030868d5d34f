"""
What a daemon knows of the nodes: which there are, how many workers they have, and whether they still live.

A node that ends by SIGKILL says nothing. So each node that this daemon has leases of is asked again and again, and at
once while a client waits; the server answers in its place when it has gone. Runs in the loop of the connection.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from runner.control.kinds import Malformed

from . import names
from .messages import Leases, NodeStatus, as_bytes, parsed, status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nats.aio.msg import Msg

    from .connection import Connection

log = logging.getLogger("runner.cluster")

LOOK_S = 0.05
STATUS_S = 2.0  # between two requests for the statistics of all nodes
FORGET_S = 3 * STATUS_S  # a node that has not answered for so long
CHECK_S = 1.0  # between two checks of a node with leases
CHECK_WAITING_S = 0.1  # likewise while a client has waited for so long
ANSWER_S = 1.0  # a node that does not answer in time is lost, and so are its leases
SETTLED_S = 3.0  # a younger lease may not be known to both sides yet


class Nodes:
    """
    The nodes. ``places``, ``hosts`` and ``all`` are for any thread.

    Args:
        host_id: The daemon.
        connection: To NATS.
        leases_of: By node the id of each lease, since when it is, and since when its client waits (0: it does not).
        lose: Called with a lease that is lost, and the reason.
    """

    def __init__(
        self,
        host_id: str,
        connection: Connection,
        leases_of: Callable[[], Mapping[str, list[tuple[str, float, float]]]],
        lose: Callable[[str, str], object],
    ) -> None:
        self._host_id = host_id
        self._connection = connection
        self._leases_of = leases_of
        self._lose = lose
        self._seen: dict[str, tuple[float, NodeStatus]] = {}
        self._checked: dict[str, float] = {}
        self._checking: set[str] = set()
        self._asked = 0.0

    async def begin(self) -> None:
        """Look after the nodes from now on."""
        await self._connection.listen(names.host(self._host_id, "stats"), self._hear)
        self._connection.repeat(self._look_after, LOOK_S)

    def places(self, runtime: str) -> int:
        """How many workers of a runtime all nodes have together, idle or not."""
        return sum(node.places.get(runtime, 0) for node in self.all() if not node.is_draining)

    def hosts(self) -> int:
        """How many daemons use the nodes, this one included."""
        return len({host for node in self.all() for host in node.hosts} | {self._host_id})

    def all(self) -> list[NodeStatus]:
        """Those that have answered lately."""
        oldest = time.monotonic() - FORGET_S
        return [node for at, node in list(self._seen.values()) if at >= oldest]

    async def _hear(self, message: Msg) -> None:
        try:
            node = status(message.data)
        except Malformed as error:
            log.debug("a node: %s", error)
            return
        self._seen[node.node] = time.monotonic(), node

    async def _look_after(self) -> None:
        now = time.monotonic()
        if not self._connection.is_connected:
            return
        if now >= self._asked + STATUS_S:
            self._asked = now
            self._connection.publish(names.STATS, b"", names.host(self._host_id, "stats"))
            self._seen = {key: seen for key, seen in self._seen.items() if seen[0] >= now - FORGET_S}
        self._check_due(now)

    def _check_due(self, now: float) -> None:
        leases = self._leases_of()
        self._checked = {node: at for node, at in self._checked.items() if node in leases}
        for node, held in leases.items():
            waits = any(since and now - since >= CHECK_WAITING_S for _, _, since in held)
            due = self._checked.get(node, 0.0) + (CHECK_WAITING_S if waits else CHECK_S)
            if now >= due and node not in self._checking:
                self._checked[node] = now
                self._checking.add(node)
                self._connection.start(self._check(node, held))

    async def _check(self, node: str, held: list[tuple[str, float, float]]) -> None:
        """Compare what this daemon and a node know of each other's leases."""
        ours = tuple(lease for lease, _, _ in held)
        reason, theirs = "", frozenset[str]()
        try:
            asked = as_bytes(Leases(host=self._host_id, leases=ours))
            answer = await self._connection.request(names.leases_of(node), asked, ANSWER_S)
            theirs = frozenset(Leases.read(parsed(answer)).leases)
        except TimeoutError:
            reason = f"its node does not answer for {ANSWER_S:g} s"
        except ConnectionError as error:
            reason = f"its node has gone: {error}"
        except Malformed as error:
            reason = f"its node says what is not understood: {error}"
        finally:
            self._checking.discard(node)
        if reason and not self._connection.is_connected:
            return  # it is not the node that has gone
        if reason:
            self._seen.pop(node, None)
        settled = time.monotonic() - SETTLED_S
        for lease, since, _ in held:
            if reason or (lease not in theirs and since < settled):
                self._lose(lease, reason or "its node does not know it any more")
