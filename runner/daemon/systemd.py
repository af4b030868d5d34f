"""One line to systemd (sd_notify(3)): ready, alive, stopping. Without systemd nothing happens."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Send for one ``READY=1`` to the socket that systemd names in the environment; never waits, never fails."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(False)  # noqa: FBT003  # positional only
        # An address that begins with @ is of the abstract namespace.
        sock.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
