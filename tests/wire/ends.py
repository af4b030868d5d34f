"""The worker's ends of a channel."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


SOON_S = 0.1
LONG_S = 60.0
"""A deadline that is never reached; a wait that ignored its own would reach the limit of the test run."""


class Ends:
    """The worker's ends of the wire, which block."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes

    def sendall(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._writes, data) :]

    def recv(self, count: int) -> bytes:
        return os.read(self._reads, count)

    def has_bytes(self) -> bool:
        return bool(select.select([self._reads], [], [], 0)[0])

    def close(self) -> None:
        for descriptor in (self._reads, self._writes):
            if descriptor >= 0:
                os.close(descriptor)
        self._reads = self._writes = -1


@contextlib.contextmanager
def meanwhile(work: Callable[[], None]) -> Generator[None]:
    """Runs ``work`` on a thread of its own, which has ended when the block has."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join(LONG_S)
    assert not thread.is_alive()


def after(seconds: float) -> float:
    return time.monotonic() + seconds
