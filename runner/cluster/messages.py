"""
What daemons and nodes say to each other, as docs/cluster.md has it, and how it stands in one message of NATS.

Must not know connections. Members are read as those of the control socket are (``control.messages``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from runner.control import kinds
from runner.control.kinds import Build, Flag, Id, Malformed, Number, Reason, Text
from runner.control.messages import Message, Report, Worker
from runner.scripts.generation import Part

ENDS = ("free", "kill", "stuck")
"""How a lease ends: the worker serves on, it is killed, or it is asked for its stacks and killed."""
DATA, SAID = b"D", b"S"
SEQUENCE = 4  # bytes
HEAD = len(DATA) + SEQUENCE


def _end(value: object) -> str:
    if value not in ENDS:
        raise Malformed(f"one of {', '.join(ENDS)}", value)
    return str(value)


def _part(value: object) -> Part:
    if not (isinstance(value, list) and [*map(type, value)] == [str, str]):
        raise Malformed("a path and a hash", value)
    return Part(*value)


def _numbers(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or not all(type(count) is int for count in value.values()):
        raise Malformed("an object of numbers", value)
    return value


Numbers = Annotated[dict[str, int], _numbers]


# A request for a lease, and its answer.


@dataclass(frozen=True, kw_only=True)
class Wanted(Message):
    """
    A daemon wants a worker.

    Attributes:
        host: The daemon.
        lease: How the lease is called from now on.
        user: The user whose client will have the worker: a worker serves one user for as long as it lives.
        generation: What will run there first.
        wait_s: How long a node may take, in seconds.
    """

    method = "lease"
    host: Id
    lease: Id
    user: Number
    generation: Build
    wait_s: Annotated[float, kinds.seconds]


@dataclass(frozen=True, kw_only=True)
class NodeStatus(Message):
    """
    A node, as its statistics have it.

    Attributes:
        name: What people call it.
        pid: Its process.
        up_s: Since its start.
        places: Workers that it may have, by runtime; ``free`` those that wait for a lease now.
        leased: Workers that daemons have now; ``leases`` those that they had until now, these included.
        hosts: The daemons that asked for one in the last seconds.
        is_draining: Whether it takes no more leases.
        refused: Requests for which there was no worker after all.
        lost: Leases that ended because a worker, a daemon or the way to it was lost.
        builds: Builds that it has.
        started: Workers that were started; ``failed`` starts failed.
        ended: Workers that were ended, by reason.
    """

    node: Id
    name: Text
    pid: Number
    up_s: kinds.Real
    places: Numbers
    free: Numbers
    leased: Number
    leases: Number
    hosts: Annotated[tuple[str, ...], kinds.each(kinds.identifier)]
    is_draining: Flag
    refused: Number
    lost: Number
    builds: Number
    started: Number
    failed: Number
    ended: Annotated[dict[str, float], kinds.reals]


@dataclass(frozen=True, kw_only=True)
class Offer(Message):
    """
    A node's answer.

    Attributes:
        node: The node, as it is now.
        version: Of the worker's runtime.
        worker: The worker; its ``loaded`` are all builds that it has.
    """

    node: Annotated[NodeStatus, NodeStatus.read]
    version: Text
    worker: Annotated[Worker, Worker.read]


@dataclass(frozen=True, kw_only=True)
class NoOffer(Message):
    """A node's answer when it has no worker after all: another one may."""

    refusal: Reason


@dataclass(frozen=True, kw_only=True)
class Leases(Message):
    """
    The leases that a daemon and a node have with each other; each ends those that the other one does not know.

    Attributes:
        host: The daemon.
        sent: By lease, how many messages the speaker has sent on its way until now.
        wants: Whether the daemon has asked for a lease lately and has found all nodes busy: no node has heard that.
    """

    host: Id
    sent: Numbers
    wants: Flag = False


def status(data: bytes) -> NodeStatus:
    """
    A node as it answers a request for its statistics as a micro-service of NATS (ADR-32).

    Raises:
        Malformed: It is no such answer.
    """
    match parsed(data):
        case {"endpoints": [{"data": of_node}, *_]}:
            return NodeStatus.read(of_node)
        case other:
            raise Malformed("the statistics of a node", other)


# Said on the way of a lease, to the node.


@dataclass(frozen=True, kw_only=True)
class Have(Message):
    """Before you pass on what follows, have this build."""

    method = "have"
    generation: Build


@dataclass(frozen=True, kw_only=True)
class HaveFile(Message):
    """As ``Have``, of one file that a script loads by its name while it runs."""

    method = "have_file"
    file: Annotated[Part, _part]


@dataclass(frozen=True, kw_only=True)
class End(Message):
    """The lease is over; ``report`` is what the worker has done since, and ``reason`` goes into the node's log."""

    method = "end"
    how: Annotated[str, _end]
    reason: Reason
    report: Annotated[Report | None, kinds.maybe(Report.read)] = None


# Said on the way of a lease, to the daemon.


@dataclass(frozen=True, kw_only=True)
class Back(Message):
    """The node wants its worker back before the next exec."""

    method = "back"
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Ended(Message):
    """
    The worker has ended.

    Attributes:
        reason: Why.
        is_blameless: Whether of something that no script is to blame for.
        heard: How many messages of the daemon have come; the worker has got nothing of the others.
    """

    method = "ended"
    reason: Reason
    is_blameless: Flag
    heard: Number


SAYINGS = {kind.method: kind for kind in (Have, HaveFile, End, Back, Ended)}


def as_bytes(message: Message) -> bytes:
    """A request or an answer."""
    return json.dumps(message.as_json(), separators=(",", ":")).encode()


def saying(message: Message) -> bytes:
    """What is said on the way of a lease."""
    return json.dumps([message.method, message.as_json()], separators=(",", ":")).encode()


def parsed(data: bytes) -> Any:
    """
    The JSON of a message.

    Raises:
        Malformed: It is none.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Malformed("JSON", data[:80].decode("utf-8", "replace")) from None


def said(data: bytes) -> Message:
    """
    What ``saying`` wrote.

    Raises:
        Malformed: It is none of it.
    """
    match parsed(data):
        case [str(method), params] if method in SAYINGS:
            return SAYINGS[method].read(params)
        case other:
            raise Malformed(f"one of {', '.join(SAYINGS)}", other)
