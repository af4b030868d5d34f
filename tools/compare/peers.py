"""
Who talks to a server under judgment: a sender for each mode, one of probes, and a sink.

Each server has a network namespace of its own (``apart.py``), so the ports are the same in every run and on both sides.
"""

from __future__ import annotations

import re
import socket
from typing import Self

from tools.compare.cases import MODES

PORTS = {"main": 5100, "alt": 5101, "drop": 5160, "forward": 5161, "reply": 5162, "both": 5163, "probe": 5164}
PORTS |= {"sink": 5190}
"""The sockets of the server, the senders by the mode that they stand for, and the sink."""
LOOPBACK = "127.0.0.1"
# Of the Via that the server adds, of Kamailio's own form or ours.
_BRANCH = re.compile(rb"(Via: SIP/2\.0/UDP [^\r\n]*?;branch=)z9hG4bK(?:0|[0-9a-f]+\.[0-9a-f.]+)(?=[;\r\n])")
_TO_TAG = re.compile(rb"tag=[0-9a-f]{32}[-.][0-9a-f]{4,8}(?=[;\r\n])")
_DATE = re.compile(rb"Date: \w{3}, \d\d \w{3} 20[2-9]\d \d\d:\d\d:\d\d GMT")
_SERVER = re.compile(rb"(?m)^Server: kamailio \([^)\r\n]*\)\)")


class Peers:
    """The sockets. A context manager."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}
        for name in (*MODES, "probe", "sink"):
            sock = self._sockets[name] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((LOOPBACK, PORTS[name]))
            sock.settimeout(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._sockets.values():
            sock.close()

    def send(self, message: bytes, sender: str, receiver: str) -> None:
        """Send one datagram from the sender of a mode, or of probes, to a socket of the server."""
        self._sockets[sender].sendto(message, (LOOPBACK, PORTS[receiver]))

    def received(self) -> tuple[bytes, ...]:
        """All that has come, without what each server makes up: replies of its own, and what it sent on."""
        return tuple(plain(data) for name in ("sink", *MODES, "probe") for data in _received(self._sockets[name]))


def plain(data: bytes) -> bytes:
    """A message as it leaves, without branch, tag, date and version, which each server makes up."""
    data = _SERVER.sub(b"Server: <KAMAILIO>", _DATE.sub(b"Date: <DATE>", data))
    data = _TO_TAG.sub(b"tag=<TOTAG>", data)
    return data if data[:7].upper() == b"SIP/2.0" else _BRANCH.sub(rb"\1<BRANCH>", data, count=1)


def _received(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(70_000))
        except BlockingIOError:
            return found
        except ConnectionRefusedError:  # an earlier datagram met a server that had crashed
            continue
