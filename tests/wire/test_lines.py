"""runner.wire.session: what one line may hold, and how long it may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.calls import CALLS
from runner.errors import ConfigError, ProtocolViolation
from runner.wire.events import Notice, Question
from runner.wire.session import State
from tests.wire.sessions import LIMIT, LOG, QUESTION, READY, WRONG_EDITS, error, result, session_in


@pytest.mark.parametrize(
    "line",
    [
        result(1, {"code": 0}),
        result(3, {"code": 0}),
        result(2, {}),
        result(2, {"code": "0"}),
        result(2, {"needs": []}),
        *(result(2, {"code": 0, "edits": edits}) for edits in WRONG_EDITS),
        *(b'{"jsonrpc":"2.0","method":"edits","params":%s}\n' % json.dumps(edits).encode() for edits in WRONG_EDITS),
        error(1, code=1, message=""),
        error(2, code="x", message=""),
        error(2, code=1),
        b'{"jsonrpc":"1.0","id":2,"result":{"code":0}}\n',
        b'{"id":2,"result":{"code":0}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"Core.Log","params":[3,"hello"]}\n',
        b'{"jsonrpc":"2.0","method":"PV.SetS","params":["$rU","x"]}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"PV.GetS","params":[]}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"PV.GetS","params":[null]}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"PV.SetI","params":["$var(x)",true]}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"PV.SetI","params":["$var(x)",1.5]}\n',
        b'{"jsonrpc":"2.0","id":"1","method":"PV.GetS","params":["$ru"]}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"KSR.drop","params":[]}\n',
        b'{"jsonrpc":"2.0","method":"exiting","params":{"code":3}}\n',
        b"\n",
    ],
)
def test_a_message_of_the_wrong_shape_is_a_violation_while_running(line: bytes) -> None:
    session = session_in(State.RUNNING)

    with pytest.raises(ProtocolViolation, match="expected"):
        session.receive(line)

    assert session.state is State.BROKEN


def test_a_bridge_of_another_protocol_is_named_so() -> None:
    with pytest.raises(ProtocolViolation, match="expected protocol 3, the bridge speaks 2"):
        session_in(State.STARTING).receive(READY.replace(b'"protocol":3', b'"protocol":2'))


@pytest.mark.parametrize("name", CALLS)
def test_every_call_of_the_table_crosses_with_its_arguments(name: str) -> None:
    call = CALLS[name]
    args = [{int: 7, str: "x", list: ["y", -1, True]}[kind] for kind in call.parameters]
    args += ["z"] * (call.more == {str})
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": name, "params": args}
    if not call.is_notice:
        message["id"] = 1

    (event,) = session_in(State.RUNNING).receive(json.dumps(message).encode() + b"\n")

    assert event == (Notice if call.is_notice else Question)(name, tuple(args))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("KSR", ["x"]),
        ("KSR", ["x", [None]]),
        ("KSR", ["x", [1.5]]),
        ("KSR", ["x", [["y"]]]),
        ("KSR", ["x", ["y"] * 7]),
        ("KSR", ["x", [], "y"]),
        ("KSR", [7, []]),
        ("Core.ModF", []),
        ("Core.ModF", ["x", 7]),
        ("Core.ModF", ["x"] * 8),
        ("PV.GetS", ["$ru", "$ru"]),
    ],
)
def test_a_call_with_other_arguments_is_none(name: str, args: list[Any]) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": name, "params": args}).encode() + b"\n"

    with pytest.raises(ProtocolViolation, match="expected a question"):
        session_in(State.RUNNING).receive(line)


def padded(length: int) -> bytes:
    """A log notice whose line has this many bytes, its end included."""
    return LOG.replace(b"hello", b"x" * (length - len(LOG) + 5))


def test_the_longest_line_is_accepted_and_one_byte_more_is_a_violation() -> None:
    session_in(State.RUNNING).receive(padded(LIMIT))

    with pytest.raises(ProtocolViolation, match=f"at most {LIMIT} bytes"):
        session_in(State.RUNNING).receive(padded(LIMIT + 1))


def test_a_line_that_never_ends_is_a_violation_as_soon_as_it_is_too_long() -> None:
    session = session_in(State.RUNNING)

    session.receive(padded(LIMIT)[:-1])

    with pytest.raises(ProtocolViolation, match=f"at most {LIMIT} bytes"):
        session.receive(b"x")


@pytest.mark.parametrize(
    ("param", "fresh", "params"),
    [
        (None, False, b'{"generation":"6f"}'),
        ("", False, b'{"generation":"6f","param":""}'),
        ("p\x7f", True, b'{"generation":"6f","param":"p\\u007f","fresh":true}'),
    ],
)
def test_no_parameter_is_no_argument_and_an_empty_one_is_an_empty_argument(
    param: str | None, *, fresh: bool, params: bytes
) -> None:
    line = session_in(State.IDLE).exec("6f", param, fresh=fresh)

    assert line == b'{"jsonrpc":"2.0","id":2,"method":"exec","params":' + params + b"}\n"


def test_an_exec_that_does_not_fit_into_a_line_is_refused_and_the_worker_stays_idle() -> None:
    session = session_in(State.IDLE)

    with pytest.raises(ConfigError, match="expected a line of at most"):
        session.exec("6f", "x" * LIMIT)

    assert session.state is State.IDLE


def test_an_answer_that_does_not_fit_into_a_line_becomes_a_refusal() -> None:
    session = session_in(State.ASKED)

    line = session.answer("x" * LIMIT)

    assert b'"code":-32010' in line
    assert session.state is State.RUNNING


def test_a_refusal_always_fits_into_a_line() -> None:
    """A host that failed with a very long text left its question without any answer."""
    session = session_in(State.ASKED)

    line = session.refuse("\U0001f480" * LIMIT)

    assert len(line) < LIMIT
    assert session.state is State.RUNNING


def test_an_answer_carries_the_number_of_its_question() -> None:
    session = session_in(State.RUNNING)

    session.receive(QUESTION.replace(b'"id":1', b'"id":41'))

    assert session.answer(None) == b'{"jsonrpc":"2.0","id":41,"result":null}\n'
