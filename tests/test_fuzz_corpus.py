"""What fuzzing found worth keeping, and what it starts from: inputs that took their own way (``make fuzz``)."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import time
from pathlib import Path

import pytest

from runner.control.connection import Control, ControlError
from runner.errors import ProtocolViolation
from runner.wire.session import State
from tests.hostile_daemon import in_state, one_lease
from tests.hostile_datagrams import one_datagram
from tests.programs import WAIT_S


def corpus(kind: str) -> list[bytes]:
    lines = Path(__file__).with_name("fuzz_corpus.jsonl").read_text(encoding="ascii").splitlines()
    found = [base64.b64decode(data) for name, data in map(json.loads, lines) if name == kind]
    assert found
    return found


@pytest.mark.parametrize("state", [State.STARTING, State.IDLE, State.RUNNING, State.ASKED])
def test_lines_of_a_worker_are_events_or_a_violation(state: State) -> None:
    for data in corpus("session"):
        talk = in_state(state)
        with contextlib.suppress(ProtocolViolation):
            talk.receive(data[: len(data) // 2])
            if talk.can_nest:
                talk.exec("y", None)
            talk.receive(data[len(data) // 2 :])


def test_bytes_of_a_client_are_messages_or_an_error() -> None:
    for data in corpus("control"):
        ours, theirs = socket.socketpair()
        with contextlib.closing(Control(ours)) as control, contextlib.suppress(ControlError):
            theirs.sendall(data)
            theirs.close()
            while True:
                assert isinstance(control.receive(time.monotonic() + WAIT_S), dict)


def test_a_client_outlives_whatever_its_daemon_and_its_worker_say() -> None:
    for data in corpus("lease"):
        one_lease(data)


def test_a_datagram_makes_the_listener_send_one_at_most_and_to_one_other_host() -> None:
    for data in corpus("listener"):
        one_datagram(data)
