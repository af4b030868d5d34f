"""runner.wire.common_turn: the short way through a line, and that it is no other than the long one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.wire import common_turn
from runner.wire.events import Done, Question
from runner.wire.session import Session, State
from tests.wire.sessions import session_in
from tests.wire.test_session import NEARLY_MESSAGES, NEARLY_RESULTS, outcome

AWAITED = '{"jsonrpc":"2.0","id":2,"result":{"code":'
CERTAIN, TAKES = 0b101, (str, str, int)  # as session_in has them


@given(
    (NEARLY_RESULTS | NEARLY_MESSAGES).map(lambda value: json.dumps(value, separators=(",", ":")).encode()),
    st.sampled_from([b"\n", b" \n"]),
)
@settings(deadline=None, max_examples=600)
def test_the_short_way_through_a_line_understands_what_the_long_one_does(line: bytes, end: bytes) -> None:
    """A line that comes in two pieces goes the long way."""
    short, long = (outcome(session_in(State.RUNNING), *pieces) for pieces in ([line + end], [line[:5], line[5:] + end]))

    assert repr(short) == repr(long)


@given((NEARLY_RESULTS | NEARLY_MESSAGES).map(lambda value: json.dumps(value, separators=(",", ":")).encode() + b"\n"))
@settings(deadline=None, max_examples=500)
def test_what_is_read_is_what_a_json_reader_finds(line: bytes) -> None:
    read, message = common_turn.read(line, AWAITED, CERTAIN, TAKES), json.loads(line)

    if isinstance(read, Done):
        assert [message["result"][name] for name in ("code", "used", "edits")] == [read.code, read.used, read.edits]
    elif read is not None:
        number, question = read
        assert (message["id"], message["method"], message["params"]) == (number, question.call, list(question.args))


def test_the_common_result_and_the_common_question_are_read() -> None:
    """Read the long way they would be right as well, and every exec slower."""
    done = common_turn.read(AWAITED.encode() + b'0,"used":3,"edits":[[0,"a"],[2,7]]}}\n', AWAITED, CERTAIN, TAKES)
    asked = common_turn.read(b'{"jsonrpc":"2.0","id":4,"method":"PV.GetS","params":["$ru"]}\n', AWAITED, CERTAIN, TAKES)

    ended = common_turn.read(AWAITED.encode() + b'0,"used":3,"edits":[],"exited":true}}\n', AWAITED, CERTAIN, TAKES)

    assert ended == Done(0, used=3, exited=True)
    assert done == Done(0, used=3, edits=[[0, "a"], [2, 7]])
    assert asked == (4, Question("PV.GetS", ("$ru",)))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff\n",
        AWAITED.encode(),
        AWAITED.encode() + b'0,"used":0,"edits":[]}}',
        AWAITED.encode() + b'0,"used":0,"edits":[]}}\n{}\n',
        AWAITED.encode() + b'0,"used":0,"edits":[[1,"a"]]}}\n',
        AWAITED.encode() + b'0,"used":0,"edits":[],"worn":"threads"}}\n',
        AWAITED.replace('"id":2', '"id":3').encode() + b'0,"used":0,"edits":[]}}\n',
        b'{"jsonrpc":"2.0","method":"Core.Log","params":[3,"hello"]}\n',
    ],
)
def test_any_other_line_is_left_to_the_session(line: bytes) -> None:
    assert common_turn.read(line, AWAITED, CERTAIN, TAKES) is None


@pytest.mark.parametrize("param", [None, "", "sip:bob@example.com", 'quotes " and \\', "\x7f", "\udcff", "ö€"])
@pytest.mark.parametrize("entry", [None, "ksr_request_route"])
@pytest.mark.parametrize("fresh", [False, True])
def test_the_line_of_an_exec_is_the_json_of_its_parts(param: str | None, entry: str | None, *, fresh: bool) -> None:
    line, awaited = common_turn.exec_line(7, "6f", param, ',"values":["a"],"certain":1', fresh=fresh, entry=entry)

    params = {"generation": "6f", "values": ["a"], "certain": 1}
    params |= {} if param is None else {"param": param}
    params |= {} if entry is None else {"entry": entry}
    params |= {"fresh": True} if fresh else {}
    assert json.loads(line) == {"jsonrpc": "2.0", "id": 7, "method": "exec", "params": params}
    assert line.isascii()
    assert line.endswith(b"}}\n")
    assert b"\x7f" not in line
    assert awaited == common_turn.beginning(7)


def test_the_steps_of_the_common_turn_are_those_of_the_table() -> None:
    session, states = Session(1024, State.IDLE), []

    for step in (
        lambda: session.exec("6f", None),
        lambda: session.receive(b'{"jsonrpc":"2.0","id":4,"method":"PV.GetS","params":["$ru"]}\n'),
        lambda: session.answer("x"),
        lambda: session.receive(b'{"jsonrpc":"2.0","id":1,"result":{"code":0,"used":0,"edits":[]}}\n'),
    ):
        step()
        states.append(session.state)

    assert states == [State.RUNNING, State.ASKED, State.RUNNING, State.IDLE]
