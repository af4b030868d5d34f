"""
The client of nats-py, which tells when its connection has ended. The one module that imports nats-py as it is loaded.

nats-py 2.16 connects again by itself, but not always: its read loop ends at any exception that it does not know, its
task that connects again likewise, and servers that it has heard of are tried without a password. So ``connection``
makes a new client instead. Must not know how servers are chosen.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from nats import errors
from nats.aio.client import Client

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription

LATE_S = 1.0  # messages that a server had chosen a subscription for come within milliseconds


class Watched(Client):
    """
    A client that is connected once.

    Attributes:
        ended: Set when its connection has ended, whatever was the cause: nothing is read from then on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ended = asyncio.Event()

    async def _read_loop(self) -> None:
        # Runs as long as the connection: whatever ends that ends or cancels this (Client._close, _process_op_err).
        try:
            await super()._read_loop()
        finally:
            self.ended.set()

    async def leave(self, subscription: Subscription) -> None:
        """
        Let the server send no more messages for a subscription. Those that it had chosen this one for are still heard.

        ``Subscription.drain`` of nats-py 2.16 drops what comes after the answer to the PING that follows its UNSUB. A
        server may still send then what another of its connections had in hand (measured: requests for a lease).
        """
        with contextlib.suppress(errors.Error):  # with its connection it has ended itself
            await self._send_unsubscribe(subscription._id)  # noqa: SLF001 - what is public stops hearing as well
            await asyncio.sleep(LATE_S)
            await subscription.unsubscribe()
