"""Sessions in each state, and lines of a bridge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ProtocolViolation
from runner.wire.session import Session, State

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 64 * 1024

READY = b'{"jsonrpc":"2.0","method":"ready","params":{"protocol":3,"runtime":"6.8","pid":7}}\n'
LOG = b'{"jsonrpc":"2.0","method":"Core.Log","params":[3,"hello"]}\n'
QUESTION = b'{"jsonrpc":"2.0","id":1,"method":"PV.GetS","params":["$ru"]}\n'
EXITING = b'{"jsonrpc":"2.0","method":"exiting","params":{"code":3,"exec":%d}}\n'

# The session of session_in() has made one load (id 1), so the exec of RUNNING and ASKED is request 2.
REQUEST = {State.LOADING: 1, State.IDLE: 1, State.RUNNING: 2, State.ASKED: 2}


WRONG_EDITS: list[Any] = [
    None, 7, "", {}, ["0a"], [0, "a"], [[]], [[0]], [[0, "a"], [2]], [[0, 7]], [[0, None]], [[2, "a"]], [[2, True]],
    [[1, "a"]], [[3, "a"]], [[-1, 7]], [[True, "a"]], [[2.0, 7]], [["0", "a"]], [[[0], "a"]], [[0, ["a"]]],
    [[1 << 70, "a"]], [[0, "a", "b"]], [{"0": "a", "1": "b"}],
]  # fmt: skip
"""With the first and the third edit certain, which take a text and a number."""


def result(request_id: int, value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "result": value}).encode() + b"\n"


def error(request_id: int, **members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "error": members}).encode() + b"\n"


def session_in(state: State, limit: int = LIMIT) -> Session:
    """A session that has come to this state by the steps of an ordinary conversation."""
    session = Session(limit)
    steps: list[tuple[State, Callable[[], object]]] = [
        (State.IDLE, lambda: session.receive(READY)),
        (State.LOADING, lambda: session.load({})),
        (State.IDLE, lambda: session.receive(result(1, {"needs": []}))),
        (State.RUNNING, lambda: session.exec("6f", None, certain=0b101, takes=(str, str, int))),
        (State.ASKED, lambda: session.receive(QUESTION)),
    ]
    if state is State.CLOSED:
        session.end()
    elif state is State.BROKEN:
        with pytest.raises(ProtocolViolation):
            session.receive(b"x\n")
    elif state is not State.STARTING:
        last = [reached for reached, _ in steps].index(state)
        for _, step in steps[: (2 if state is State.IDLE else last) + 1]:
            step()
    assert session.state is state
    return session
