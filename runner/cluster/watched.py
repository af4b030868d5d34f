"""
The client of nats-py, which tells when its connection has ended. The one module that imports nats-py as it is loaded.

nats-py 2.16 connects again by itself, but not always: its read loop ends at any exception that it does not know, its
task that connects again likewise, and servers that it has heard of are tried without a password. So ``connection``
makes a new client instead. Must not know how servers are chosen.
"""

from __future__ import annotations

import asyncio

from nats.aio.client import Client


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
