"""A real Kamailio for one test: its configuration, a socket to talk to it, and its log.

Nothing here answers for Kamailio; when the package is missing the tests say how to get it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
from pathlib import Path
from typing import Self

from runner import installed
from runner.cli import private_kamailio
from runner.cli.private_kamailio import preamble
from runner.errors import ConfigError
from tests.programs import WAIT_S

__all__ = ("KAMAILIO", "LOST_S", "MODULES", "Kamailio", "Peer", "free_udp_port", "has_module", "preamble")

KAMAILIO = installed.executable()
MODULES = next(iter(sorted(Path("/usr/lib").glob("*/kamailio/modules"))), Path("/usr/lib/kamailio/modules"))
LOST_S = 5.0  # a stateless answer takes well below a millisecond; after this it will not come


def has_module(name: str) -> bool:
    """Whether this Kamailio has a module, for one ``app_mono``, which version 6 has no more."""
    return (MODULES / f"{name}.so").exists()


# Below those that the kernel gives out (net.ipv4.ip_local_port_range): a socket of another test must not get the port
# between the look and the server's own bind. Each process of xdist has a thousand of its own.
_PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20
_FIRST = 10_000 + 1000 * _PROCESS
_PORTS = itertools.cycle(_FIRST + (number + os.getpid()) % 1000 for number in range(1000))  # of two runs, as well


def free_udp_port(ip: str = "127.0.0.1") -> int:
    """A port of this address that nobody holds now, and that no other test gets."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    for port in itertools.islice(_PORTS, 1000):
        with socket.socket(family, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
            sock.bind((ip, port))
            return port
    raise AssertionError(f"no UDP port of {_FIRST} to {_FIRST + 999} is free on {ip}")


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

    def receive(self, timeout_s: float = LOST_S) -> bytes | None:
        """The next datagram, None when none came in time."""
        self._sock.settimeout(timeout_s)
        try:
            return self._sock.recv(65536)
        except TimeoutError:
            return None

    def ask(self, message: bytes, timeout_s: float = LOST_S) -> bytes | None:
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
