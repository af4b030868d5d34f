"""A real Kamailio for one test: its configuration, a socket to talk to it, and its log.

Nothing here answers for Kamailio; when the package is missing the tests say how to get it.
"""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path
from typing import Self

from runner import installed
from runner.cli import private_kamailio
from runner.cli.private_kamailio import preamble
from runner.errors import ConfigError
from tests.ports import free_udp_port
from tests.programs import WAIT_S

__all__ = ("KAMAILIO", "LOST_S", "MODULES", "Kamailio", "Peer", "free_udp_port", "has_module", "preamble")

KAMAILIO = installed.executable()
MODULES = next(iter(sorted(Path("/usr/lib").glob("*/kamailio/modules"))), Path("/usr/lib/kamailio/modules"))
LOST_S = 5.0  # for messages that may be lost, in traffic: an answer takes well below a millisecond


def has_module(name: str) -> bool:
    """Whether this Kamailio has a module, for one ``app_mono``, which version 6 has no more."""
    return (MODULES / f"{name}.so").exists()


class Kamailio(private_kamailio.Kamailio):
    """That of ``app-mono``, which fails a test where it does not start: an AssertionError with its whole log."""

    def __enter__(self) -> Self:
        assert KAMAILIO, "kamailio is not installed: make test installs it (Debian package kamailio)"
        try:
            return super().__enter__()
        except ConfigError as error:
            raise AssertionError(f"kamailio did not start:\n{self.log()}") from error

    def children(self) -> list[int]:
        """The pids of all its processes but the main one."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in path.read_text(encoding="ascii").split()]

    def has_started(self) -> bool:
        """Whether it has all the processes that it said it would start; it listens before."""
        said = re.search(r"processes \(at least\): (\d+)", self.log())
        return said is not None and len(self.children()) >= int(said[1]) - 1  # it counts the main one

    def check(self) -> str:
        """What ``kamailio -c`` says of the configuration; the first line tells whether it is accepted."""
        ran = subprocess.run(
            [str(KAMAILIO), "-c", "-f", str(self.cfg)],
            cwd=self.directory, env=self.env, capture_output=True, text=True, timeout=WAIT_S, check=False,
        )  # fmt: skip
        return f"{'accepted' if ran.returncode == 0 else 'refused'}\n{ran.stdout}{ran.stderr}"


class Peer:
    """A UDP socket on 127.0.0.1 that speaks SIP with the Kamailio under test."""

    def __init__(self, to_port: int) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._to = ("127.0.0.1", to_port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket, where there is no ``with``."""
        self._sock.close()

    @property
    def port(self) -> int:
        """Where it can be reached."""
        port: int = self._sock.getsockname()[1]
        return port

    def send(self, message: bytes) -> None:
        """Send one datagram."""
        self._sock.sendto(message, self._to)

    def receive(self, timeout_s: float = WAIT_S) -> bytes | None:
        """The next datagram, None when none came in time."""
        self._sock.settimeout(timeout_s)
        try:
            return self._sock.recv(65536)
        except TimeoutError:
            return None

    def ask(self, message: bytes, timeout_s: float = WAIT_S) -> bytes | None:
        """Send one request and give the first answer that comes."""
        self.send(message)
        return self.receive(timeout_s)

    def request(
        self, method: str = "OPTIONS", uri: str = "sip:bob@example.com", headers: str = "", call_id: str = "1"
    ) -> bytes:
        """A small valid request from this socket; ``headers`` are whole lines with their CRLF."""
        length = "" if "Content-Length:" in headers else "Content-Length: 0\r\n"
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK-{call_id};rport\r\n"
            "Max-Forwards: 70\r\n"
            "From: Alice <sip:alice@example.com>;tag=a1\r\n"
            f"To: Bob <{uri}>\r\n"
            f"Call-ID: {call_id}\r\n"
            f"CSeq: 1 {method}\r\n"
            f"{headers}{length}\r\n"
        ).encode()
