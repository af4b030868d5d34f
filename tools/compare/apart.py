"""
A server in a process with a network namespace of its own: its ports are free, and nothing that it sends gets out.

``python -m tools.compare.apart ENGINE`` is that process. It reads pickled requests and writes pickled answers; when its
parent has gone it ends, and all that it started with it.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from tools.compare.cases import Case, Played

if TYPE_CHECKING:
    from tools.compare.server import Server

ALONE = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")
CHECKOUT = Path(__file__).parents[2]
_SET_FLAGS, _UP = 0x8914, 1  # SIOCSIFFLAGS, IFF_UP


def command() -> list[str]:
    """What a command is put behind; as an ordinary user, a user namespace makes it possible."""
    as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [shutil.which("unshare") or "unshare", *as_user, *ALONE]


def trouble() -> str:
    """Why there is no namespace to be had here; empty when there is."""
    try:
        ran = subprocess.run([*command(), "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    return ran.stderr.strip() if ran.returncode else ""


class Apart:
    """
    One side of the judgment, over there. A context manager.

    Args:
        engine: What runs the player: a key of ``ENGINES``.
        config: The settings of the daemon, for the engine ``ours``.
    """

    def __init__(self, engine: str, config: Path | None = None) -> None:
        words = [*command(), sys.executable, "-m", "tools.compare.apart", engine]
        env = os.environ | ({"APP_MONO_CONFIG": str(config)} if config else {})
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=CHECKOUT, env=env, start_new_session=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def start(self) -> None:
        """A fresh process of the server."""
        self._ask(None)
        self._answer()

    def send(self, case: Case) -> None:
        """Begin a case; ``collect`` gives what came of it."""
        self._ask(case)

    def collect(self, case: Case) -> Played:  # noqa: ARG002 - as a side has it
        """What came of the case that was sent."""
        played = self._answer()
        assert played is not None
        return played

    def _ask(self, request: Case | None) -> None:
        assert self._process.stdin is not None
        pickle.dump(request, self._process.stdin)
        self._process.stdin.flush()

    def _answer(self) -> Played | None:
        assert self._process.stdout is not None
        try:
            answer = pickle.load(self._process.stdout)  # noqa: S301 - the own process
        except EOFError:
            raise RuntimeError("a side of the judgment has ended; its own words are above") from None
        assert answer is None or isinstance(answer, Played)
        return answer


def serve(server: Server, requests: BinaryIO, answers: BinaryIO) -> None:
    """Play until there is no more request."""
    while True:
        try:
            request = pickle.load(requests)  # noqa: S301 - the own parent
        except EOFError:
            return
        answer = None
        if request is None:
            server.start()
        else:
            answer = server.play(request)
        pickle.dump(answer, answers)
        answers.flush()


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))


def main(engine: str) -> None:
    """As the module says."""
    from tools.compare.engines import ENGINES  # noqa: PLC0415 - the parent has no need of it

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what others print is no answer
    _raise_loopback()
    with tempfile.TemporaryDirectory(prefix="compare-") as directory, ExitStack() as stack:
        serve(ENGINES[engine](Path(directory), stack), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main(sys.argv[1])
