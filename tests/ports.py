"""Ports for servers of tests: no other test gets them, and the kernel gives them to nobody."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket

from tests.programs import until

# Below those that the kernel gives out (net.ipv4.ip_local_port_range): a socket of another test must not get the port
# between the look and the server's own bind, nor while a server is away, when even who connects to it could. Each
# process of xdist has a thousand of its own.
PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20
_FIRST = 10_000 + 1000 * PROCESS
_PORTS = itertools.cycle(_FIRST + (number + os.getpid()) % 1000 for number in range(1000))  # of two runs, as well


def free_udp_port(ip: str = "127.0.0.1") -> int:
    """A port of this address that nobody holds now, and that no other test gets."""
    return _free(ip, socket.SOCK_DGRAM)


def free_tcp_port() -> int:
    """The same for TCP, of 127.0.0.1."""
    return _free("127.0.0.1", socket.SOCK_STREAM)


def udp_socket(port: int) -> socket.socket:
    """A socket with this port of 127.0.0.1, once another test (sipp takes 5060, too) has let it go."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def binds() -> bool:
        with contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return True
        return False

    until(binds, f"port {port} is free")
    return sock


def _free(ip: str, kind: socket.SocketKind) -> int:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    for port in itertools.islice(_PORTS, 1000):
        with socket.socket(family, kind) as sock, contextlib.suppress(OSError):
            sock.bind((ip, port))
            return port
    raise AssertionError(f"no port of {_FIRST} to {_FIRST + 999} is free on {ip}")
