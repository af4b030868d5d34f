"""runner.cluster.leases: the leases of a daemon, over a connection that says what it likes."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from runner.cluster.leases import GONE, Lease, Leases
from runner.cluster.messages import DATA, Back, Ended, NodeStatus, NoOffer, Offer, as_bytes, saying
from runner.control.messages import Worker
from runner.scripts.generation import Generation, Part
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.msg import Msg

    from runner.cluster.connection import Connection

BUILD = Generation.of("/s/x.exe", Part("/s/x.exe", "1" * 64), None, None, {}, "mono")
WORKER = Worker(
    lease="1", pid=17, is_local=False, execs=0, loads=0, bound={}, ran={}, loaded=(), keep=True, fresh=False,
    max_execs=0, max_loads=0, max_line_bytes=1000, is_placed=False, runtime="mono",
)  # fmt: skip
NODE = NodeStatus(
    node="n1", name="one", pid=5, up_s=1.0, places={"mono": 1}, free={"mono": 0}, leased=1, leases=1, hosts=(),
    is_draining=False, refused=0, lost=0, builds=1, started=1, failed=0, ended={},
)  # fmt: skip
OFFER = as_bytes(Offer(node=NODE, version="6.8", worker=WORKER))


class Wire:
    """A connection without servers."""

    most_bytes = 1000
    is_connected = True

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.sent: list[bytes] = []
        self.has_sent = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.lost: Callable[[], None] = lambda: None

    def tell(self, *, lost: Callable[[], None], back: Callable[[], None], gone: Callable[[], None]) -> None:
        self.lost, self.back, self.gone = lost, back, gone

    async def listen(self, *_: object) -> None:
        """Nobody speaks."""

    async def request(self, *_: object) -> bytes:
        return self.answer

    def publish(self, _subject: str, data: bytes, _reply: str = "") -> bool:
        self.sent.append(data)
        self.has_sent.set()
        return True

    def owe(self, _subject: str, data: bytes) -> None:
        self.sent.append(data)

    def post(self, step: Callable[..., object], *arguments: object) -> None:
        step(*arguments)


class Heard:
    """A message of NATS."""

    def __init__(self, lease: Lease, data: bytes) -> None:
        self.subject = f"appmono.v1.host.a.{lease.id}"
        self.data = data


class Asked:
    """One lease, with the client's ends of its pipes."""

    def __init__(self, answer: bytes = OFFER) -> None:
        self.wire = Wire(answer)
        self.woken: list[bool] = []
        self.leases = Leases(cast("Connection", self.wire), lambda: self.woken.append(True))
        self.lease, self.ours = Lease(), list[int]()

    async def ask(self) -> Asked:
        await self.leases.begin()
        await self.leases.ask(self.lease, self.ours, BUILD, 1, 1.0)
        return self

    async def hear(self, data: bytes) -> None:
        await self.leases._hear(cast("Msg", Heard(self.lease, data)))

    def read(self) -> bytes:
        return os.read(self.ours[0], 1000)


def test_a_node_without_a_worker_after_all_is_no_offer() -> None:
    async def go() -> None:
        asked = Asked(as_bytes(NoOffer(refusal="one: it ends")))
        with pytest.raises(ConnectionError, match="one: it ends"):
            await asked.ask()
        asked.leases.drop(asked.lease)
        assert asked.leases.by_node() == {}

    asyncio.run(go())


def test_a_client_that_waits_for_nothing_learns_that_nothing_has_run() -> None:
    async def go() -> None:
        asked = await Asked().ask()

        await asked.hear(b"")  # the server says that nobody listens

        assert asked.read() == GONE
        assert asked.read() == b""
        assert asked.lease.process is not None
        assert asked.lease.process.is_blameless
        assert asked.woken

    asyncio.run(go())


def test_a_client_whose_line_has_reached_the_node_only_sees_the_end() -> None:
    async def go() -> None:
        asked = await Asked().ask()
        os.write(asked.ours[1], b"exec\n")
        await asyncio.wait_for(asked.wire.has_sent.wait(), WAIT_S)

        asked.wire.lost()
        assert asked.leases.by_node()  # it may run, and its answer may come over the next connection
        asked.wire.gone()

        assert asked.read() == b""
        assert asked.leases.by_node() == {}

    asyncio.run(go())


def test_a_line_of_which_a_piece_has_come_is_not_gone_on_with() -> None:
    """Not a broken line: the client is to see that the worker has ended."""

    async def go() -> None:
        asked = await Asked().ask()

        await asked.hear(DATA + bytes(4) + b'{"jsonrpc":"2.0",')
        asked.leases.lose(asked.lease.id, "its node has gone")

        assert asked.read() == b'{"jsonrpc":"2.0",'
        assert asked.read() == b""

    asyncio.run(go())


@pytest.mark.parametrize(("heard", "expected"), [(0, GONE), (1, b"")])
def test_a_line_that_has_not_come_to_a_worker_that_ended_may_go_to_another_one(heard: int, expected: bytes) -> None:
    async def go() -> None:
        asked = await Asked().ask()
        os.write(asked.ours[1], b"exec\n")
        await asyncio.wait_for(asked.wire.has_sent.wait(), WAIT_S)

        ended = Ended(reason="a message was lost on the way", is_blameless=True, heard=heard)
        await asked.hear(b"S" + bytes(4) + saying(ended))

        assert asked.read() == expected

    asyncio.run(go())


def test_an_idle_lease_waits_for_the_next_connection_until_there_is_none() -> None:
    async def go() -> None:
        asked = await Asked().ask()
        asked.wire.lost()
        assert asked.leases.by_node()

        asked.wire.gone()

        assert asked.read() == GONE
        assert asked.leases.by_node() == {}

    asyncio.run(go())


def test_what_comes_for_a_lease_goes_to_its_client_and_what_is_wanted_back_is_noted() -> None:
    async def go() -> None:
        asked = await Asked().ask()

        await asked.hear(DATA + bytes(4) + b"result\n")
        await asked.hear(b"S" + (1).to_bytes(4) + saying(Back(reason="its node ends")))

        assert asked.read() == b"result\n"
        assert asked.lease.process is not None
        assert asked.lease.process.wanted_back == "its node ends"
        asked.lease.process.kill()
        assert asked.read() == b""

    asyncio.run(go())


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def test_out_of_descriptors_there_is_no_lease_and_nothing_stays_open() -> None:
    async def go() -> None:
        asked = Asked()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        before = open_files()
        resource.setrlimit(resource.RLIMIT_NOFILE, (before + 1, limits[1]))
        try:
            with pytest.raises(ConnectionError, match="no pipe can be made: Too many open files"):
                await asked.ask()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        asked.leases.drop(asked.lease)
        assert open_files() == before

    asyncio.run(go())
