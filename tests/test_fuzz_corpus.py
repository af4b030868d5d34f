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
from runner.lane import choice
from runner.wire.session import State
from tests.hostile_daemon import in_state, one_lease
from tests.hostile_datagrams import one_datagram
from tests.lane.hostile import one_call
from tests.lane.hostile_runner import one_exec
from tests.programs import WAIT_S

in_c = pytest.mark.skipif(choice.NAME != "c", reason="the lane in C does not run here")


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


@in_c
def test_in_c_a_call_of_kamailio_gives_a_value_whatever_kamailio_a_worker_and_a_daemon_say() -> None:
    for data in corpus("exported"):
        one_call(data)


@in_c
def test_in_c_an_exec_gives_its_slot_back_whatever_a_runner_is_made_of() -> None:
    for data in corpus("at_once"):
        one_exec(data)
