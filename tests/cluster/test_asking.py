"""runner.cluster.far, without workers: how it asks nodes and the object store, and what it says when there is none."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from runner.cluster import far as far_module
from runner.cluster import names
from runner.cluster.far import STORE_IS_SILENT, Far
from runner.cluster.leases import Lease
from runner.cluster.messages import NoOffer, as_bytes
from runner.errors import PoolExhausted
from runner.pool.slot import Slot, State
from runner.settings import Settings
from tests.cluster.servers import Servers, connected
from tests.cluster.test_leases import BUILD, NODE
from tests.daemon.borrowers import Lent, build
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from nats.aio.msg import Msg

    from runner.cluster.connection import Connection
    from runner.runtimes.runtime import Runtime
    from runner.worker.worker import Worker

NO_SLOT = cast("Slot", object())


class Asks:
    """What a daemon has to ask nodes with, and a connection on which a test says what a node would say."""

    def __init__(self, stack: ExitStack, directory: pytest.TempPathFactory) -> None:
        place = directory.mktemp("asks")
        servers = stack.enter_context(Servers(place))
        self.sip, self.node = (stack.enter_context(connected(servers.urls(user), user)) for user in ("sip", "node"))
        self.settings = Settings()
        self.place = place

    def far(self) -> Far:
        """A new one, that knows no node; each file is in the object store."""
        runtime = cast("Runtime", None)
        made = Far(
            lambda: self.settings, self.sip, lambda _: runtime, lambda part: self.place / part.hash, lambda: None
        )
        made._bucket.missing = lambda parts: []  # type: ignore[method-assign]  # noqa: ARG005 - its name
        return made


@pytest.fixture(scope="module")
def asks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asks]:
    with ExitStack() as stack:
        yield Asks(stack, tmp_path_factory)


def why_not(far: Far, left_s: float = WAIT_S, *, waits: bool = False) -> str:
    with pytest.raises(PoolExhausted) as refused:
        far.acquire(BUILD, time.monotonic() + left_s, 1, waits=waits)
    return str(refused.value).removeprefix("no worker of another machine is free: ")


@contextlib.contextmanager
def listening(connection: Connection, subject: str, hear: Callable[[Msg], Awaitable[None]]) -> Iterator[None]:
    heard = connection.call(connection.listen(subject, hear, names.GROUP), WAIT_S)
    yield

    async def leave() -> None:
        connection.leave(heard)
        await asyncio.sleep(0)  # it is said
        await connection.client().flush()  # the server has heard it

    connection.call(leave(), WAIT_S)


def test_no_node_and_nodes_that_are_all_busy_are_told_apart(asks: Asks) -> None:
    far = asks.far()

    assert why_not(far) == "there is no node for mono"
    far.nodes._seen[NODE.node] = time.monotonic() + WAIT_S, NODE
    assert why_not(far) == "all nodes are busy"


def test_what_a_node_has_said_is_the_reason_also_when_the_deadline_comes_first(
    asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was "no node answered in time", and the last request went out with no time left."""
    far, left = asks.far(), list[float]()
    far.nodes._seen[NODE.node] = time.monotonic() + WAIT_S, NODE

    def leased(_build: object, deadline: float, _user: int) -> Slot:
        left.append(deadline - time.monotonic())
        if len(left) == 1:
            raise ConnectionError("one: no worker was free")
        threading.Event().wait(left[-1])
        raise TimeoutError

    monkeypatch.setattr(far, "_leased", leased)

    assert why_not(far, 0.1, waits=True) == "one: no worker was free"
    assert len(left) == 2
    assert min(left) > 0


