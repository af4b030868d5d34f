"""A real Kamailio for one test: its configuration, a socket to talk to it, and its log.

Nothing here answers for Kamailio; when the package is missing the tests say how to get it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterable

KAMAILIO = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MODULES = next(iter(sorted(Path("/usr/lib").glob("*/kamailio/modules"))), Path("/usr/lib/kamailio/modules"))
MEMORY = ("-m", "64", "-M", "16")  # MiB, shared and of one process
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


def preamble(port: int, modules: Iterable[str], *, children: int = 1, debug: int = 2) -> str:
    """The first lines of a configuration: one UDP socket, no DNS, no TCP, these modules."""
    return "\n".join(
        [
            "#!KAMAILIO",
            f"debug={debug}",
            "log_stderror=yes",
            "fork=yes",
            f"children={children}",
            "disable_tcp=yes",
            "auto_aliases=no",
            "dns=no",
            "rev_dns=no",
            "use_dns_cache=off",
            f"listen=udp:127.0.0.1:{port}",
            f'mpath="{MODULES}/"',
            *(f'loadmodule "{name}.so"' for name in modules),
            "",
        ]
    )


class Kamailio:
    """
    One running Kamailio. A context manager.

    Args:
        cfg: The whole configuration.
        directory: Private to it; the configuration, log and runtime files go there.
        port: The UDP port on 127.0.0.1 that the configuration listens on.
        env: Added to a small, fixed environment.

    Raises:
        AssertionError: It did not start; the text has its log.
    """

    def __init__(self, cfg: str, directory: Path, port: int, env: dict[str, str] | None = None) -> None:
        assert KAMAILIO, "kamailio is not installed: make test installs it (Debian package kamailio)"
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = port
        self._cfg = directory / "kamailio.cfg"
        self._cfg.write_text(cfg, encoding="utf-8")
        self._log = directory / "kamailio.log"
        self._env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "TZ": "UTC"} | (
            env or {}
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(KAMAILIO),
                    "-f",
                    str(self._cfg),
                    "-DD",
                    "-E",
                    *MEMORY,
                    "-w",
                    str(self.directory),
                    "-Y",
                    str(self.directory),
                ],
                cwd=self.directory,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(lambda: self._holds_port() or not self.is_alive, "kamailio listens")
        assert self.is_alive, f"kamailio did not start:\n{self.log()}"
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        # Seen once in some hundred stops: a Kamailio that is told to end while its children still start does not.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LOST_S)
        # Whatever happened, nothing of its process group stays.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(WAIT_S)

    @property
    def pid(self) -> int:
        """The main process, and the number of its session."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """False once the main process has ended; Kamailio ends as a whole when one child crashes."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """All that it logged until now."""
        return self._log.read_text(encoding="utf-8", errors="surrogateescape")

    def children(self) -> list[int]:
        """The pids of all its processes but the main one."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in path.read_text(encoding="ascii").split()]

    def check(self) -> str:
        """What ``kamailio -c`` says of the configuration; the first line tells whether it is accepted."""
        ran = subprocess.run(
            [str(KAMAILIO), "-c", "-f", str(self._cfg)],
            cwd=self.directory, env=self._env, capture_output=True, text=True, timeout=WAIT_S, check=False,
        )  # fmt: skip
        return f"{'accepted' if ran.returncode == 0 else 'refused'}\n{ran.stdout}{ran.stderr}"

    def _holds_port(self) -> bool:
        taken = re.compile(rf":{self.port:04X} 00000000:0000 ")
        return bool(taken.search(Path("/proc/net/udp").read_text(encoding="ascii")))


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
