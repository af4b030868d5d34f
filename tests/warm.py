"""
Processes of Python that begin with the libraries of others imported, which otherwise takes longer than most tests.

``start`` is for ``[sys.executable, "-c", code, *words]``: the new process is forked from one that has imported
pydantic, typer and the like, and nothing of runner. It has its own arguments, environment, directory and files, imports
runner as any other does, and ends as any other does.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parent.parent
REQUEST_BYTES = 1 << 17  # a command and an environment
STATUS_BYTES = 20  # a process id or an exit status, in decimal
# Python, the C library and what is imported already read them as they start.
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "FORCE_COLOR", "PY_COLORS", "TERMINAL_WIDTH")
LIST_LIBRARIES = """
import sys
before = set(sys.modules)
import runner.cli.app, runner.cli.job, runner.cli.serve, runner.daemon.daemon
print(*(name for name in sys.modules if name not in before and name.split(".")[0] != "runner"))
"""
FORK = "from tests.warm import next_code; exec(next_code())"

is_used = False
"""Whether there is such a process to fork from: in tests, not in benchmarks."""


class Server(NamedTuple):
    """The process that all others are forked from."""

    socket: socket.socket
    environment: Mapping[str, str]


class Process:
    """What ``subprocess.Popen`` gives, for a process that another one forked."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = int(connection.recv(STATUS_BYTES))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, ``timeout`` seconds long; the exit status."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._connection.recv(STATUS_BYTES))
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def start(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: int | None = None,
    stdout: int,
    stderr: int,
) -> Process | subprocess.Popen[bytes]:
    """
    Start a command; one that is not as above is started as ``subprocess.Popen`` does, and so are all in benchmarks.

    Args:
        command: The program and its arguments.
        env: Its environment. Where it differs from ours in what is read at a start, the process is an ordinary one too.
        cwd: Its directory; None: ours.
        stdin: A descriptor; None: ours.
        stdout: A descriptor.
        stderr: A descriptor.
    """
    if not (is_used and command[:2] == [sys.executable, "-c"] and _is_known(env)):
        return subprocess.Popen(command, env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr)
    ours, theirs = _pair()
    request = json.dumps([command[2], command[3:], dict(env), str(cwd or Path.cwd())])
    with theirs:
        files = [0 if stdin is None else stdin, stdout, stderr, theirs.fileno()]
        socket.send_fds(server().socket, [request.encode()], files)
    return Process(ours)


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: bytes | None = None,
    encoding: str = "utf-8",
    timeout: float,
) -> subprocess.CompletedProcess[str]:
    """Run what ``start`` takes to its end; what it prints as text. ``stdin``: what it reads; None: ours."""
    with ExitStack() as stack:
        out, err = (stack.enter_context(tempfile.TemporaryFile("w+", encoding=encoding)) for _ in range(2))
        given = stack.enter_context(tempfile.TemporaryFile())
        given.write(stdin or b"")
        given.seek(0)
        file = None if stdin is None else given.fileno()
        process = start(command, env=env, cwd=cwd, stdin=file, stdout=out.fileno(), stderr=err.fileno())
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        for printed in (out, err):
            printed.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())


def _is_known(environment: Mapping[str, str]) -> bool:
    """Whether what is read at a start is as it was when the process to fork from started."""
    return not any(name.startswith(READ_AT_START) for name, _ in environment.items() ^ server().environment.items())


def _pair() -> tuple[socket.socket, socket.socket]:
    """Connected sockets that keep messages apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@functools.cache
def server() -> Server:
    """Start the process that all others are forked from; it ends when this one does."""
    ours, theirs = _pair()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LIST_LIBRARIES]
    libraries = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    with theirs:
        process = subprocess.Popen([sys.executable, "-c", FORK, *libraries], env=environment, stdin=theirs.fileno())
    atexit.register(process.wait)
    atexit.register(ours.close)  # what is registered last is done first
    return Server(ours, environment)


def next_code() -> str:
    """In the process that all others are forked from: fork on request; in each new process return what it runs."""
    for library in sys.argv[1:]:
        with suppress(ImportError):
            importlib.import_module(library)
    gc.freeze()  # what is shared stays so
    requests = socket.socket(fileno=os.dup(0))
    connections: dict[int, socket.socket] = {}
    woken, wakes = socket.socketpair()
    for end in (woken, wakes):
        end.setblocking(False)  # noqa: FBT003 - its own name
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the processes that it forked
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    while True:
        ready = select.select([requests, woken], [], [])[0]
        if woken in ready:
            woken.recv(1024)
            _report_ended(connections)
        if requests not in ready:
            continue
        message, files, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 4)
        if not message:
            os._exit(0)
        connection = socket.socket(fileno=files[3])
        if pid := os.fork():
            connections[pid] = connection
            connection.send(str(pid).encode())
            for file in files[:3]:
                os.close(file)
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, interrupt)
        for of_others in (requests, woken, wakes, connection, *connections.values()):
            of_others.close()
        return _begin(message, files[:3])


def _report_ended(connections: dict[int, socket.socket]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            with connections.pop(ended[0]) as connection, suppress(OSError):  # the test may have gone
                connection.send(str(os.waitstatus_to_exitcode(ended[1])).encode())


def _begin(message: bytes, files: list[int]) -> str:
    """Make this process what a new one would be; what it runs."""
    code, words, environment, directory = json.loads(message)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    sys.argv = ["-c", *words]
    return str(code)
