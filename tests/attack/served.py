"""A listener on real sockets with a stub as its script, and the messages that tests send to it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Self

from runner.hosts.embedded.context import Address
from runner.listener import Action, Listener
from runner.runner import ExecResult, Timing
from tests.kamailio.rig import Peer, free_udp_port
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.embedded.context import Process
    from runner.hosts.embedded.host import MessageHost

RESULT = ExecResult(ok=True, exit_code=0, error=None, timing=Timing(0, 0, 0, 0), calls=0)
ANSWERS = Action.of("reply:200:OK")
FORWARDS = Action.of("forward")
SILENCE_S = 0.05
"""A datagram on the loopback interface is there when its sender has returned; nothing comes later."""


class Faults(logging.Handler):
    """Records that were logged with an exception. No datagram may cause one."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(record)


class Watched(Listener):
    """A listener that records what it has handled."""

    taken: tuple[bytes, ...] = ()

    def _take(self, data: bytes, source: Address, process: Process) -> None:
        super()._take(data, source, process)
        self.taken += (data,)


class Served:
    """A listener on a free port; ``execs`` has the R-URI of each request that reached the script."""

    def __init__(
        self, script: Callable[[MessageHost], object] = id, action: Action = FORWARDS, ip: str = "127.0.0.1"
    ) -> None:
        self.port = free_udp_port(ip)
        self.execs: list[str] = []
        self._script = script
        self.listener = Watched(
            Address(ip, self.port), self._run, on_true=action, on_false=action, tell=lambda _level, _text: None
        )
        self._faults = Faults()
        self._thread = threading.Thread(target=self.listener.serve, daemon=True)

    def __enter__(self) -> Self:
        logging.getLogger("runner.listener").addHandler(self._faults)
        self.listener.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.end()
        with Peer(self.port) as peer:
            peer.send(b"")  # it checks after each datagram whether to end
        self._thread.join(WAIT_S)
        self.listener.__exit__()
        logging.getLogger("runner.listener").removeHandler(self._faults)
        assert self._faults.found == [], "internal errors"

    def _run(self, host: MessageHost) -> ExecResult:
        self.execs.append(host.get_s("$ru") or "")
        self._script(host)
        return RESULT

    def count(self, name: str) -> int:
        number: int = getattr(self.listener.counts, name)
        return number

    def settled(self) -> None:
        """Wait until everything sent to it is handled, in order and by one thread: the last datagram is no SIP."""
        last = b"end %d" % len(self.listener.taken)
        with Peer(self.port) as peer:
            peer.send(last)
            until(lambda: last in self.listener.taken, "the last datagram is handled")


def code(reply: bytes | None) -> int:
    assert reply is not None, "no answer came"
    return int(reply.split(b" ", 2)[1])


def header(message: bytes | None, name: bytes) -> list[bytes]:
    assert message is not None
    return [line.partition(b": ")[2] for line in message.split(b"\r\n") if line.startswith(name + b": ")]


def reply_to(request: bytes | None, status: str = "200 OK") -> bytes:
    """The reply of a phone."""
    assert request is not None
    kept = [
        line
        for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        if line.partition(b":")[0] in {b"Via", b"From", b"To", b"Call-ID", b"CSeq"}
    ]
    tagged = [line + b";tag=phone" if line.startswith(b"To") else line for line in kept]
    return b"\r\n".join([f"SIP/2.0 {status}".encode(), *tagged, b"Content-Length: 0", b"", b""])


def forwarded(caller: Peer, phone: Peer, **facts: str) -> bytes:
    """The request of the caller as the phone receives it."""
    caller.send(caller.request("INVITE", f"sip:b@127.0.0.1:{phone.port}", **facts))
    arrived = phone.receive()
    assert arrived is not None
    return arrived
