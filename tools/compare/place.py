"""
Where a play happens: the ports that cases name, and free ones of the same length in their stead.

Cases are the same in every run, so their messages have fixed ports; two runs at once need ports of their own.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import socket
from typing import Self

from tools.compare.cases import MODES

PORTS = {"main": 5100, "alt": 5101, "drop": 5160, "forward": 5161, "reply": 5162, "both": 5163, "probe": 5164}
PORTS |= {"sink": 5190}
LOOPBACK = "127.0.0.1"
_FIRST, _LAST = 2000, 9999  # four digits, so that lengths stay, and below those that the kernel gives out
_BRANCH = re.compile(rb"branch=z9hG4bK[^;\r\n]*")
_TO_TAG = re.compile(rb"tag=[0-9a-f]{32}[-.][0-9a-f]{4,8}(?:-?[0-9a-f.]*)?")
_DATE = re.compile(rb"Date: \w{3}, \d\d \w{3} 20[2-9]\d \d\d:\d\d:\d\d GMT")


class Place:
    """
    The sockets of the senders and of the sink, and free ports for a server. A context manager.

    Attributes:
        ports: The port that stands for each of ``PORTS``, by name.
    """

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}
        free = self._free_ports()
        self.ports: dict[str, int] = {}
        for name in PORTS:
            self.ports[name] = next(free)
        self._in_place = {str(PORTS[name]): str(port) for name, port in self.ports.items()}
        self._pattern = re.compile("|".join(map(str, PORTS.values())))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._sockets.values():
            sock.close()

    def _free_ports(self) -> itertools.chain[int]:
        """Those of the own sockets are bound here and stay so."""
        names = iter(PORTS)
        found = []
        span = _LAST - _FIRST
        for number in range(span):
            port = _FIRST + (os.getpid() * 37 + number) % span
            if port in PORTS.values():
                continue
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with contextlib.suppress(OSError):
                sock.bind((LOOPBACK, port))
                name = next(names)
                found.append(port)
                if name in {"main", "alt"}:
                    sock.close()
                else:
                    sock.settimeout(0)
                    self._sockets[name] = sock
                if len(found) == len(PORTS):
                    return itertools.chain(found)
                continue
            sock.close()
        raise OSError(f"no {len(PORTS)} UDP ports are free on {LOOPBACK}")

    def placed(self, text: str) -> str:
        """A text of a case with the ports of this place."""
        return self._pattern.sub(lambda match: self._in_place[match[0]], text) if "51" in text else text

    def placed_bytes(self, data: bytes) -> bytes:
        """The same for a message."""
        return self.placed(data.decode("latin-1")).encode("latin-1")

    def send(self, message: bytes, sender: str, receiver: str) -> None:
        """Send one datagram from the sender of a mode, or of probes, to a socket of the server."""
        self._sockets[sender].sendto(message, (LOOPBACK, self.ports[receiver]))

    def forwarded(self) -> tuple[bytes, ...]:
        """What has come to the sink, without what each server makes up."""
        return tuple(_BRANCH.sub(b"branch=<BRANCH>", data, count=1) for data in _received(self._sockets["sink"]))

    def replies(self, mode: str) -> tuple[bytes, ...]:
        """What has come back to the sender of a mode, without what each server makes up."""
        return tuple(_TO_TAG.sub(b"tag=<TOTAG>", data) for data in _received(self._sockets[mode]))

    def forget(self) -> None:
        """Take what is left of an earlier play."""
        for name in (*MODES, "probe", "sink"):
            _received(self._sockets[name])


def without_date(data: bytes) -> bytes:
    """A message without the time that ``append_time`` writes."""
    return _DATE.sub(b"Date: <DATE>", data)


def _received(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(without_date(sock.recv(70_000)))
        except BlockingIOError:
            return found
        except ConnectionRefusedError:  # an earlier datagram met a server that had crashed
            continue