def test_nobody_is_asked_when_nothing_is_left(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    far = asks.far()
    monkeypatch.setattr(far, "_leased", None)

    assert why_not(far, 0.0) == "the deadline passed before a node was asked"


def test_a_node_that_refuses_says_why(asks: Asks) -> None:
    far, refusal = asks.far(), as_bytes(NoOffer(refusal="one: it ends"))

    async def refuse(message: Msg) -> None:
        asks.node.publish(message.reply, refusal)

    with listening(asks.node, names.lease("mono"), refuse):
        until(lambda: why_not(far) == "one: it ends", "the node is asked")


def test_a_silent_object_store_is_named(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    far = asks.far()

    async def put(*_: object) -> None:
        raise TimeoutError  # as asyncio.wait_for, at the end of its time

    monkeypatch.setattr(far._bucket, "missing", lambda parts: parts)
    monkeypatch.setattr(far._bucket, "put", put)

    assert why_not(far) == STORE_IS_SILENT


def test_a_silent_object_store_has_no_longer_than_the_client(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had 30 s. The client gave up long before, and lost all its workers with the connection."""
    far, waits_s = asks.far(), list[float]()
    call = asks.sip.call

    def noted(work: Coroutine[object, object, None], timeout_s: float) -> None:
        waits_s.append(timeout_s)
        call(work, min(timeout_s, 0.1))

    monkeypatch.setattr(far._bucket, "missing", lambda parts: parts)
    monkeypatch.setattr(far._bucket, "put", lambda *_: asyncio.sleep(WAIT_S))
    monkeypatch.setattr(asks.sip, "call", noted)

    with pytest.raises(PoolExhausted, match=STORE_IS_SILENT):
        far.provide(NO_SLOT, BUILD, time.monotonic() + 0.1)
    with pytest.raises(PoolExhausted, match=STORE_IS_SILENT):
        far.provide(NO_SLOT, BUILD, time.monotonic() - 0.1)

    assert waits_s[0] <= 0.1
    assert waits_s[1] == 0.0


def test_what_the_store_has_already_needs_no_time(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asks.sip, "call", None)

    asks.far().provide(NO_SLOT, BUILD, time.monotonic() - 1.0)


def test_a_script_that_is_forgotten_while_it_is_announced_is_no_error(
    asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clients and a save at once, with more scripts than are announced, were a KeyError."""
    monkeypatch.setattr(far_module, "MOST_SCRIPTS", 1)
    far = asks.far()

    class Shared(dict[str, object]):
        """Another thread comes between what one thread finds here and what it does with that."""

        def __contains__(self, path: object) -> bool:
            found = super().__contains__(path)
            self.interrupt()
            return found

        def __iter__(self) -> Iterator[str]:
            first = next(iter([*super().__iter__()]))
            self.interrupt()
            return iter([first])

        def interrupt(self) -> None:
            if threading.current_thread() is threading.main_thread():
                other = threading.Thread(target=far._use, args=("/other.exe",))
                other.start()
                other.join(0.2)  # it waits for its turn, and comes later
                others.append(other)

    others: list[threading.Thread] = []
    far._used = Shared({BUILD.path: None})  # type: ignore[assignment]

    far.announce(BUILD)
    far._use("/third.exe")

    for other in others:
        other.join(WAIT_S)
    assert len(others) == 2
    assert len(far._used) == 1


# Several daemons.


class OnANode(Lent):
    """A worker without a process."""

    is_alive = False
    started_at = 0.0

    def kill(self) -> None:
        """There is none."""


def lent(far: Far) -> Slot:
    """A slot whose worker is on a node and is lent."""
    worker = OnANode(build("/x.cs", "1"))
    worker.holdings.runtime = "mono"
    slot = Slot(0, State.LEASED, cast("Worker", worker), beyond=far)
    far._slots[id(slot)] = slot, Lease()
    return slot


def test_each_of_several_daemons_counts_on_its_share_and_gives_back_what_is_beyond(asks: Asks) -> None:
    far = asks.far()
    far.nodes._seen["n1"] = time.monotonic() + WAIT_S, replace(NODE, places={"mono": 3})
    far.nodes._seen["n2"] = time.monotonic() + WAIT_S, replace(NODE, node="n2", places={"mono": 2, "python": 4})
    slots = [lent(far) for _ in range(3)]

    assert (far.places("mono"), far.places("python"), far.places("java")) == (5, 4, 0)
    assert [far.wants_back(slot) for slot in slots] == ["", "", ""]

    far.nodes._seen["n1"] = time.monotonic() + WAIT_S, replace(NODE, places={"mono": 3}, hosts=("another",))
    assert (far.places("mono"), far.places("python")) == (2, 2)
    assert [far.wants_back(slot) for slot in slots] == ["other daemons want a share of the nodes", "", ""]
    far.release(slots[0], survives=True)
    assert [far.wants_back(slot) for slot in slots[1:]] == ["", ""]


def test_a_share_is_one_worker_at_least_and_a_node_that_ends_has_none(asks: Asks) -> None:
    far, slot = asks.far(), None
    hosts = tuple(str(number) for number in range(9))
    far.nodes._seen["n1"] = time.monotonic() + WAIT_S, replace(NODE, hosts=hosts)
    far.nodes._seen["n2"] = time.monotonic() + WAIT_S, replace(NODE, node="n2", is_draining=True, hosts=hosts)

    slot = lent(far)

    assert (far.nodes.places("mono"), far.places("mono")) == (1, 0)
    assert far.wants_back(slot) == ""
