"""
Opens a connection to NATS: which servers, as whom, and whether they are the right ones.

Must not know what is said on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runner.errors import ConfigError

from . import names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nats.aio.client import Client

CONNECT_S = 2  # until the first connection
RETRY_S = 0.2  # between two attempts at one server
PING_S = 5  # two of these without an answer and the server counts as gone


async def opened(
    urls: Sequence[str],
    context: ssl.SSLContext | None,
    name: str,
    *,
    fault: Callable[[Exception], object],
    lost: Callable[[Client], object],
    back: Callable[[Client], object],
) -> Client:
    """
    A client of nats-py that is connected, and from then on connects again by itself.

    Args:
        urls: Of the servers; the first one names the user.
        context: What ``tls`` gave.
        name: What the servers show for it.
        fault: Called with what goes wrong on a connection that there is.
        lost: Called with the client when its connection is lost.
        back: Likewise when it has one again.

    Raises:
        ConfigError: The servers refuse the user.
        OSError: No server can be reached.
    """
    from nats import errors  # noqa: PLC0415 - an optional extra
    from nats.aio.client import Client  # noqa: PLC0415 - the same

    client = Client()
    refused: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
    last: list[Exception] = []

    async def hear(error: Exception) -> None:
        last[:] = [error]
        is_refusal = isinstance(error, errors.AuthorizationError) or "uthorization" in str(error)
        if is_refusal and not refused.done():
            refused.set_result(error)
        elif client.is_connected:
            fault(error)

    async def was_lost() -> None:
        lost(client)

    async def is_back() -> None:
        back(client)

    user = urlsplit(urls[0]).username or "all"
    connecting = asyncio.create_task(
        client.connect(
            list(urls),
            name=name,
            error_cb=hear,
            disconnected_cb=was_lost,
            reconnected_cb=is_back,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RETRY_S,  # type: ignore[arg-type] # it sleeps for so long
            connect_timeout=CONNECT_S,
            ping_interval=PING_S,
            allow_reconnect=True,
            skip_subject_validation=True,
            inbox_prefix=names.INBOX.format(user=names.token(user)),
            tls=context,
        )
    )
    both: set[asyncio.Future[Any]] = {connecting, refused}
    await asyncio.wait(both, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
    if not connecting.done() or refused.done():
        connecting.cancel()
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await connecting
        await client.close()
        if refused.done():
            where = ", ".join(map(_shown, urls))
            raise ConfigError(f"nats: {where} refuses user {user!r}: {await refused}")
        raise ConnectionError(str(last[0]) if last else "no answer")
    try:
        await connecting
    except (errors.Error, OSError) as error:
        raise ConnectionError(str(error)) from error
    return client


def place(client: Client) -> str:
    """The server that a client is connected to, for the log."""
    url = client.connected_url
    return "" if url is None else f"{url.hostname}:{url.port}"


def tls(ca: Path | None) -> ssl.SSLContext | None:
    """
    How a server shows who it is; None: as its URL says.

    Raises:
        ConfigError: There are no certificates in the file.
    """
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"nats_ca {ca}: expected a file of certificates (PEM): {error}") from error


def _shown(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or 4222}"
