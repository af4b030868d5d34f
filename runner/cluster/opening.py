"""
Opens a connection to NATS: which servers, as whom, and whether they are the right ones.

Must not know what is said on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runner.errors import ConfigError

from . import names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .watched import Watched

CONNECT_S = 2.0  # for all servers together
NEXT_S = 0.1  # until the next server is tried as well; one that refuses is known at once
PING_S = 5  # two of these without an answer and the server counts as gone


async def opened(
    urls: Sequence[str], context: ssl.SSLContext | None, name: str, fault: Callable[[Exception], object]
) -> Watched:
    """
    A client that is connected to one of the servers: the first one that takes it, in an order of chance.

    Args:
        urls: Of the servers; the first one names the user.
        context: What ``tls`` gave.
        name: What the servers show for it.
        fault: Called with what goes wrong on the connection later.

    Raises:
        ConfigError: No server takes it, and one refuses the user.
        OSError: No server can be reached.
    """
    user = urlsplit(urls[0]).username or "all"
    left = random.sample(urls, len(urls))
    trying: set[asyncio.Task[Watched]] = set()
    failures: list[OSError] = []
    refusals: list[ConfigError] = []
    deadline = asyncio.get_running_loop().time() + CONNECT_S
    try:
        while left or trying:
            if left:
                trying.add(asyncio.create_task(_opened(left.pop(), user, context, name, fault)))
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                break
            timeout_s = min(NEXT_S, left_s) if left else left_s
            done, trying = await asyncio.wait(trying, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            for attempt in done:
                try:
                    client = attempt.result()
                except ConfigError as error:
                    refusals.append(error)
                except OSError as error:
                    failures.append(error)
                else:
                    trying |= done - {attempt}  # two at once: the other one is closed below
                    return client
    finally:
        for attempt in trying:
            attempt.cancel()
            attempt.add_done_callback(_leave)
    if refusals:
        raise refusals[0]
    # In an order that does not change: what is the same again is not logged again.
    raise ConnectionError("; ".join(sorted(map(str, failures))) or f"no answer in {CONNECT_S:g} s")


async def _opened(
    url: str, user: str, context: ssl.SSLContext | None, name: str, fault: Callable[[Exception], object]
) -> Watched:
    """
    As ``opened``, of one server.

    Raises:
        ConfigError, OSError: As ``opened``.
    """
    from nats import errors  # noqa: PLC0415 - an optional extra

    from .watched import Watched  # noqa: PLC0415 - the same

    client = Watched()
    failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def hear(error: Exception) -> None:
        if client.is_connected:
            fault(error)
        elif not failed.done():
            failed.set_result(error)

    connecting = asyncio.create_task(
        client.connect(
            [url],
            name=name,
            error_cb=hear,
            allow_reconnect=False,
            connect_timeout=int(CONNECT_S),
            ping_interval=PING_S,
            skip_subject_validation=True,
            inbox_prefix=names.INBOX.format(user=names.token(user)),
            tls=context,
        )
    )
    is_opened = False
    both: set[asyncio.Future[Any]] = {connecting, failed}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not failed.done():
            await connecting
            is_opened = True
            return client
        error = failed.result()
    except Exception as raised:  # noqa: BLE001 - nats-py has no list of what it raises, and another server may do
        error = raised
    finally:
        if not is_opened:
            connecting.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await connecting
            _close(client)
    if isinstance(error, errors.AuthorizationError) or "uthorization" in str(error):
        raise ConfigError(f"nats: {_shown(url)} refuses user {user!r}: {error}")
    raise ConnectionError(f"{_shown(url)}: {str(error) or type(error).__name__}") from error


def _leave(attempt: asyncio.Task[Watched]) -> None:
    """An attempt that nobody waits for any more: a client that it has made nevertheless is closed."""
    if not attempt.cancelled() and attempt.exception() is None:
        _close(attempt.result())


def _close(client: Watched) -> None:
    """Close a client without a wait: after a TLS handshake that failed, nats-py 2.16 waits for ever."""
    closing = asyncio.create_task(asyncio.wait_for(client.close(), CONNECT_S))
    closing.add_done_callback(lambda closed: closed.cancelled() or closed.exception())


def place(client: Watched) -> str:
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
