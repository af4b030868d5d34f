"""runner.cluster.watched: a client that tells when its connection has ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runner.cluster import watched
from runner.cluster.watched import Watched
from tests.cluster.servers import Servers
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from nats.aio.msg import Msg


async def connected(servers: Servers) -> Watched:
    async def hear(_: Exception) -> None:
        """It has ended, as it should."""

    client = Watched()
    await client.connect(servers.urls("admin"), allow_reconnect=False, error_cb=hear)
    return client


def test_the_end_of_its_server_is_known(tmp_path: Path) -> None:
    async def go(servers: Servers) -> None:
        client = await connected(servers)
        assert not client.ended.is_set()

        servers.kill(0)

        await asyncio.wait_for(client.ended.wait(), WAIT_S)

    with Servers(tmp_path) as servers:
        asyncio.run(go(servers))


def test_what_nats_py_does_not_expect_ends_it_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its read loop ends at such an exception and tells nobody: the connection looked fine for 15 s."""

    async def go(servers: Servers) -> None:
        client = await connected(servers)

        async def breaks(_: bytes) -> None:
            raise EOFError

        monkeypatch.setattr(client._ps, "parse", breaks)
        client._transport.write(b"PING\r\n")  # type: ignore[union-attr]

        await asyncio.wait_for(client.ended.wait(), WAIT_S)
        await client.close()

    with Servers(tmp_path) as servers:
        asyncio.run(go(servers))


def test_what_was_left_is_forgotten_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LATE_S", 0.0)

    async def hear(_: Msg) -> None:
        """Nobody speaks."""

    async def go(servers: Servers) -> None:
        client = await connected(servers)
        before = {*client._subs}
        await client.leave(await client.subscribe("a", cb=hear))
        assert {*client._subs} == before

        left = await client.subscribe("a", cb=hear)
        await client.close()
        await client.leave(left)  # with its connection it has ended itself

    with Servers(tmp_path) as servers:
        asyncio.run(go(servers))
