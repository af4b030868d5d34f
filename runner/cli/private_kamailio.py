"""
A Kamailio of one's own: started in a private directory, on one UDP port of the loopback, and ended with all it started.

Must not know what its configuration does.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from runner import installed
from runner.errors import ConfigError
from runner.lane import choice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

IP = "127.0.0.1"
MEMORY = ("-m", "64", "-M", "16")  # MiB, shared and of one process
START_S = 20.0  # it takes 0.3 s, and several times that on a loaded machine
END_S = 5.0
LOOK_EVERY_S = 0.01
_FIRST_LINES = 3
_TRIES = 20  # of a port that the kernel picks
_DISCARD = 9  # RFC 863; no message comes from there

# Kills a process group once its standard input ends. Only this process has the other end of that pipe, which is closed
# when this process ends, even by SIGKILL.
_WATCHER = 'read -r _; kill -s KILL -- "-$1"'

# Becomes a program when a line comes: when there is a watcher for it. Else it ends with the process that started it.
_GATE = 'read -r _ && exec "$@" </dev/null'


def preamble(port: int, modules: Iterable[str], *, children: int = 1, debug: int = 2, tcp: bool = False) -> str:
    """The first lines of a configuration: one UDP socket, no DNS, these modules."""
    return "\n".join(
        [
            "#!KAMAILIO",
            f"debug={debug}",
            "log_stderror=yes",
            "fork=yes",
            f"children={children}",
            f"disable_tcp={'no' if tcp else 'yes'}",
            "auto_aliases=no",
            "dns=no",
            "rev_dns=no",
            "use_dns_cache=off",
            f"listen=udp:{IP}:{port}",
            f'mpath="{installed.modules()}/"',
            *(f'loadmodule "{name}.so"' for name in modules),
            "",
        ]
    )


@contextlib.contextmanager
def free_port(wanted: int) -> Iterator[int]:
    """
    Keep a UDP port from other runs for the length of a ``with`` block: the wanted one, or another that nobody holds.

    Raises:
        ConfigError: There is none.
    """
    # A look at it would not be enough, so a socket holds it. Kamailio's own sets SO_REUSEADDR and can bind it as well,
    # once this one has that option too; nobody else's can. A connected socket takes no message of others.
    with contextlib.ExitStack() as stack:
        for port in (wanted, *[0] * _TRIES):
            holder = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):
                holder.bind((IP, port))
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                holder.connect((IP, _DISCARD))
                break
        else:
            raise ConfigError(f"no UDP port of {IP} is free")
        yield holder.getsockname()[1]


class Kamailio:
    """
    One running Kamailio. A context manager.

    Args:
        cfg: The whole configuration.
        directory: Private to it; the configuration, log and runtime files go there.
        port: The UDP port on 127.0.0.1 that the configuration listens on.
        env: Added to a small, fixed environment, which has the choice of a lane from this process.
        options: Added to its command line.

    Raises:
        ConfigError: On entering: it is not installed, or did not start; the text has its first errors.
    """

    def __init__(
        self,
        cfg: str,
        directory: Path,
        port: int,
        env: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = port
        self.cfg = directory / "kamailio.cfg"
        self.cfg.write_text(cfg, encoding="utf-8", errors="surrogateescape")
        fixed = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(directory), "LANG": "C.UTF-8", "TZ": "UTC"}
        lane = {choice.VARIABLE: os.environ[choice.VARIABLE]} if choice.VARIABLE in os.environ else {}
        self.env = fixed | lane | dict(env or {})
        self._options = options
        self._log = directory / "kamailio.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = installed.executable()
        if program is None:
            raise ConfigError("kamailio is not installed: apt-get install kamailio kamailio-python3-modules")
        # In a thread, where a Ctrl-C does not come between the start of the process and the knowledge of it.
        starting = threading.Thread(target=self._start, args=(program,), name="start")
        try:
            starting.start()
            starting.join(START_S)
            self._await_start()
        except BaseException:
            starting.join(START_S)
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _start(self, program: str) -> None:
        directory = str(self.directory)
        # With -DD it stays this process's child and starts its own; the session is what is ended as a whole.
        options = ("-f", str(self.cfg), "-DD", "-E", *MEMORY, "-w", directory, "-Y", directory, *self._options)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _GATE, "gate", program, *options],
                cwd=directory,
                env=self.env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self._watcher = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHER, "watcher", str(self._process.pid)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        assert self._process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError), self._process.stdin as gate:
            gate.write(b"\n")

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_S
        while not (self.is_alive and self._holds_port()):
            if not self.is_alive or time.monotonic() > deadline:
                raise ConfigError(f"kamailio did not start: {self.first_errors() or f'see {self._log}'}")
            time.sleep(LOOK_EVERY_S)

    def _end(self) -> None:
        if self._process is None:
            return
        try:
            self._process.terminate()
            # A Kamailio that gets TERM while its children are starting may not end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
        finally:
            # Whatever happened, nothing of its process group stays.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(END_S)
            if self._watcher is not None:
                self._watcher.kill()
                self._watcher.communicate(timeout=END_S)

    @property
    def pid(self) -> int:
        """The main process, and the number of its session."""
        if self._process is None:
            raise RuntimeError("this Kamailio was not started")
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """False once the main process has ended; Kamailio ends as a whole when one child crashes."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """All that it logged until now."""
        return self._log.read_text(encoding="utf-8", errors="surrogateescape")

    def first_errors(self) -> str:
        """The first of its lines that tell of an error, without time and place; empty when there is none."""
        lines = [line for line in self.log().splitlines() if re.search(r"\b(ERROR|CRITICAL)\b", line)]
        return "; ".join(re.sub(r"^.*?(ERROR|CRITICAL): ", "", line).strip() for line in lines[:_FIRST_LINES])

    def _holds_port(self) -> bool:
        address = int.from_bytes(socket.inet_aton(IP), sys.byteorder)
        # proc(5), /proc/net/tcp: the local and the remote address, and behind six more columns the inode.
        bound = re.compile(rf" {address:08X}:{self.port:04X} 00000000:0000 (?:\S+ +){{6}}(\d+) ")
        found = {f"socket:[{inode}]" for inode in bound.findall(Path("/proc/net/udp").read_text(encoding="ascii"))}
        return bool(found) and not found.isdisjoint(self._open_files())

    def _open_files(self) -> Iterator[str]:
        for file in Path(f"/proc/{self.pid}/fd").glob("*"):
            with contextlib.suppress(OSError):  # closed meanwhile
                yield str(file.readlink())
