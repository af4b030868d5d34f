"""
What a daemon knows of the nodes: which there are, how many workers they have, and whether they still live.

A node that ends by SIGKILL says nothing. So each node that this daemon has leases of is asked again and again, and at
once while a client waits; the server answers in its place when it has gone. A node that has come, or had leases, is
asked until it has none that this daemon does not know: what was said of their end may be lost. Runs in the loop of the
connection.
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
    from .leases import Lease

log = logging.getLogger("runner.cluster")

LOOK_S = 0.05
STATUS_S = 2.0  # between two requests for the statistics of all nodes
FORGET_S = 3 * STATUS_S  # a node that has not answered for so long
CHECK_S = 1.0  # between two checks of a node with leases
CHECK_WAITING_S = 0.1  # likewise while a client has waited for so long
ANSWER_S = 1.0  # a node that does not answer in time is lost, and so are its leases
WANTS_S = 2.0  # a daemon that found all nodes busy says so for so long
SETTLED_S = 3.0  # a younger lease may not be known to both sides yet


class Nodes:
    """
    The nodes. ``places``, ``hosts`` and ``all`` are for any thread.

    Args:
        host_id: The daemon.
        connection: To NATS.
        leases_of: The leases of each node.
        lose: Called with a lease that is lost, and the reason.
        came: Called when there is a node that was not known.
    """

    def __init__(
        self,
        host_id: str,
        connection: Connection,
        leases_of: Callable[[], Mapping[str, list[Lease]]],
        *,
        lose: Callable[[str, str], object],
        came: Callable[[], object],
    ) -> None:
        self._host_id = host_id
        self._connection = connection
        self._leases_of = leases_of
        self._lose = lose
        self._came = came
        self._seen: dict[str, tuple[float, NodeStatus]] = {}
        self._checked: dict[str, float] = {}
        self._checking: set[str] = set()
        self._asked = 0.0
        self._connections = 0
        self._wants_until = 0.0

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

    def want(self) -> None:
        """Tell all nodes that this daemon uses them, for some seconds from now on: it has asked, and all were busy."""
        self._wants_until = time.monotonic() + WANTS_S

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
        self.note(node)

    def note(self, node: NodeStatus) -> None:
        """What a node says that it is now."""
        is_new = node.node not in self._seen
        self._seen[node.node] = time.monotonic(), node
        if is_new:
            self._checked.setdefault(node.node, 0.0)
            self._came()

    async def _look_after(self) -> None:
        now = time.monotonic()
        if not self._connection.is_connected:
            return
        if self._connections != self._connection.count:  # much may have happened since the last one
            self._connections, self._asked = self._connection.count, 0.0
            self._checked = dict.fromkeys(self._checked, 0.0)
        if now >= self._asked + STATUS_S:
            self._asked = now
            self._connection.publish(names.STATS, b"", names.host(self._host_id, "stats"))
            self._seen = {key: seen for key, seen in self._seen.items() if seen[0] >= now - FORGET_S}
        self._check_due(now)

    def _check_due(self, now: float) -> None:
        leases = self._leases_of()
        if now < self._wants_until:
            self._checked = dict.fromkeys(self._seen, 0.0) | self._checked
        for node in [*leases, *(node for node in self._checked if node not in leases)]:
            held = leases.get(node, [])
            waits = any((since := lease.relay.waits_since) and now - since >= CHECK_WAITING_S for lease in held)
            due = self._checked.get(node, 0.0) + (CHECK_WAITING_S if waits else CHECK_S)
            if now >= due and node not in self._checking:
                self._checked[node] = now
                self._checking.add(node)
                self._connection.start(self._check(node, held))

    async def _check(self, node: str, held: list[Lease]) -> None:
        """Compare what this daemon and a node know of each other's leases."""
        reason, theirs, connection = "", dict[str, int](), self._connection.count
        try:
            sent = {lease.id: lease.relay.sent for lease in held}
            ours = Leases(host=self._host_id, sent=sent, wants=time.monotonic() < self._wants_until)
            answer = await self._connection.request(names.leases_of(node), as_bytes(ours), ANSWER_S)
            theirs = Leases.read(parsed(answer)).sent
        except TimeoutError:
            reason = f"its node does not answer for {ANSWER_S:g} s"
        except ConnectionError as error:
            reason = f"its node has gone: {error}"
        except Malformed as error:
            reason = f"its node says what is not understood: {error}"
        finally:
            self._checking.discard(node)
        if reason and (not self._connection.is_connected or self._connection.count != connection):
            return  # it is not the node that has gone
        if reason:
            self._seen.pop(node, None)
        if not held and (reason or not (theirs or ours.wants)):
            self._checked.pop(node, None)  # nothing is left to end there
        settled = time.monotonic() - SETTLED_S
        for lease in held:
            if not reason and lease.id in theirs:
                lease.relay.compare(theirs[lease.id])
            elif reason or lease.since < settled:
                self._lose(lease.id, reason or "its node does not know it any more")
