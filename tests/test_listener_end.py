"""The SIP listener at its end: a request that a script is deciding about is answered, and counted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from runner import listener as listening
from runner.hosts.embedded.context import Address
from runner.listener import Action, Listener
from runner.runner import ExecResult
from tests.hostile_datagrams import TIMING
from tests.kamailio.rig import Peer
from tests.ports import free_udp_port
from tests.programs import WAIT_S

if TYPE_CHECKING:
    import pytest

    from runner.hosts.embedded.host import MessageHost


def test_what_is_being_answered_at_the_end_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug: the counts that it said were those of a fifth of a second later, whatever was under way."""
    monkeypatch.setattr(listening, "LOOK_S", 0.01)
    monkeypatch.setattr(listening, "JOIN_S", WAIT_S)
    is_asked = threading.Event()

    def run(_: MessageHost) -> ExecResult:
        is_asked.set()
        assert listener._ended.wait(WAIT_S)
        time.sleep(0.1)  # longer than a signal waits
        return ExecResult(ok=True, exit_code=0, error=None, timing=TIMING, calls=0)

    address, action = Address("127.0.0.1", free_udp_port()), Action.of("reply:200:OK")
    listener = Listener(address, run, on_true=action, on_false=action, tell=lambda _level, _text: None)
    with listener, Peer(address.port) as peer:
        serving = threading.Thread(target=listener.serve)
        serving.start()
        peer.send(peer.request())
        assert is_asked.wait(WAIT_S)
        listener.end()
        serving.join(WAIT_S)

    assert (listener.counts.requests, listener.counts.answered) == (1, 1)
