"""Bytes to and from a worker over its socket, with a deadline on every wait.

Must not know what the bytes mean.
"""

from __future__ import annotations

import math
import socket
import struct
import time

READ_BYTES = 64 * 1024  # no record of the other side is longer
RECORD_BYTES = 32 * 1024  # longest that is sent as one: it always fits into a socket's buffer, and into one read
NO_SIGNAL = int(socket.MSG_NOSIGNAL)

# A kernel timer is set again only when the remaining time differs by more than this, so that an ordinary turn is one
# write and one read. After every wait the clock decides, so the deadline holds to within this slack.
SLACK_S = 0.005
NEVER_S = (1.0, 0.0)  # from, to
SHORTEST_S = 0.001  # a timeval of zero would mean to wait for ever


class Channel:
    """
    One blocking socket whose waits end at a deadline.

    The wire is SOCK_SEQPACKET, and the borders of its records mean nothing. A stream would do as well, but there the
    kernel wakes a worker that waits once more, for nothing, when we take its answer out of the buffer (unix(7) sockets
    share one wait queue for reading and writing, and only a wait for records looks at what it is woken for): two
    switches between processes in every turn (``make bench``, the rows of the echo).

    The timers are SO_RCVTIMEO and SO_SNDTIMEO of the kernel, so a turn costs no poll. A deadline is a
    ``time.monotonic`` value in seconds.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(None)
        self._sock = sock
        self._send_timer_s = self._receive_timer_s = math.inf
        self._turn_from_s, self._turn_to_s = NEVER_S

    def fileno(self) -> int:
        """The socket's descriptor; -1 when closed."""
        return self._sock.fileno()

    def send(self, data: bytes, deadline: float) -> None:
        """
        Sends all bytes.

        Raises:
            TimeoutError: The worker did not take them in time.
            ConnectionError: The worker has gone.
        """
        rest: bytes | memoryview = data
        while rest:
            remaining_s = deadline - time.monotonic()
            if not -SLACK_S <= self._send_timer_s - remaining_s <= SLACK_S or remaining_s <= 0:
                self._send_timer_s = self._arm(socket.SO_SNDTIMEO, remaining_s)
            try:
                sent = self._sock.send(rest[:RECORD_BYTES], NO_SIGNAL)
            except BlockingIOError:
                continue  # the timer ran out; the clock is compared with the deadline
            rest = memoryview(rest)[sent:]

    def turn(self, data: bytes, deadline: float) -> bytes:
        """
        Sends all bytes and gives what comes next: ``send`` and ``receive`` with one look at the clock.

        Raises:
            TimeoutError: The worker did not take them, or said nothing, in time.
            ConnectionError: The worker has gone without taking them.
        """
        if self._turn_from_s <= deadline - time.monotonic() <= self._turn_to_s and len(data) <= RECORD_BYTES:
            try:
                data = data[self._sock.send(data, NO_SIGNAL) :]
                if not data:  # as good as always it takes all
                    return self._sock.recv(READ_BYTES)
            except BlockingIOError:
                pass  # a timer ran out; the clock is compared with the deadline
            except OSError:
                if data:
                    raise
                return b""
        self.send(data, deadline)
        received = self.receive(deadline)
        # For so much time left both timers are right.
        self._turn_from_s = max(self._send_timer_s - SLACK_S, self._receive_timer_s - SLACK_S, SLACK_S)
        self._turn_to_s = min(self._send_timer_s, self._receive_timer_s) + SLACK_S
        return received

    def receive(self, deadline: float) -> bytes:
        """
        What is there, waiting for the first byte; empty at the end of the stream.

        Raises:
            TimeoutError: Nothing came in time.
        """
        while True:
            remaining_s = deadline - time.monotonic()
            if not -SLACK_S <= self._receive_timer_s - remaining_s <= SLACK_S or remaining_s <= 0:
                self._receive_timer_s = self._arm(socket.SO_RCVTIMEO, remaining_s)
            try:
                return self._sock.recv(READ_BYTES)
            except BlockingIOError:
                continue
            except OSError:  # reset, or closed by another thread of ours that ended the worker
                return b""

    def detach(self) -> socket.socket:
        """The socket itself; this channel is closed for its user from now on."""
        # No second socket, not even for a moment: a process that is out of descriptors must be able to give it up.
        return socket.socket(fileno=self._sock.detach())

    def close(self) -> None:
        """Closes our end; the worker sees the hang-up and ends itself."""
        self._sock.close()

    def _arm(self, option: int, remaining_s: float) -> float:
        if remaining_s <= 0:
            raise TimeoutError
        self._turn_from_s, self._turn_to_s = NEVER_S
        timer_s = max(remaining_s, SHORTEST_S)
        whole = int(timer_s)
        self._sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", whole, int((timer_s - whole) * 1e6)))
        return remaining_s
