"""The daemon's control connection, both ends: JSON-RPC 2.0 lines over a Unix socket, with descriptors beside them.

Standard library only, as a child of Kamailio imports it. Must not know what is asked or who answers; ``messages`` has
each message.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import select
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from runner import errors
from runner.errors import RunnerError, ScriptError

from .peer import impostor

if TYPE_CHECKING:
    from collections.abc import Sequence

PROTOCOL = 3
MAX_LINE_BYTES = 1024 * 1024
READ_BYTES = 64 * 1024  # so at most as many lines wait to be taken
MAX_DESCRIPTORS = 2  # beside one line: both ends of a wire
MAX_NOTICES = 1024  # before one answer; a daemon has a handful

FAILED = -32000  # a RunnerError; data.kind has its name
UNKNOWN_METHOD = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603


class ControlError(Exception):
    """The connection ended, said nothing in time, or said what is no message of this protocol."""


class OtherEndGone(ControlError):
    """Nobody listens there, or the other end hung up: it has ended, and another one may come."""


class OtherEndFailed(ControlError):
    """The other end met an internal error: it is of no more use than one that does not answer."""


class Control:
    """
    One end of a control connection. Every wait has a deadline on ``time.monotonic``.

    Args:
        sock: A connected Unix stream socket, owned from now on.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._readable = select.poll()  # a read that finds nothing would cost an exception at every exec
        self._readable.register(sock, select.POLLIN)
        self._lines: deque[_Line] = deque()
        self._rest = _Line()  # the beginning of the next one
        self._descriptors: list[int] = []  # beside the line that was taken last

    @classmethod
    def connect(cls, path: str, deadline: float) -> Control:
        """
        Connect to a daemon.

        Raises:
            ControlError: Nobody listens there, it does not accept in time, or it is somebody who must not be believed.
        """
        try:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        except OSError as error:  # this process is out of descriptors
            raise _trouble(error, f"{path}: ") from error
        try:
            # A full backlog of a daemon that hangs would block for ever.
            sock.settimeout(_left(deadline))
            sock.connect(path)
            if reason := impostor(sock, path):
                raise ControlError(f"{path}: {reason}")  # noqa: TRY301 - closed like after every other trouble
        except OSError as error:
            sock.close()
            raise _trouble(error, f"{path}: ") from error
        except ControlError:
            sock.close()
            raise
        return cls(sock)

    def fileno(self) -> int:
        """The socket's descriptor; -1 when closed."""
        return self._sock.fileno()

    def has_news(self) -> bool:
        """Whether a line, or the end, is there to be read. Never waits; one system call."""
        return bool(self._lines or self._readable.poll(0))

    def send(self, message: dict[str, Any], deadline: float, descriptors: Sequence[int] = ()) -> None:
        """
        Send one message, with descriptors beside it if there are any. Waits only while the socket is full.

        Raises:
            ControlError: It was not taken in time, or nobody is there. The connection is of no use any more.
        """
        data = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode("ascii") + b"\n"
        if len(data) > MAX_LINE_BYTES:
            raise ControlError(f"a message of {len(data)} bytes is longer than {MAX_LINE_BYTES}")
        # Not socket.send_fds: it drops its flags (CPython 3.11), and without MSG_NOSIGNAL a daemon that has gone could
        # end a process of Kamailio by SIGPIPE.
        beside = []
        if descriptors:
            beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        try:
            while data:
                try:
                    sent = self._sock.sendmsg([data], beside, socket.MSG_NOSIGNAL)
                except BlockingIOError:
                    self._await(select.POLLOUT, deadline)
                else:
                    data, beside = data[sent:], []
        except OSError as error:
            raise _trouble(error) from error

    def receive(self, deadline: float) -> dict[str, Any]:
        """
        The next message, without its ``jsonrpc``. Descriptors beside the one before it that nobody took are closed.

        Raises:
            ControlError: None came in time, the connection has ended, or what came is no message.
        """
        self.drop_descriptors()
        while not self._lines:
            self._read(deadline)
        taken = self._lines.popleft()
        line, self._descriptors = bytes(taken.data), taken.descriptors
        try:
            message = json.loads(line.decode("ascii"))
        except (ValueError, RecursionError) as error:
            raise ControlError(f"expected a line of JSON, got {line[:80].decode('latin-1')!a}") from error
        if not isinstance(message, dict) or message.pop("jsonrpc", None) != "2.0":
            raise ControlError(f"expected a JSON-RPC 2.0 message, got {line[:80].decode('latin-1')!a}")
        return message

    def take_descriptors(self, count: int) -> tuple[int, ...]:
        """Those beside the message received last, owned by the caller from now on; none when it is another number."""
        if len(self._descriptors) != count:
            return ()
        taken, self._descriptors = tuple(self._descriptors), []
        return taken

    def drop_descriptors(self) -> None:
        """Close those beside the message received last, where nobody took them: it is dealt with."""
        _close(self._descriptors)

    def shutdown(self) -> None:
        """End both directions, so that a receive in another thread ends."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection and descriptors that nobody took."""
        self._sock.close()
        for line in (self._rest, *self._lines):
            _close(line.descriptors)
        self.drop_descriptors()

    def _read(self, deadline: float) -> None:
        """Wait for bytes, and put them to those that are there."""
        try:
            self._await(select.POLLIN, deadline)
            # Not socket.recv_fds: it drops its flags as well, and without MSG_CMSG_CLOEXEC whatever this process starts
            # could inherit the descriptors. Those that find no room the kernel closes (unix(7)). It also passes fewer
            # where this process is out of descriptors, so MSG_CTRUNC does not say whose fault that is.
            data, beside, _, _ = self._sock.recvmsg(
                READ_BYTES, socket.CMSG_SPACE(MAX_DESCRIPTORS * 4), socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            raise _trouble(error) from error
        came = array.array("i")
        for level, kind, payload in beside:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                came.frombytes(payload[: len(payload) - len(payload) % came.itemsize])
        *ends, rest = data.split(b"\n")
        last = self._rest
        for piece in ends:
            last = self._rest
            last.data += piece
            self._lines.append(last)
            self._rest = _Line()
        self._rest.data += rest
        # A read ends behind the piece that brought descriptors (Linux, unix_stream_read_generic), and whoever sends
        # some sends them with the beginning of a line: they belong to the last line of the read.
        last = self._rest if rest else last
        last.descriptors += came
        if len(last.descriptors) > MAX_DESCRIPTORS:
            raise ControlError("more descriptors than one message may have")
        if not data:
            raise OtherEndGone("the connection has ended")
        if len(self._rest.data) > MAX_LINE_BYTES:
            raise ControlError(f"a line of more than {MAX_LINE_BYTES} bytes")

    def _await(self, events: int, deadline: float) -> None:
        # Not the socket's own timeout: one thread may send while another receives.
        poll = select.poll()
        poll.register(self._sock, events)
        if not poll.poll(_left(deadline) * 1000):
            raise TimeoutError


class _Line:
    """A line, as far as it came, and the descriptors beside it."""

    __slots__ = ("data", "descriptors")

    def __init__(self) -> None:
        self.data = bytearray()
        self.descriptors: list[int] = []


def ask(
    control: Control,
    method: str,
    params: dict[str, Any],
    deadline: float,
    *,
    notices: list[dict[str, Any]] | None = None,
    descriptors: Sequence[int] = (),
) -> dict[str, Any]:
    """
    Send one request, with descriptors beside it if there are any, and give its result.

    Notices that come before that are put into ``notices``.

    Raises:
        RunnerError: The other end refused; the same class and text as there.
        ControlError: As ``Control.send`` and ``Control.receive``.
        OtherEndFailed: The other end has an internal error.
    """
    try:
        control.send({"id": 1, "method": method, "params": params}, deadline, descriptors)
    except ControlError:
        # A client that is refused gets the reason and is hung up on, perhaps before this was sent.
        if not control.has_news():
            raise
    for _ in range(MAX_NOTICES):
        match control.receive(deadline):
            case {"id": 1, "result": dict(result)}:
                return result
            case {"id": 1, "error": {"code": int(code), "message": str(text)}} if code == INTERNAL_ERROR:
                raise OtherEndFailed(text)
            case {"id": 1 | None, "error": {"message": str(text), **error}}:
                raise as_error(text, error.get("data"))
            case {"method": str()} as notice if "id" not in notice:
                if notices is not None:
                    notices.append(notice)
            case other:
                raise ControlError(f"expected the answer to {method}, got {other!r:.80}")
    raise ControlError(f"expected the answer to {method}, got {MAX_NOTICES} notices")


def failure(error: RunnerError) -> dict[str, Any]:
    """An error as it travels in an answer; ``as_error`` is the way back."""
    data = {"kind": type(error).__name__}
    if isinstance(error, ScriptError) and error.detail:
        data["detail"] = error.detail
    return {"code": FAILED, "message": str(error), "data": data}


def as_error(text: str, data: object) -> RunnerError:
    """The error in an answer; ``RunnerError`` itself where its name is not known here."""
    kind = data.get("kind") if isinstance(data, dict) else None
    known = getattr(errors, kind, RunnerError) if isinstance(kind, str) else RunnerError
    if not (isinstance(known, type) and issubclass(known, RunnerError)):
        return RunnerError(text)
    if issubclass(known, ScriptError) and isinstance(data, dict):
        return known(text, str(data.get("detail", "")))
    return known(text)


def _close(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("nothing in time")
    return left


def _trouble(error: OSError, where: str = "") -> ControlError:
    """What an error of the system means for a connection; ``where`` comes before it."""
    if isinstance(error, TimeoutError):
        return ControlError(f"{where}it did not answer in time")
    kind = OtherEndGone if isinstance(error, ConnectionError | FileNotFoundError) else ControlError
    return kind(f"{where}{error.strerror or error}")
