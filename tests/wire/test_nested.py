"""An exec within another one: while a question is open, a session may begin another exec, and goes on as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import ConfigError, ProtocolViolation
from runner.wire.events import Done, Edits, Exiting, Failed, Notice, Question
from runner.wire.session import MAX_DEPTH, Session, State
from tests.wire.sessions import EXITING, LIMIT, LOG, error, result


def question(number: int) -> bytes:
    return b'{"jsonrpc":"2.0","id":%d,"method":"PV.GetS","params":["$ru"]}\n' % number


def asked(depth: int = 1, limit: int = LIMIT) -> Session:
    """A session with so many execs within each other, the innermost of which has asked."""
    session = Session(limit, State.IDLE)
    for number in range(1, depth + 1):
        session.exec(f"{number}", None, certain=0b101 if number % 2 else 0b10, takes=(str, str, int))
        session.receive(question(number))
    assert session.state is State.ASKED
    return session


def test_after_an_exec_within_it_the_question_is_open_again() -> None:
    session = asked()

    line = session.exec("2", "p", entry="route")
    assert json.loads(line)["id"] == 2
    assert (session.state, session.depth) == (State.RUNNING, 1)
    assert session.receive(question(2)) == [Question("PV.GetS", ("$ru",))]
    assert json.loads(session.answer("inner"))["id"] == 2
    assert session.receive(result(2, {"code": 7, "used": 0, "edits": []})) == [Done(7)]

    assert (session.state, session.depth) == (State.ASKED, 0)
    assert json.loads(session.answer("outer"))["id"] == 1
    assert session.receive(result(1, {"code": 1})) == [Done(1)]
    assert session.state is State.IDLE


def test_the_long_way_through_its_result_and_an_error_end_it_as_well() -> None:
    for said, event in (
        (result(2, {"code": 7, "worn": "memory"}), Done(7, worn="memory")),
        (error(2, code=-32000, message="E: boom"), Failed(-32000, "E: boom", "")),
    ):
        session = asked()
        session.exec("2", None)

        assert session.receive(said) == [event]
        assert session.state is State.ASKED
        session.answer(None)
        assert session.receive(result(1, {"code": 0})) == [Done(0)]


def test_each_exec_has_its_own_edits() -> None:
    session = asked()
    session.exec("2", None, certain=0b10, takes=(int, str))

    assert session.receive(b'{"jsonrpc":"2.0","method":"edits","params":[[1,"a"]]}\n') == [Edits([[1, "a"]])]
    session.receive(result(2, {"code": 0, "used": 0, "edits": [[1, "b"]]}))
    session.answer(None)
    assert session.receive(result(1, {"code": 0, "used": 0, "edits": [[2, 7]]})) == [Done(0, edits=[[2, 7]])]

    session = asked()
    session.exec("2", None, certain=0b10, takes=(int, str))
    with pytest.raises(ProtocolViolation, match="expected the result of a running worker"):
        session.receive(result(2, {"code": 0, "edits": [[2, 7]]}))


@pytest.mark.parametrize(
    "line",
    [
        result(1, {"code": 0}), error(1, code=-32000, message="E"), result(3, {"code": 0}), question(3) + question(4),
        result(2, {"needs": []}),
    ],
    ids=range(5),
)  # fmt: skip
def test_the_outer_one_can_say_nothing_while_it_waits(line: bytes) -> None:
    session = asked()
    session.exec("2", None)

    with pytest.raises(ProtocolViolation):
        session.receive(line)
    assert session.state is State.BROKEN


def test_another_thread_of_the_outer_one_may_log() -> None:
    session = asked()
    session.exec("2", None)

    assert session.receive(LOG) == [Notice("Core.Log", (3, "hello"))]
    assert session.receive(result(2, {"code": 0})) == [Done(0)]


def test_so_many_execs_run_within_each_other_and_no_more() -> None:
    session = asked(MAX_DEPTH)
    assert not session.can_nest

    with pytest.raises(RuntimeError, match=f"not allowed within {MAX_DEPTH} others"):
        session.exec("more", None)

    for number in reversed(range(1, MAX_DEPTH + 1)):
        session.answer(None)
        assert session.receive(result(number, {"code": number})) == [Done(number)]
    assert session.state is State.IDLE


def test_an_exec_that_does_not_fit_or_a_load_leaves_the_outer_one_as_it_was() -> None:
    session = asked(limit=4096)

    with pytest.raises(ConfigError):
        session.exec("2", "x" * 5000)
    with pytest.raises(RuntimeError, match="not allowed while asked"):
        session.load({})

    assert (session.state, session.depth) == (State.ASKED, 0)
    session.answer(None)
    assert session.receive(result(1, {"code": 0})) == [Done(0)]


@pytest.mark.parametrize(("number", "during"), [(2, True), (1, False), (0, False)])
def test_an_exit_belongs_to_the_innermost(number: int, *, during: bool) -> None:
    session = asked()
    session.exec("2", None)

    assert session.receive(EXITING % number) == [Exiting(3, ends_request=during)]
    assert session.state is State.CLOSED


@given(st.lists(st.sampled_from(["exec", "ask", "answer", "done", "fail", "log"]), max_size=40), st.data())
@settings(deadline=None, max_examples=300)
def test_whatever_runs_within_what_each_result_is_that_of_the_last_exec_that_has_not_ended(
    steps: list[str], data: st.DataObject
) -> None:
    """Against a stack of numbers, with lines that come in pieces."""
    session, stack, numbers, questions = Session(LIMIT, State.IDLE), list[int](), 0, list[int]()
    for step in steps:
        running = len(stack) > len(questions)
        said = b""
        match step:
            case "exec" if not running and len(stack) < MAX_DEPTH:
                numbers += 1
                assert json.loads(session.exec(f"{numbers}", None))["id"] == numbers
                stack.append(numbers)
            case "ask" if running:
                questions.append(100 + len(questions))
                said = question(questions[-1])
            case "answer" if stack and not running:
                assert json.loads(session.answer(None))["id"] == questions.pop()
            case "done" if running:
                said = result(stack.pop(), {"code": 5, "used": 0, "edits": []})
            case "fail" if running:
                said = error(stack.pop(), code=-32000, message="E")
            case "log" if stack:
                said = LOG
        cut = data.draw(st.integers(0, len(said)))
        events = [event for piece in (said[:cut], said[cut:]) for event in session.receive(piece)]
        assert len(events) == bool(said)
        assert session.depth == max(0, len(stack) - 1)
        assert session.state is (State.RUNNING if len(stack) > len(questions) else State.ASKED if stack else State.IDLE)
