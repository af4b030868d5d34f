"""
One wire that leads over NATS: bytes from a pipe become messages, and messages become bytes in a pipe.

Both sides have one, the daemon towards its client and the node towards its worker. Messages are numbered, because a
server that ends takes with it what was under way: after a gap nothing is believed, and the lease ends. Runs in the
loop of the connection. Must not know what a line means, nor who leases what.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from runner.control.kinds import Malformed
from runner.wire.channel import READ_BYTES
from runner.wire.session import MAX_LINE_BYTES

from .messages import DATA, HEAD, SAID, SEQUENCE, said, saying

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from runner.control.messages import Message

MOST_WAITING = 2 * MAX_LINE_BYTES  # bytes for a pipe that nobody reads; in strict turns it is one line
NUMBERS = 2 ** (8 * SEQUENCE)
HUNG_UP = "the wire was closed"
GAP = "a message was lost on the way"
NOT_SENT = "the connection to NATS was lost"


class Relay:
    """
    One end of such a wire. For the loop's thread; ``begin`` and ``close`` belong together.

    Args:
        loop: The loop.
        reads: The end of a pipe to read from, not blocking; closed by ``close``.
        writes: The end of a pipe to write to, likewise.
        most_bytes: The longest message.
        send: Sends one; False when it cannot be sent now.
        hear: Called with what the other side says.
        lost: Called once, with the reason, when the wire has ended without ``close``.

    Attributes:
        sent, heard: How many messages went to the other side, and how many of it have come.
        waits_since: When bytes were sent that nothing has come back for yet, on ``time.monotonic``; 0 when there are
            none.
        has_passed_on: Whether any bytes of the other side have come.
        is_in_a_line: Whether they end in the middle of one.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        reads: int,
        writes: int,
        *,
        most_bytes: int,
        send: Callable[[bytes], bool],
        hear: Callable[[Message], object],
        lost: Callable[[str], object],
    ) -> None:
        self._loop = loop
        self._reads, self._writes = reads, writes
        self._most = min(READ_BYTES, most_bytes - HEAD)
        self._send = send
        self._hear = hear
        self._lost = lost
        self.sent = self.heard = 0
        self._expected = self._asked = 0
        self._waiting = bytearray()
        self._holds = 0
        self.waits_since = 0.0
        self.has_passed_on = self.is_in_a_line = False
        self._is_closed = False

    def begin(self) -> None:
        """Pass on what comes from the pipe."""
        self._loop.add_reader(self._reads, self._read)

    def say(self, message: Message) -> bool:
        """Say something to the other side, after all bytes until now; whether it was sent."""
        return self._send(self.framed(SAID, saying(message)))

    def framed(self, kind: bytes, data: bytes) -> bytes:
        """The next message, for whoever sends it."""
        frame: bytes = kind + (self.sent % NUMBERS).to_bytes(SEQUENCE) + data
        self.sent += 1
        return frame

    def pause(self) -> None:
        """Take nothing from the pipe until ``resume``."""
        if not self._is_closed:
            self._loop.remove_reader(self._reads)

    def resume(self) -> None:
        """As ``pause``."""
        if not self._is_closed:
            self._loop.add_reader(self._reads, self._read)

    def take(self, frame: bytes) -> None:
        """One message of the other side."""
        if self._is_closed:
            return
        if int.from_bytes(frame[len(DATA) : HEAD]) != self.heard % NUMBERS:
            self.fail(GAP)
            return
        self.heard += 1
        if frame[: len(DATA)] == DATA:
            self.has_passed_on, self.waits_since, self.is_in_a_line = True, 0.0, not frame.endswith(b"\n")
            self.write(frame[HEAD:])
            return
        try:
            message = said(frame[HEAD:])
        except Malformed as error:
            self.fail(f"it says what is not understood: {error}")
        else:
            self._hear(message)

    def compare(self, sent: int) -> None:
        """The other side has sent so many messages until now. What has not come by the next time is lost."""
        if self.heard < self._expected:
            self.fail(GAP)
        self._expected = sent

    def is_unheard(self, heard: int) -> bool:
        """Whether of the line that the client waits for nothing has come to the other side, which heard so many."""
        return bool(self.waits_since) and heard <= self._asked

    def hold(self) -> None:
        """Keep back the bytes for the pipe from now on, until as many ``go_on``."""
        self._holds += 1

    def go_on(self) -> None:
        """As ``hold``."""
        self._holds -= 1
        if not self._is_closed and not self._holds:
            self.write(b"")

    def fail(self, reason: str) -> None:
        """End it from here, as one whose wire was lost; does nothing after ``close``."""
        if not self._is_closed:
            self._lost(reason)

    def detach(self) -> None:
        """Stop, and leave the pipes open: they are their owner's again."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._reads)
            self._loop.remove_writer(self._writes)

    def close(self) -> None:
        """Stop, and close both pipes: whoever has their other ends sees it at once."""
        if not self._is_closed:
            self.detach()
            os.close(self._reads)
            os.close(self._writes)

    def write(self, data: bytes) -> None:
        """Write to the pipe, now or as soon as its reader takes it."""
        if self._waiting or self._holds:
            self._waiting += data
            if len(self._waiting) > MOST_WAITING:
                self.fail(f"nobody reads: {len(self._waiting)} bytes wait")
                return
            if self._holds:
                return
            data = bytes(self._waiting)
            self._waiting.clear()
        if not data:
            return
        try:
            rest = data[os.write(self._writes, data) :]
        except BlockingIOError:
            rest = data
        except OSError:
            self.fail(HUNG_UP)
            return
        if rest:
            self._waiting += rest
            self._loop.add_writer(self._writes, self._write_more)

    def _read(self) -> None:
        try:
            data = os.read(self._reads, self._most)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.fail(HUNG_UP)
            return
        number = self.sent
        if not self._send(self.framed(DATA, data)):
            self.fail(NOT_SENT)
            return
        if not self.waits_since:
            self.waits_since, self._asked = time.monotonic(), number

    def _write_more(self) -> None:
        self._loop.remove_writer(self._writes)
        self.write(b"")
